//! The wire: JSON-RPC 2.0 as device API v3 uses it, one text frame at a time.
//!
//! [`parse`] makes a [`Frame`] of what a device sent, [`reply`] and [`notification`] write what the server sends.
//! There is no state here: whether and when a call is carried out is for [`Device`](crate::Device).

mod call_id;
mod frame;
mod params;
mod refusal;
mod send;

#[cfg(test)]
mod tests;

pub use call_id::{CALL_ID_LEN_MAX, CallId};
pub use frame::{Call, FRAME_LEN_MAX, Frame, Method, Notification, parse};
pub use params::{
    AnswerSdp, InvalidParams, MSID_LEN_MAX, OfferSdp, RequestedStream, SDP_LEN_MAX, STREAMS_MAX,
};
pub use refusal::Refusal;
pub use send::{Empty, OfferSdpResult, SdpOffer, StreamMetadata, notification, refuse, reply};
