//! How fast a client's frames are taken in: as a leaky bucket that delays and drops nothing.

use std::time::Duration;

use tokio::time::Instant;

/// What each frame costs, whatever its length: 50 a second. Each may cost the media plane a negotiation.
const FRAME_COST: Duration = Duration::from_millis(20);
/// How many bytes go for a second.
const BYTES_PER_SECOND: u32 = 256 * 1024;
/// How much may come at once, in time: a page that opens, or comes back from a network that was down.
const BURST: Duration = Duration::from_secs(4);

/// The pace of one socket.
#[derive(Debug)]
pub(crate) struct Pace {
    /// When all that came is paid for.
    paid_at: Instant,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { paid_at: now }
    }

    /// A frame of so many bytes came.
    pub(crate) fn pay(&mut self, now: Instant, len: usize) {
        let bytes = u32::try_from(len).unwrap_or(u32::MAX);
        let cost = FRAME_COST.max(Duration::from_secs(1) * bytes / BYTES_PER_SECOND);
        self.paid_at = self.paid_at.max(now) + cost;
    }

    /// When the next frame may be read.
    pub(crate) fn next_at(&self) -> Instant {
        self.paid_at.checked_sub(BURST).unwrap_or(self.paid_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many frames of a length are read in this time by somebody who reads whenever it may.
    fn read_in(time: Duration, len: usize) -> usize {
        let start = Instant::now() + BURST;
        let mut pace = Pace::new(start);
        let mut now = start;
        let mut count = 0;
        while now <= start + time {
            pace.pay(now, len);
            count += 1;
            now = now.max(pace.next_at());
        }
        count
    }

    #[test]
    fn a_burst_is_read_at_once_and_a_flood_slowly() {
        assert_eq!(read_in(Duration::ZERO, 100), 201);
        assert_eq!(read_in(Duration::from_secs(10), 100), 701);
        assert_eq!(read_in(Duration::from_secs(10), 1024 * 1024), 4, "long frames cost by their length");
    }
}
