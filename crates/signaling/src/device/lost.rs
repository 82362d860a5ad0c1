//! Calls that never arrived.
//!
//! A client that loses its socket does not send its pending calls again, and waits for their answers for ever; one of them
//! keeps all later ones of its kind waiting, so that the device neither publishes nor takes an offer any more. Clients count
//! their calls through, over all sockets, and ignore answers to calls that they did not make. So when a socket takes the
//! place of another, the next few calls are taken for lost, and answered with an error before anything else is sent.
//!
//! A device that comes back to a restarted server has made calls that nobody remembers: there, a gap before the first call is
//! what was lost.

use std::ops::RangeInclusive;

use crate::rpc::CallId;

/// The most calls that are taken for lost at once. A client has one that publishes and one that subscribes, and a ping
/// every few minutes.
pub const CALLS_LOST_MAX: u64 = 8;

/// No calls.
#[expect(clippy::reversed_empty_ranges, reason = "an empty range is meant")]
const NONE: RangeInclusive<u64> = 1..=0;

/// The numbers of a device's calls.
#[derive(Debug, Default)]
pub(super) struct CallNumbers {
    /// The highest that came.
    last: Option<u64>,
}

impl CallNumbers {
    /// Another socket is there. The numbers of the calls that may have been lost with the one before.
    pub(super) fn start_socket(&self) -> RangeInclusive<u64> {
        match self.last {
            Some(last) => last.saturating_add(1)..=last.saturating_add(CALLS_LOST_MAX),
            None => NONE,
        }
    }

    /// Takes the id of a call. The numbers of those that were lost before it.
    pub(super) fn take(&mut self, id: &CallId) -> RangeInclusive<u64> {
        let Some(number) = id.as_number() else {
            return NONE;
        };
        let known = self.last;
        self.last = known.max(Some(number));
        match known {
            Some(_) => NONE,
            None => number.saturating_sub(CALLS_LOST_MAX).max(1)..=number.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_the_first_call_that_is_known_was_lost() {
        for (first, lost) in [(1, vec![]), (0, vec![]), (4, vec![1, 2, 3]), (100, (92..100).collect())] {
            let mut numbers = CallNumbers::default();
            assert!(numbers.start_socket().is_empty());
            let found: Vec<u64> = numbers.take(&CallId::from_number(first)).collect();
            assert_eq!(found, lost, "{first}");
            assert!(numbers.take(&CallId::from_number(first + 5)).is_empty());
        }
    }

    #[test]
    fn what_comes_after_the_last_call_may_be_lost_with_the_socket() {
        let mut numbers = CallNumbers::default();
        numbers.take(&CallId::from_number(7));
        numbers.take(&CallId::from_number(6));
        assert_eq!(numbers.start_socket(), 8..=15);
        assert!(numbers.take(&CallId::from_number(u64::MAX)).is_empty());
        assert_eq!(numbers.start_socket().count(), 1, "nothing overflows");
    }

    #[test]
    fn ids_that_are_no_numbers_tell_nothing() {
        let mut numbers = CallNumbers::default();
        assert!(numbers.take(&CallId::null()).is_empty());
        assert!(numbers.start_socket().is_empty());
    }
}
