//! How often something may happen for each of many keys.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// The most keys that are remembered at one time.
const KEYS_MAX: usize = 100_000;
/// How often keys that need no remembering any more are looked for, once there are too many.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A bucket of permits for each key: `burst` at first, then one more for each `every` (the generic cell rate
/// algorithm, ITU-T I.371: one time for each key is all that is kept).
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    every: Duration,
    burst: u32,
    /// When a key's bucket is full again. A key that isn't here has a full one.
    full_at: HashMap<K, Instant>,
    swept_at: Option<Instant>,
}

/// Nothing is left; something will be after this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

impl<K: Eq + Hash> Buckets<K> {
    pub(crate) fn new(every: Duration, burst: u32) -> Self {
        Self { every, burst, full_at: HashMap::new(), swept_at: None }
    }

    /// Takes a permit. When there are too many keys to remember, new ones have none.
    pub(crate) fn take(&mut self, now: Instant, key: K) -> Result<(), Wait> {
        if self.full_at.len() >= KEYS_MAX && !self.full_at.contains_key(&key) {
            self.sweep(now);
            if self.full_at.len() >= KEYS_MAX {
                return Err(Wait(SWEEP_EVERY));
            }
        }
        let full_at = self.full_at.get(&key).copied().unwrap_or(now).max(now) + self.every;
        let over = full_at.duration_since(now).saturating_sub(self.every * self.burst);
        if !over.is_zero() {
            return Err(Wait(over));
        }
        self.full_at.insert(key, full_at);
        Ok(())
    }

    /// Undoes a [`take`](Self::take).
    pub(crate) fn give_back(&mut self, key: &K) {
        if let Some(full_at) = self.full_at.get_mut(key) {
            *full_at = full_at.checked_sub(self.every).unwrap_or(*full_at);
        }
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept_at.is_none_or(|at| now.duration_since(at) >= SWEEP_EVERY) {
            self.swept_at = Some(now);
            self.full_at.retain(|_, full_at| *full_at > now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(3);

    #[test]
    fn after_the_burst_there_is_one_for_each_interval() {
        let mut buckets = Buckets::new(EVERY, 2);
        let begin = Instant::now();
        let mut check = |secs: u64, expected: Result<(), u64>| {
            let expected = expected.map_err(|secs| Wait(Duration::from_secs(secs)));
            assert_eq!(buckets.take(begin + Duration::from_secs(secs), "a"), expected, "at {secs} s");
        };
        check(0, Ok(()));
        check(0, Ok(()));
        check(0, Err(3));
        check(1, Err(2));
        check(3, Ok(()));
        check(3, Err(3));
        check(60, Ok(()));
        check(60, Ok(()));
        check(60, Err(3));
        assert_eq!(buckets.take(begin, "b"), Ok(()));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let mut buckets = Buckets::new(EVERY, 1);
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(buckets.take(now, "a"), Ok(()));
            buckets.give_back(&"a");
        }
        assert_eq!(buckets.take(now, "a"), Ok(()));
        assert!(buckets.take(now, "a").is_err());
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let mut buckets = Buckets::new(EVERY, 1);
        let now = Instant::now();
        for key in 0..KEYS_MAX {
            assert_eq!(buckets.take(now, key), Ok(()));
        }
        assert!(buckets.take(now, KEYS_MAX).is_err());
        assert_eq!(buckets.full_at.len(), KEYS_MAX);
        assert_eq!(buckets.take(now + EVERY, KEYS_MAX), Ok(()));
        assert_eq!(buckets.full_at.len(), 1);
    }
}
