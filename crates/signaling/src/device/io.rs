//! What goes into the state machine of a device, and what comes out.

use crosspoint_ids::{ParticipantId, StreamId};
use crosspoint_model::{Alias, CloseReason, MediaTypes, PublishedStream};

use crate::Confidential;
use crate::rpc::RequestedStream;

/// One WebSocket of a device. The shell makes a new one for each socket and never uses it again for this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One call of a device, counted by the server; it goes on across sockets, unlike the ids that devices choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallNumber(pub(super) u64);

impl CallNumber {
    /// The number itself, for logs.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// Which of the two peer connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// What the device sends.
    Publish,
    /// What the device receives.
    Subscribe,
}

/// Whether packets get through a peer connection, as ICE consent tells (RFC 7675).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// They do.
    Up,
    /// They did, and no longer do.
    Down,
}

/// Something that happened. One about a socket or a call that is over changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A WebSocket of this device is there: the first, or one that resumes. It takes the place of an earlier one.
    Attached {
        /// Which.
        connection: ConnectionId,
    },
    /// A text frame came. (On a binary one the shell closes the socket with 1003.)
    Frame {
        /// On which socket.
        connection: ConnectionId,
        /// The whole frame.
        text: Confidential,
    },
    /// A WebSocket pong came; the shell hands in every one and need not look at it.
    Pong {
        /// On which socket.
        connection: ConnectionId,
        /// What it carries.
        payload: Vec<u8>,
    },
    /// The socket is gone, whoever closed it.
    Detached {
        /// Which.
        connection: ConnectionId,
        /// The close code that the device sent; `None` when it sent none.
        close_code: Option<u16>,
    },
    /// The media plane answered [`Output::ApplyPublishOffer`]; an error is a sentence for the device.
    PublishAnswered {
        /// Which call.
        call: CallNumber,
        /// What became of it. After an error what was published before still is.
        result: Result<PublishAnswer, String>,
    },
    /// The media plane took [`Output::ApplySubscribeAnswer`]; an error is a sentence for the device.
    SubscribeAnswered {
        /// Which call.
        call: CallNumber,
        /// What became of it.
        result: Result<(), String>,
    },
    /// The media plane offers what the device receives. Dropped while no socket is attached: the media plane makes a
    /// new one after [`Output::SignallingUp`].
    OfferReady(SubscribeOffer),
    /// A peer connection came up or was lost.
    PathChanged {
        /// Which.
        side: Side,
        /// What it is now.
        path: Path,
    },
    /// The core closes the device for good.
    Close(CloseReason),
    /// The server ends; the device shall come back to the next one.
    ServerStopping,
}

/// What became of an offer of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishAnswer {
    /// The server's SDP.
    pub sdp: Confidential,
    /// All streams that are up now, and those of which nothing may be published; no msid twice.
    pub streams: Vec<PublishAnswerStream>,
}

/// A stream that the device offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishAnswerStream {
    /// The MediaStream's id, as in `a=msid`.
    pub msid: String,
    /// The id under which subscribers see it.
    pub id: StreamId,
    /// The name that the device gave it.
    pub alias: Option<Alias>,
    /// What of it is accepted. Nothing: the device is told so, and the stream is not published.
    pub media_types: MediaTypes,
}

/// An offer of what the device receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeOffer {
    /// The server's SDP.
    pub sdp: Confidential,
    /// At least 1, within 31 bits, growing with every offer: the media plane sees to that.
    pub revision: u32,
    /// All streams in the offer.
    pub streams: Vec<OfferedStream>,
}

/// A stream in an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedStream {
    /// Its id, as in `a=msid`.
    pub id: StreamId,
    /// Who publishes it.
    pub participant: ParticipantId,
    /// The name that the publisher gave it.
    pub alias: Option<Alias>,
    /// What it carries.
    pub media_types: MediaTypes,
}

/// Something that the shell must do. Outputs are carried out in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a text frame. On a socket that is gone it is dropped.
    Send {
        /// On which socket.
        connection: ConnectionId,
        /// The frame.
        text: Confidential,
    },
    /// Send a WebSocket ping behind the frames before. The pong tells that they arrived; every client's WebSocket
    /// library answers by itself. Without a pong the replies before are sent again on the next socket.
    SendPing {
        /// On which socket.
        connection: ConnectionId,
        /// What it carries.
        payload: [u8; 8],
    },
    /// Close a socket. Nothing more is sent on it.
    CloseSocket {
        /// Which.
        connection: ConnectionId,
        /// The close code; with all but 1000 the client comes back in a second.
        code: u16,
        /// The close reason, under 100 bytes.
        reason: &'static str,
    },
    /// Hand an offer of the device to the media plane, and its word to [`Input::PublishAnswered`]. The calls behind
    /// wait for it, so one must come; when the media plane is gone, it is an error.
    ApplyPublishOffer {
        /// Which call.
        call: CallNumber,
        /// The device's SDP.
        sdp: Confidential,
        /// All streams that are up after this offer.
        streams: Vec<RequestedStream>,
    },
    /// Hand an answer of the device to the media plane, and its word to [`Input::SubscribeAnswered`]. The calls behind
    /// wait for it, too.
    ApplySubscribeAnswer {
        /// Which call.
        call: CallNumber,
        /// The device's SDP.
        sdp: Confidential,
    },
    /// Tell the media plane that offers reach the device now. An unanswered one is made again under a higher revision.
    SignallingUp,
    /// Tell the media plane to hold its offers.
    SignallingLost,
    /// Tell the core: these streams and no others are published now. Comes when that changed, and before the reply
    /// that tells the device.
    StreamsPublished(Vec<PublishedStream>),
    /// The device is over: close its media, tell the core (unless it was the core that closed it), drop this state
    /// machine. Always the last output.
    Gone {
        /// Why.
        reason: GoneReason,
    },
}

/// Why a device is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoneReason {
    /// It said so.
    Left,
    /// It did not come back, or it broke the protocol beyond what is borne.
    Lost,
    /// The core closed it.
    Closed,
}
