//! Device API v3: what a browser or phone app speaks to the server, without the sockets.
//!
//! [`rpc`] holds the wire: JSON-RPC 2.0 frames of the device, parsed once into types, and the frames that the server
//! sends. [`Device`] is the state machine of one device. It sits between the device's WebSocket, which comes and goes,
//! the media plane and the core, and outlives its sockets.
//!
//! Nothing in here does input or output, reads a clock or makes ids, and nothing in here looks into an SDP.
//!
//! Invariants, checked over random inputs in `tests/`:
//! - calls are answered in the order in which they came, and on one socket none is answered twice;
//! - a call whose reply may not have arrived is answered again on the next socket, under its old id;
//! - one call at a time is in the media plane;
//! - after [`Output::Gone`] nothing comes out;
//! - what came from or goes to a device never shows in `Debug`, for it holds tokens and ICE passwords
//!   ([`Confidential`]).

mod confidential;
mod device;
pub mod rpc;

pub use confidential::Confidential;
pub use device::{
    CALLS_LOST_MAX, CALLS_WAITING_MAX, CallNumber, ConnectionId, Device, GoneReason, Input,
    MALFORMED_IN_A_ROW_MAX, OfferedStream, Output, PAGE_CLOSED_WINDOW, Path, PublishAnswer,
    PublishAnswerStream, REPLIES_KEPT_MAX, RESUME_WINDOW, Side, SubscribeOffer,
};
pub use rpc::RequestedStream;
