//! When sessions, participants and idempotency keys end by themselves.

use std::collections::BTreeSet;

use crosspoint_ids::{AccountId, ParticipantId, SessionId, Timestamp};

use crate::IdempotencyKey;

/// What ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mortal {
    /// A session, as if deleted.
    Session(AccountId, SessionId),
    /// A participant, as if deleted.
    Participant(AccountId, ParticipantId),
    /// An idempotency key: it is free again.
    Idempotency(AccountId, IdempotencyKey),
}

#[derive(Debug, Default)]
pub(crate) struct Expiry {
    by_time: BTreeSet<(Timestamp, Mortal)>,
}

impl Expiry {
    pub(crate) fn insert(&mut self, at: Timestamp, what: Mortal) {
        self.by_time.insert((at, what));
    }

    pub(crate) fn remove(&mut self, at: Timestamp, what: Mortal) {
        self.by_time.remove(&(at, what));
    }

    /// The earliest end to come.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// What ends first, if its time has come.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Mortal> {
        let (at, what) = self.by_time.first()?;
        (*at <= now).then(|| what.clone())
    }
}
