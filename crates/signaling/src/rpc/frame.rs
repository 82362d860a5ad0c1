//! One text frame of a device.
//!
//! A frame is parsed in steps, and what is not needed is skipped without being kept: the syntax as a whole, then the
//! members of the request, then the parameters of the methods that have any.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::params::{self, AnswerSdp, OfferSdp};
use super::{CallId, Refusal};

/// The longest frame, in bytes. The shell's limit for a WebSocket message is the same.
pub const FRAME_LEN_MAX: usize = 1024 * 1024;

/// What a frame is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// It wants a reply.
    Call(Call),
    /// It gets no reply.
    Notification(Notification),
    /// Nothing to do and nobody to tell: a reply (the server makes no calls), or a notification that is not known or
    /// makes no sense without a reply.
    Ignored,
    /// It gets an error for a reply.
    Refused {
        /// Under which id; null when the frame has none that can be used.
        id: CallId,
        /// Why.
        refusal: Refusal,
    },
}

/// A call with the parameters that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Under which id it is answered.
    pub id: CallId,
    /// What is wanted.
    pub method: Method,
}

/// The methods of device API v3 that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// `setMediaPreferences`: there is one choice only, so whatever is preferred is accepted.
    SetMediaPreferences,
    /// `offerSdp`: publish these streams, and no others.
    OfferSdp(OfferSdp),
    /// `answerSdp`: the answer to the server's offer.
    AnswerSdp(AnswerSdp),
    /// `ping`.
    Ping,
    /// `leave`, which clients send as a notification.
    Leave,
    /// `deviceDiagnostics`, which clients send as a notification. Holds the token; nothing of it is kept.
    DeviceDiagnostics,
}

/// The methods of device API v3 that make sense without a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notification {
    /// The device leaves for good.
    Leave,
    /// Logs of the client. They hold the token; nothing of them is kept.
    DeviceDiagnostics,
}

/// Takes a text frame of a device.
pub fn parse(text: &str) -> Frame {
    let refused = |refusal| Frame::Refused { id: CallId::null(), refusal };
    if text.len() > FRAME_LEN_MAX {
        return refused(Refusal::FrameTooLong);
    }
    let Ok(json) = serde_json::from_str::<&RawValue>(text) else {
        return refused(Refusal::NotJson);
    };
    match json.get().bytes().next() {
        Some(b'{') => {}
        Some(b'[') => return refused(Refusal::InvalidRequest("batches are not taken")),
        _ => return refused(Refusal::InvalidRequest("an object is required")),
    }
    match serde_json::from_str::<Members<'_>>(json.get()) {
        Ok(members) => members.into_frame(),
        Err(_) => refused(Refusal::InvalidRequest("a member stands twice")),
    }
}

/// The members of a JSON-RPC object, not looked into.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// Keeps a member that is null apart from one that is absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl Members<'_> {
    fn into_frame(self) -> Frame {
        if self.method.is_none() && (self.result.is_some() || self.error.is_some()) {
            return Frame::Ignored;
        }
        let id = match self.id.map(CallId::new) {
            Some(Some(id)) => Some(id),
            Some(None) => {
                let refusal = Refusal::InvalidRequest("id: a short string, a number or null is required");
                return Frame::Refused { id: CallId::null(), refusal };
            }
            None => None,
        };
        let method = match self.checked_method() {
            Ok(method) => method,
            Err(refusal) => {
                return Frame::Refused { id: id.unwrap_or_else(CallId::null), refusal };
            }
        };
        match id {
            None => notification(&method),
            Some(id) => match call(&method, self.params) {
                Ok(method) => Frame::Call(Call { id, method }),
                Err(refusal) => Frame::Refused { id, refusal },
            },
        }
    }

    fn checked_method(&self) -> Result<Cow<'_, str>, Refusal> {
        if self.jsonrpc.and_then(params::text).as_deref() != Some("2.0") {
            return Err(Refusal::InvalidRequest("jsonrpc: \"2.0\" is required"));
        }
        self.method.and_then(params::text).ok_or(Refusal::InvalidRequest("method: a string is required"))
    }
}

fn notification(method: &str) -> Frame {
    match method {
        "leave" => Frame::Notification(Notification::Leave),
        "deviceDiagnostics" => Frame::Notification(Notification::DeviceDiagnostics),
        _ => Frame::Ignored,
    }
}

fn call(method: &str, params: Option<&RawValue>) -> Result<Method, Refusal> {
    match method {
        "setMediaPreferences" => Ok(Method::SetMediaPreferences),
        "offerSdp" => Ok(Method::OfferSdp(OfferSdp::parse(params)?)),
        "answerSdp" => Ok(Method::AnswerSdp(AnswerSdp::parse(params)?)),
        "ping" => Ok(Method::Ping),
        "leave" => Ok(Method::Leave),
        "deviceDiagnostics" => Ok(Method::DeviceDiagnostics),
        _ => Err(Refusal::UnknownMethod),
    }
}
