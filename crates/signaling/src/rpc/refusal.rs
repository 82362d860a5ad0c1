//! What the server does not do, and the one table that maps it to JSON-RPC.

use super::InvalidParams;

/// Why a frame or a call is refused. Its text goes to the device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not JSON at all.
    #[error("the frame is not JSON")]
    NotJson,
    /// Too long to be looked at.
    #[error("the frame is longer than {} bytes", super::FRAME_LEN_MAX)]
    FrameTooLong,
    /// JSON, but not a request of JSON-RPC 2.0.
    #[error("not a JSON-RPC 2.0 request: {0}")]
    InvalidRequest(&'static str),
    /// A method that device API v3 does not have.
    #[error("there is no such method")]
    UnknownMethod,
    /// The method is there, its parameters are not right.
    #[error(transparent)]
    InvalidParams(#[from] InvalidParams),
    /// The call never came; the answer ends the client's wait.
    #[error("the call was lost with its WebSocket: call again")]
    Lost,
    /// The media plane does not take this SDP.
    #[error("{0}")]
    Sdp(String),
}

impl Refusal {
    /// The error code of JSON-RPC 2.0, section 5.1.
    pub fn code(&self) -> i32 {
        match self {
            Self::NotJson => -32700,
            Self::FrameTooLong | Self::InvalidRequest(_) => -32600,
            Self::UnknownMethod => -32601,
            Self::InvalidParams(_) | Self::Sdp(_) => -32602,
            // Ours, from the range for servers.
            Self::Lost => -32000,
        }
    }

    /// Whether the frame was no call at all: no client of device API v3 does that.
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::NotJson | Self::FrameTooLong | Self::InvalidRequest(_) => true,
            Self::UnknownMethod | Self::InvalidParams(_) | Self::Lost | Self::Sdp(_) => false,
        }
    }
}
