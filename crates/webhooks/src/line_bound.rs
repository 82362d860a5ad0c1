//! A bound on log lines, so that a dead receiver does not fill the log.

use std::time::Duration;

use crosspoint_ids::Timestamp;

/// Lines of one kind in a window: enough to see who is concerned.
const LINES_MAX: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);

/// Lets a few lines of one kind through in each minute, and counts the others.
#[derive(Debug, Default)]
pub(crate) struct LineBound {
    window_began: Timestamp,
    lines: u32,
    left_out: u64,
}

impl LineBound {
    /// Whether a line may be written now; if so, how many were left out before it.
    pub(crate) fn admit(&mut self, now: Timestamp) -> Option<u64> {
        if now.since(self.window_began) >= WINDOW {
            self.window_began = now;
            self.lines = 0;
        }
        if self.lines == LINES_MAX {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_minute_and_the_next_says_how_many_were_left_out() {
        let start = Timestamp::from_millis(1_700_000_000_000);
        let mut bound = LineBound::default();
        for _ in 0..10 {
            assert_eq!(bound.admit(start), Some(0));
        }
        for _ in 0..5 {
            assert_eq!(bound.admit(start + Duration::from_secs(59)), None);
        }
        assert_eq!(bound.admit(start + WINDOW), Some(5));
        assert_eq!(bound.admit(start + WINDOW), Some(0));
    }
}
