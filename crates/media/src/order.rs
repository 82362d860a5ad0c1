//! What the media plane is told, and what it says.

use crosspoint_ids::{DeviceId, ParticipantId, StreamId};
use tokio::sync::{mpsc, oneshot};

use crate::connection::Path;
use crate::{SdpRefusal, Side};

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

impl MediaKind {
    /// As in an m-line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// Something that the media plane must do. Orders are carried out in the order in which they come.
#[derive(Debug)]
pub enum Order {
    /// Make room for a device.
    OpenDevice {
        /// Which.
        device: DeviceId,
        /// Whose.
        participant: ParticipantId,
        /// What it may publish.
        allowed: Vec<MediaKind>,
        /// The m-lines, below the application line, that its client is known to have from before, in their order. Every
        /// offer repeats them; with any, an offer is due at once, so that the path comes up.
        lines: Vec<MediaKind>,
        /// Where to say what happens to it. A full queue means that nobody listens: the device's media is closed.
        events: mpsc::Sender<DeviceEvent>,
    },
    /// Whether offers can reach the device now. A device starts out unreachable.
    SignallingChanged {
        /// Which.
        device: DeviceId,
        /// Up: an unanswered offer is made again. Down: offers are held back.
        signalling: Path,
    },
    /// The device offers what it publishes: all streams that are up after this offer.
    PublishOffer {
        /// Which device.
        device: DeviceId,
        /// Its SDP.
        sdp: String,
        /// Its streams, as it calls them.
        streams: Vec<StreamRequest>,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<PublishAnswer, SdpRefusal>>,
    },
    /// The device answers the offer in flight. An answer that comes too late is taken and changes nothing.
    SubscribeAnswer {
        /// Which device.
        device: DeviceId,
        /// Its SDP.
        sdp: String,
        /// Where the verdict goes.
        reply: oneshot::Sender<Result<(), SdpRefusal>>,
    },
    /// Change who receives what, as one step.
    Route {
        /// Crosspoints that end.
        stop: Vec<Crosspoint>,
        /// Crosspoints that begin.
        start: Vec<Crosspoint>,
    },
    /// Forget a device and everything that it publishes and receives.
    CloseDevice {
        /// Which.
        device: DeviceId,
    },
}

/// One stream going to one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crosspoint {
    /// What is received.
    pub stream: StreamId,
    /// By which device.
    pub subscriber: DeviceId,
}

/// A stream that a device wants to be up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRequest {
    /// The MediaStream's id, as in `a=msid`.
    pub msid: String,
    /// The name that the device gives it.
    pub alias: Option<String>,
}

/// What became of an offer of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishAnswer {
    /// The answer's SDP.
    pub sdp: String,
    /// Every stream of the offer that the device named.
    pub streams: Vec<PublishedStream>,
}

/// A stream of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedStream {
    /// The id under which subscribers see it.
    pub id: StreamId,
    /// The MediaStream's id, as in `a=msid`.
    pub msid: String,
    /// The name that the device gave it.
    pub alias: Option<String>,
    /// What it carries, audio first; empty when nothing of it may be published.
    pub kinds: Vec<MediaKind>,
}

/// Something that happened to a device's media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceEvent {
    /// Send this offer to the device.
    OfferReady(Offer),
    /// A peer connection of the device became reachable or was lost.
    PathChanged {
        /// Which of the two.
        side: Side,
        /// What it is now.
        path: Path,
    },
}

/// An offer of what the device receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The offer's SDP.
    pub sdp: String,
    /// At least 1, within 31 bits, and growing with every offer of this process and the next.
    pub revision: u32,
    /// All streams in the offer.
    pub streams: Vec<OfferedStream>,
    /// All m-lines of the offer below the application line, in their order. A later offer never has fewer.
    pub lines: Vec<MediaKind>,
}

/// A stream in an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedStream {
    /// Its id, as in `a=msid`.
    pub id: StreamId,
    /// Who publishes it.
    pub participant: ParticipantId,
    /// The name that the publisher gave it.
    pub alias: Option<String>,
    /// What it carries, audio first.
    pub kinds: Vec<MediaKind>,
}
