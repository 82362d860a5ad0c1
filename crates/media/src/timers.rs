//! When each connection wants to be woken, without looking at all of them.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use crate::demux::ConnectionKey;

/// One deadline for each connection.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeSet<(Instant, ConnectionKey)>,
    deadlines: HashMap<ConnectionKey, Instant>,
}

impl Timers {
    /// Replaces the deadline of a connection.
    pub(crate) fn set(&mut self, key: ConnectionKey, at: Instant) {
        let earlier = self.deadlines.insert(key, at);
        if earlier == Some(at) {
            return;
        }
        if let Some(earlier) = earlier {
            self.queue.remove(&(earlier, key));
        }
        self.queue.insert((at, key));
    }

    /// Forgets a connection.
    pub(crate) fn remove(&mut self, key: ConnectionKey) {
        if let Some(at) = self.deadlines.remove(&key) {
            self.queue.remove(&(at, key));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes out one connection whose deadline has passed.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<ConnectionKey> {
        let (at, key) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.queue.pop_first();
        self.deadlines.remove(&key);
        Some(key)
    }
}
