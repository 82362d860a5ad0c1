//! What the server sends: results, errors, and the one notification.

use std::collections::BTreeMap;

use crosspoint_ids::{DeviceId, ParticipantId, StreamId};
use crosspoint_model::MediaTypes;
use serde::{Serialize, Serializer};

use super::{CallId, Refusal};

/// Streams by the id that the device knows them under, as in `a=msid`.
type StreamMap<'a> = BTreeMap<String, StreamMetadata<'a>>;

/// What is told about a stream.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamMetadata<'a> {
    /// The stream's id at the server.
    #[serde(serialize_with = "as_text")]
    pub endpoint_id: StreamId,
    /// What it carries.
    #[serde(serialize_with = "as_names")]
    pub media_types: MediaTypes,
    /// Who publishes it.
    #[serde(serialize_with = "as_text")]
    pub participant_id: ParticipantId,
    /// The name that the publisher gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<&'a str>,
}

/// The result of `offerSdp`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferSdpResult<'a> {
    /// The server's SDP.
    pub sdp_answer: &'a str,
    /// Which device.
    #[serde(serialize_with = "as_text")]
    pub endpoint_id: DeviceId,
    /// All streams of the offer, by the device's own stream ids.
    pub stream_metadata: StreamMap<'a>,
}

/// The parameters of `sdpOffer`, the notification.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SdpOffer<'a> {
    /// The server's SDP.
    pub sdp_offer: &'a str,
    /// At least 1, within 31 bits, and growing.
    pub sdp_revision: u32,
    /// Which device.
    #[serde(serialize_with = "as_text")]
    pub endpoint_id: DeviceId,
    /// All streams of the offer, by the server's stream ids.
    pub stream_metadata: StreamMap<'a>,
}

/// The result of a call that has nothing to say: `{}`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Empty {}

/// The result of a call.
pub fn reply<T: Serialize>(id: &CallId, result: &T) -> String {
    #[derive(Serialize)]
    struct Reply<'a, T> {
        jsonrpc: &'static str,
        id: &'a CallId,
        result: &'a T,
    }

    write(&Reply { jsonrpc: "2.0", id, result })
}

/// The error of a call, or of a frame that is none.
pub fn refuse(id: &CallId, refusal: &Refusal) -> String {
    #[derive(Serialize)]
    struct Reply<'a> {
        jsonrpc: &'static str,
        id: &'a CallId,
        error: Error,
    }
    #[derive(Serialize)]
    struct Error {
        code: i32,
        message: String,
    }

    let error = Error { code: refusal.code(), message: refusal.to_string() };
    write(&Reply { jsonrpc: "2.0", id, error })
}

/// The server's only notification: `sdpOffer`.
pub fn notification(params: &SdpOffer<'_>) -> String {
    #[derive(Serialize)]
    struct Notification<'a> {
        jsonrpc: &'static str,
        method: &'static str,
        params: &'a SdpOffer<'a>,
    }

    write(&Notification { jsonrpc: "2.0", method: "sdpOffer", params })
}

fn write(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("structs with text keys always have a JSON form")
}

fn as_text<S: Serializer>(id: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn as_names<S: Serializer>(types: &MediaTypes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(types.names())
}
