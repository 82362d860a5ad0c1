//! What comes of an attempt, and of a delivery.

use std::fmt;
use std::time::Duration;

use crosspoint_ids::{AccountId, ParticipantId};

use crate::Origin;

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A status of 200 to 299.
    Accepted,
    /// 410: the receiver wants no more callbacks. Standard Webhooks tells senders to stop, so this one is not tried
    /// again. Later ones of the same participant are tried once each: they end the same way, and a receiver that said
    /// 410 by mistake hears again from us when it is mended.
    Gone,
    /// Any other status, redirects included, or an address that is not allowed. Costs the receiver's neighbours no time.
    Refused,
    /// No answer in time, no connection, or a status that says overload (429, 502, 503, 504).
    Unwell {
        /// How long the receiver wants to be left alone.
        retry_after: Option<Duration>,
    },
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver accepted it.
    Delivered,
    /// It is given up.
    Dropped(DropReason),
}

/// Why a delivery is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// Nobody accepted it within its time.
    Expired,
    /// Its account has too many others that are newer.
    Overflow,
    /// The receiver answered 410.
    Gone,
    /// Its URL can't be used.
    BadUrl,
}

impl DropReason {
    /// A word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Overflow => "overflow",
            Self::Gone => "gone",
            Self::BadUrl => "bad URL",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A delivery that needs no more attention: its durable record can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The delivery's id.
    pub id: u64,
    /// Whose participant.
    pub account: AccountId,
    /// Whom it was about.
    pub participant: ParticipantId,
    /// Where it was to go; absent when its URL can't be used.
    pub origin: Option<Origin>,
    /// What became of it.
    pub outcome: Outcome,
}
