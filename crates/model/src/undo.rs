//! How commands are taken back when what they changed can't be made durable.
//!
//! Every step of a command leaves behind how it is undone; undone in reverse order, they leave the model as it was.

use crosspoint_ids::{AccountId, ParticipantId, SessionId};

use crate::members::Members;
use crate::observation::Departed;
use crate::{Change, IdempotencyKey, IdempotencyRecord, Model, ParticipantRecord, SessionRecord};

/// What was done since the commands before were kept.
#[derive(Debug, Default)]
pub(crate) struct UndoLog {
    steps: Vec<Undo>,
    before: Option<Before>,
}

/// What counted before the first of the steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    pub(crate) changes: usize,
    pub(crate) effects: usize,
    pub(crate) events: usize,
    pub(crate) sequence_next: u64,
    pub(crate) since_next: u64,
}

/// How one step is undone.
#[derive(Debug)]
pub(crate) enum Undo {
    /// A session was made.
    Session(AccountId, SessionId),
    /// A session ended; these were its members.
    SessionEnd(SessionRecord, Members),
    /// A participant was made.
    Participant(AccountId, ParticipantId),
    /// A participant's record was replaced or removed.
    ParticipantWrite(Box<ParticipantRecord>),
    /// A device departed.
    Departure(Departed),
    /// An idempotency key was taken.
    Idempotency(AccountId, IdempotencyKey),
}

impl UndoLog {
    pub(crate) fn begin(&mut self, before: Before) {
        self.before.get_or_insert(before);
    }

    pub(crate) fn push(&mut self, step: Undo) {
        // What ends by itself can't be taken back.
        if self.before.is_some() {
            self.steps.push(step);
        }
    }
}

impl Model {
    /// The commands applied so far stay. To be called when their changes are durable; [`Model::report`] and
    /// [`Model::handle_timeout`] say so, too.
    pub fn keep(&mut self) {
        self.undo = UndoLog::default();
    }

    /// Takes back every command applied since the last [`Model::keep`], together with the changes, effects and events
    /// that are not polled yet. None of the effects may have been carried out.
    pub fn take_back(&mut self) {
        let UndoLog { steps, before } = std::mem::take(&mut self.undo);
        let Some(before) = before else {
            return;
        };
        let mut touched = Vec::new();
        for step in steps.into_iter().rev() {
            self.undo(step, &mut touched);
        }
        for participant in touched {
            self.reroute(participant);
        }
        self.drop_since(before);
    }

    /// The change that makes the same record what this model says now: what to write when it is not known whether a
    /// change that was taken back is durable all the same.
    pub fn as_it_is(&self, change: &Change) -> Change {
        match change {
            Change::PutSession(SessionRecord { id, .. }) | Change::DeleteSession(id) => {
                let record = self.intent.session_record(*id);
                record.map_or(Change::DeleteSession(*id), |record| Change::PutSession(record.clone()))
            }
            Change::PutParticipant(ParticipantRecord { id, .. }) | Change::DeleteParticipant(id) => {
                let record = self.intent.participant_record(*id);
                record.map_or(Change::DeleteParticipant(*id), |record| Change::PutParticipant(record.clone()))
            }
            Change::PutIdempotency(IdempotencyRecord { account, key, .. })
            | Change::DeleteIdempotency(account, key) => {
                let record = self.intent.account(account).and_then(|account| account.idempotency(key));
                let delete = || Change::DeleteIdempotency(account.clone(), key.clone());
                record.map_or_else(delete, |record| Change::PutIdempotency(record.clone()))
            }
        }
    }

    fn undo(&mut self, step: Undo, touched: &mut Vec<ParticipantId>) {
        match step {
            Undo::Session(account, session) => {
                self.intent.remove_session(&account, session);
            }
            Undo::SessionEnd(record, members) => {
                touched.extend(members.oldest_first());
                self.intent.restore_session(record, members);
            }
            Undo::Participant(account, participant) => {
                self.intent.remove_participant(&account, participant);
            }
            Undo::ParticipantWrite(record) => {
                touched.push(record.id);
                self.intent.put_participant(*record);
            }
            Undo::Departure(departed) => {
                touched.push(departed.participant);
                self.observation.reinstate(departed);
            }
            Undo::Idempotency(account, key) => self.intent.remove_idempotency(&account, &key),
        }
    }
}
