//! How many callbacks went which way.

use std::sync::atomic::{AtomicU64, Ordering};

/// Sums since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Accepted by their receivers.
    pub delivered: u64,
    /// Attempts that failed and are made again, or would be but for age or overflow.
    pub retried: u64,
    /// Given up.
    pub dropped: u64,
}

/// The sums while they grow: the task writes, anybody reads.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) delivered: Counter,
    pub(crate) retried: Counter,
    pub(crate) dropped: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sum(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        Counts { delivered: self.delivered.sum(), retried: self.retried.sum(), dropped: self.dropped.sum() }
    }
}
