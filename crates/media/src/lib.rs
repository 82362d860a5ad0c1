//! The media plane: the two peer connections of each device, and the forwarding of packets between them.
//!
//! It knows devices, streams and sinks, not sessions: it takes [`Order`]s and says what happens in
//! [`DeviceEvent`]s. Everything below [`Shard`] is free of input and output: datagrams and time come in as arguments,
//! transmits are polled. [`MediaPlane`] runs a shard on a thread of its own that owns its sockets.
//!
//! Inside, *ingress* ([`publish`]: a publisher's packets in), *routing* ([`routing`]: which sinks) and *egress*
//! ([`egress`]: rewriting and sending to one sink) are kept apart. Egress stands on the library today.
//!
//! Invariants:
//! - a packet is written to a sink only between the order to start that crosspoint and the order to stop it;
//! - a track that the publisher's permissions don't cover is neither accepted in the answer nor forwarded;
//! - one subscribe offer is in flight for each device, and m-lines never shrink or change their order or kind;
//! - a datagram from a source that never proved itself by STUN costs one look-up and gets no answer.

mod codec;
mod connection;
mod counters;
mod demux;
mod egress;
mod ice_key;
mod key_frames;
mod lines;
mod order;
mod plane;
mod publish;
mod routing;
mod sdp;
mod shard;
mod subscribe;
mod tcp;
mod timers;

pub use codec::Side;
pub use connection::Path;
pub use counters::{CounterValues, Counters};
pub use demux::Remote;
pub use ice_key::IceKey;
pub use order::{
    Crosspoint, DeviceEvent, MediaKind, Offer, OfferedStream, Order, PublishAnswer, PublishedStream,
    StreamRequest,
};
pub use plane::{MediaAddresses, MediaPlane, MediaPlaneError};
pub use sdp::{SDP_LEN_MAX, SdpRefusal};
pub use shard::Shard;
