//! How many connections there may be, in all and from one source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crosspoint_http::Source;

/// How often refusals are told in the log.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Counts connections.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    max: usize,
    of_source_max: usize,
    /// Held for a count only, never while waiting.
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    /// As many entries as there are connections, at most.
    of_source: HashMap<Source, usize>,
    refused: u64,
    told_at: Option<Instant>,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    source: Option<Source>,
    counts: Arc<Mutex<Counts>>,
}

impl Bounds {
    pub(super) fn new(max: usize, of_source_max: usize) -> Self {
        Self { max, of_source_max, counts: Arc::default() }
    }

    /// A place for a connection of this source, if there is one. Only `bounded` sources are counted on their own.
    pub(super) fn enter(&self, source: Source, bounded: bool) -> Option<Place> {
        let mut counts = lock(&self.counts);
        let of_source = counts.of_source.get(&source).copied().unwrap_or(0);
        if counts.all >= self.max || (bounded && of_source >= self.of_source_max) {
            counts.refuse();
            return None;
        }
        counts.all += 1;
        if bounded {
            counts.of_source.insert(source, of_source + 1);
        }
        Some(Place { source: bounded.then_some(source), counts: Arc::clone(&self.counts) })
    }
}

impl Counts {
    fn refuse(&mut self) {
        self.refused += 1;
        if self.told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            self.told_at = Some(Instant::now());
            tracing::warn!(
                open = self.all,
                refused = self.refused,
                "too many connections: new ones are closed"
            );
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all = counts.all.saturating_sub(1);
        let Some(source) = self.source else { return };
        match counts.of_source.get_mut(&source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.of_source.remove(&source);
            }
        }
    }
}

/// Counts are whole after every step, so a panic elsewhere leaves them usable.
fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u8) -> Source {
        Source::of([192, 0, 2, last].into())
    }

    #[test]
    fn a_source_has_its_share_and_gets_it_back() {
        let bounds = Bounds::new(4, 2);
        let first = bounds.enter(source(1), true);
        let second = bounds.enter(source(1), true);
        assert!(first.is_some() && second.is_some());
        assert!(bounds.enter(source(1), true).is_none());
        let other = bounds.enter(source(2), true);
        assert!(other.is_some());
        drop(second);
        assert!(bounds.enter(source(1), true).is_some());
        drop((first, other));
        assert!(lock(&bounds.counts).of_source.is_empty());
        assert_eq!(lock(&bounds.counts).all, 0);
    }

    #[test]
    fn a_proxy_is_bounded_by_the_whole_only() {
        let bounds = Bounds::new(3, 1);
        let places: Vec<_> = (0..4).map(|_| bounds.enter(source(1), false)).collect();
        assert_eq!(places.iter().flatten().count(), 3);
        drop(places);
        assert_eq!(lock(&bounds.counts).all, 0);
    }
}
