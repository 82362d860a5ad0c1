//! The time that the pure crates are told.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crosspoint_ids::Timestamp;

/// Wall-clock time that never goes back: read once, then counted on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    wall: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), wall: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall) + self.started.elapsed()
    }

    /// The instant at which the clock reads `at`.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.started + at.since(Timestamp::from_millis(self.wall))
    }
}
