//! Session descriptions (RFC 8866, RFC 9429) as far as this server needs them.
//!
//! [`Document`] is the text cut into lines and sections, with bounds. [`PublishOffer`] is what a device wants to
//! publish; [`SubscribeOffer`](offer::SubscribeOffer) and [`SubscribeAnswer`] are the two sides of what it receives.

mod answer;
mod document;
mod offer;
mod publish;

pub(crate) use answer::{LineAnswer, SubscribeAnswer};
pub use document::SDP_LEN_MAX;
pub(crate) use offer::{CarriedTrack, OfferLine, SubscribeOffer, mid_of};
pub(crate) use publish::{OfferedTrack, PublishLine, PublishOffer};

/// A session description that is refused. The text is for whoever wrote the description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpRefusal {
    /// The text is too long.
    #[error("the SDP is longer than {SDP_LEN_MAX} bytes")]
    TooLong,
    /// A line is not `x=…`, or too long.
    #[error("line {0} of the SDP is malformed")]
    MalformedLine(usize),
    /// More m-lines than one connection may have.
    #[error("the SDP has more than {0} m-lines")]
    TooManyMediaLines(usize),
    /// An m-line lacks something, or has it in a form that can't be used.
    #[error("m-line {index} of the SDP: {problem}")]
    MediaLine {
        /// Counted from 0.
        index: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Something that stands once for the whole description is missing.
    #[error("the SDP has no usable {0}")]
    Missing(&'static str),
    /// The description does not fit what was negotiated before.
    #[error("the SDP does not fit the one before: {0}")]
    Contradiction(&'static str),
    /// The peer connection can't take it.
    #[error("the SDP can't be applied: {0}")]
    NotApplicable(String),
    /// There is no offer that this could answer.
    #[error("there is no such device")]
    NoSuchDevice,
}
