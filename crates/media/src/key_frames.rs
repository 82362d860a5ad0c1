//! When to ask a publisher for a key frame.
//!
//! Many subscribers may want one at once, and each one costs the publisher many packets; so requests are spaced, and
//! one that comes too early is kept, not lost.

use std::time::{Duration, Instant};

/// The shortest time between two requests for one track.
pub(crate) const KEY_FRAME_SPACING: Duration = Duration::from_millis(250);

/// The requests for one track.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum KeyFrameRequests {
    /// None was ever made.
    #[default]
    Untouched,
    /// The last one went out then.
    Asked(Instant),
    /// One more is wanted at this time.
    Waiting(Instant),
}

impl KeyFrameRequests {
    /// Wants a key frame. `true`: ask for it now.
    pub(crate) fn want(&mut self, now: Instant) -> bool {
        match *self {
            Self::Asked(last) if now < last + KEY_FRAME_SPACING => {
                *self = Self::Waiting(last + KEY_FRAME_SPACING);
                false
            }
            Self::Waiting(at) if now < at => false,
            Self::Untouched | Self::Asked(_) | Self::Waiting(_) => {
                *self = Self::Asked(now);
                true
            }
        }
    }

    /// Lets time pass. `true`: ask now for what had to wait.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        match *self {
            Self::Waiting(at) if now >= at => {
                *self = Self::Asked(now);
                true
            }
            Self::Untouched | Self::Asked(_) | Self::Waiting(_) => false,
        }
    }

    /// When [`KeyFrameRequests::handle_timeout`] is due.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        match self {
            Self::Waiting(at) => Some(*at),
            Self::Untouched | Self::Asked(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spaced_and_the_last_one_is_kept() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut requests = KeyFrameRequests::default();
        assert!(requests.want(at(0)));
        assert!(!requests.want(at(10)));
        assert!(!requests.want(at(20)));
        assert_eq!(requests.timeout(), Some(at(250)));
        assert!(!requests.handle_timeout(at(249)));
        assert!(requests.handle_timeout(at(250)));
        assert_eq!(requests.timeout(), None);
        assert!(!requests.want(at(300)));
        assert!(requests.handle_timeout(at(500)));
        assert!(requests.want(at(900)));
    }
}
