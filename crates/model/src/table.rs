//! The records of one kind that an account has, by id and by age.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use crosspoint_ids::{ParticipantId, SessionId};

use crate::{Page, PageRequest, ParticipantRecord, SessionRecord};

/// A record that a [`Table`] can hold. Neither its id nor its sequence ever changes.
pub(crate) trait Entry {
    /// Names the record.
    type Id: Copy + Eq + Hash + std::fmt::Debug;

    /// The record's name.
    fn id(&self) -> Self::Id;

    /// The record's place in listings.
    fn sequence(&self) -> u64;
}

impl Entry for SessionRecord {
    type Id = SessionId;

    fn id(&self) -> SessionId {
        self.id
    }

    fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Entry for ParticipantRecord {
    type Id = ParticipantId;

    fn id(&self) -> ParticipantId {
        self.id
    }

    fn sequence(&self) -> u64 {
        self.sequence
    }
}

/// Records by id, and their ids by sequence so that a page costs its own length.
#[derive(Debug)]
pub(crate) struct Table<R: Entry> {
    records: HashMap<R::Id, R>,
    by_sequence: BTreeMap<u64, R::Id>,
}

impl<R: Entry> Default for Table<R> {
    fn default() -> Self {
        Self { records: HashMap::new(), by_sequence: BTreeMap::new() }
    }
}

impl<R: Entry> Table<R> {
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn get(&self, id: R::Id) -> Option<&R> {
        self.records.get(&id)
    }

    /// Inserts or replaces a record.
    pub(crate) fn put(&mut self, record: R) {
        self.by_sequence.insert(record.sequence(), record.id());
        self.records.insert(record.id(), record);
    }

    pub(crate) fn remove(&mut self, id: R::Id) -> Option<R> {
        let record = self.records.remove(&id)?;
        self.by_sequence.remove(&record.sequence());
        Some(record)
    }

    /// A part of the listing, newest first, each record shown by `view`.
    pub(crate) fn page<V>(&self, request: PageRequest, view: impl Fn(&R) -> V) -> Page<V> {
        let range = match request.before {
            Some(before) => self.by_sequence.range(..before),
            None => self.by_sequence.range(..),
        };
        let mut newest_first = range.rev();
        let mut items = Vec::new();
        let mut last = None;
        for (sequence, id) in newest_first.by_ref().take(request.limit) {
            items.extend(self.records.get(id).map(&view));
            last = Some(*sequence);
        }
        let next = last.filter(|_| newest_first.next().is_some());
        Page { items, next }
    }
}
