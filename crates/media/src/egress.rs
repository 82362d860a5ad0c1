//! The last step of a packet: from a track to one m-line of one subscriber.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::rtp::{ExtensionValues, RtpWrite, Ssrc};

use crate::codec::Codec;

/// A subscriber that waits for a picture asks again after this time.
const KEY_FRAME_PATIENCE: Duration = Duration::from_millis(500);

/// A packet of a track, made ready once for all its sinks.
#[derive(Debug, Clone)]
pub(crate) struct TrackPacket {
    pub(crate) codec: Codec,
    /// Our payload type.
    pub(crate) payload_type: u8,
    /// Extended sequence number, continuous over the life of the track.
    pub(crate) sequence: u64,
    /// In units of the codec's clock, continuous over the life of the track.
    pub(crate) time: u32,
    pub(crate) marker: bool,
    /// Those that subscribers get.
    pub(crate) extensions: ExtensionValues,
    /// Shared by all sinks.
    pub(crate) payload: Arc<[u8]>,
    pub(crate) received_at: Instant,
    pub(crate) starts_key_frame: bool,
}

/// What one m-line sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Egress {
    ssrc: Ssrc,
    gate: Gate,
}

/// Packets pass from the first one on that a decoder can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// None has come yet.
    Closed {
        /// When a key frame was asked for.
        asked_at: Instant,
    },
    /// Packets pass; sequence numbers start within the first 16 bits, because the receiver's rollover counter starts
    /// at zero (RFC 3711 section 3.3.1).
    Open {
        /// Taken off each sequence number.
        rollover: u64,
        /// The first packet's; what comes late from before is of no use.
        first: u64,
    },
}

/// What became of a packet at a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was handed to the connection.
    Sent,
    /// It can't be used without a key frame before it.
    Held,
    /// The same, and a key frame should be asked for once more.
    HeldTooLong,
}

impl Egress {
    /// Sends under this SSRC, which the subscriber was told in an offer that it answered.
    pub(crate) fn new(ssrc: Ssrc, now: Instant) -> Self {
        Self { ssrc, gate: Gate::Closed { asked_at: now } }
    }

    /// Writes a packet. The connection must be driven afterwards.
    pub(crate) fn write(&mut self, rtc: &mut Rtc, packet: &TrackPacket) -> Written {
        let (rollover, first) = match self.gate {
            Gate::Open { rollover, first } => (rollover, first),
            Gate::Closed { .. } if packet.starts_key_frame => {
                let rollover = packet.sequence & !0xffff;
                self.gate = Gate::Open { rollover, first: packet.sequence };
                (rollover, packet.sequence)
            }
            Gate::Closed { asked_at } if packet.received_at > asked_at + KEY_FRAME_PATIENCE => {
                self.gate = Gate::Closed { asked_at: packet.received_at };
                return Written::HeldTooLong;
            }
            Gate::Closed { .. } => return Written::Held,
        };
        if packet.sequence < first {
            return Written::Held;
        }
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx(&self.ssrc) else {
            return Written::Held;
        };
        let write = RtpWrite::new(
            packet.payload_type.into(),
            (packet.sequence - rollover).into(),
            packet.time,
            packet.received_at,
            Arc::clone(&packet.payload),
        );
        stream.write_rtp(
            write
                .marker(packet.marker)
                .ext_vals(packet.extensions.clone())
                .nackable(packet.codec.rtx_payload_type().is_some()),
        );
        Written::Sent
    }
}
