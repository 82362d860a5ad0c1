//! The times that the task needs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crosspoint_ids::Timestamp;
use tokio::time::Instant;

/// Wall-clock time that never goes back, for the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    wall: Timestamp,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), wall: Self::wall() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.wall + self.started.elapsed()
    }

    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        // `now` is exact to the millisecond, so a timer that fires a fraction early would find nothing to do.
        self.started + at.since(self.wall) + Duration::from_millis(1)
    }

    /// The time as it is: receivers compare a signature's time with their own, and a machine that slept or whose clock was
    /// set right must not be refused for it.
    pub(crate) fn wall() -> Timestamp {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    }
}
