//! How long to wait after a failure.

use std::time::Duration;

/// Exponential backoff with equal jitter: half of the step is certain, half is chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl Backoff {
    /// The wait after this many failures in a row, from 1. `jitter` is uniform over all values.
    pub(crate) fn delay(self, failures: u32, jitter: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let step = self.first.saturating_mul(1 << doublings).min(self.longest);
        step / 2 + (step / 2).mul_f64(f64::from(jitter) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(600) };

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let table = [(1, 1), (2, 2), (3, 4), (10, 512), (11, 600), (12, 600), (33, 600), (u32::MAX, 600)];
        for (failures, seconds) in table {
            let step = Duration::from_secs(seconds);
            assert_eq!(BACKOFF.delay(failures, u32::MAX), step, "after {failures} at most");
            assert_eq!(BACKOFF.delay(failures, 0), step / 2, "after {failures} at least");
        }
    }
}
