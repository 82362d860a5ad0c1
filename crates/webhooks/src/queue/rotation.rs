//! Taking turns.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

/// Keys in the order in which it is their turn; each stands in it once.
#[derive(Debug)]
pub(super) struct Rotation<K> {
    order: VecDeque<K>,
    members: HashSet<K>,
}

impl<K> Default for Rotation<K> {
    fn default() -> Self {
        Self { order: VecDeque::new(), members: HashSet::new() }
    }
}

impl<K: Clone + Eq + Hash> Rotation<K> {
    /// Sees to it that the key stands in the rotation or does not; a new one comes last.
    pub(super) fn set(&mut self, key: &K, member: bool) {
        if member {
            if self.members.insert(key.clone()) {
                self.order.push_back(key.clone());
            }
        } else if self.members.remove(key) {
            // Seldom: a key commonly leaves by its turn.
            self.order.retain(|other| other != key);
        }
    }

    /// Takes out the key whose turn it is.
    pub(super) fn pop(&mut self) -> Option<K> {
        let key = self.order.pop_front()?;
        self.members.remove(&key);
        Some(key)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
