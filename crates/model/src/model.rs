//! The state and its entry points.

use std::collections::VecDeque;
use std::time::Duration;

use crosspoint_ids::{DeviceId, ParticipantId, Timestamp};

use crate::expiry::Mortal;
use crate::intent::Intent;
use crate::observation::Observation;
use crate::routes::Routes;
use crate::undo::UndoLog;
use crate::{
    Change, CloseReason, Crosspoint, Effect, EndCause, Event, IdempotencyRecord, ParticipantRecord, Report,
    SessionRecord,
};

/// How much an account may have, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most members of one session.
    pub session_participants_max: usize,
    /// The most sessions of one account.
    pub account_sessions_max: usize,
    /// The most participants of one account.
    pub account_participants_max: usize,
    /// The most idempotency keys that an account may use within their time.
    pub account_idempotency_keys_max: usize,
    /// How long sessions and participants live.
    pub lifetime: Duration,
}

/// Intent, observation and routes of all accounts.
///
/// The shell applies commands, makes the changes durable and then keeps the commands ([`Model::keep`]), or takes them
/// back when that fails ([`Model::take_back`]); only what is kept may be carried out and told. It empties the three
/// queues after each round, so that they hold what one round brings.
#[derive(Debug)]
pub struct Model {
    pub(crate) limits: Limits,
    pub(crate) intent: Intent,
    pub(crate) observation: Observation,
    pub(crate) routes: Routes,
    pub(crate) changes: VecDeque<Change>,
    pub(crate) effects: VecDeque<Effect>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) undo: UndoLog,
}

impl Model {
    /// An empty model.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            intent: Intent::default(),
            observation: Observation::default(),
            routes: Routes::default(),
            changes: VecDeque::new(),
            effects: VecDeque::new(),
            events: VecDeque::new(),
            undo: UndoLog::default(),
        }
    }

    /// Takes over one stored session, before the first command and report. Sessions and participants may come in any
    /// order.
    pub fn restore_session(&mut self, record: SessionRecord) {
        self.intent.put_session(record);
    }

    /// Takes over one stored participant, before the first command and report. Sessions and participants may come in
    /// any order.
    pub fn restore_participant(&mut self, record: ParticipantRecord) {
        self.intent.put_participant(record);
    }

    /// Takes over one stored idempotency key, before the first command and report.
    pub fn restore_idempotency(&mut self, record: IdempotencyRecord) {
        self.intent.put_idempotency(record);
    }

    /// Takes over a device that was there before a restart and is waited for, after all participants and before the
    /// first command and report. Nobody is told. `false` when its participant is gone.
    pub fn restore_device(
        &mut self,
        participant: ParticipantId,
        device: DeviceId,
        shown_as: DeviceId,
    ) -> bool {
        let known = self.intent.account_of(participant).is_some();
        if known {
            self.observation.connect(participant, device, shown_as);
        }
        known
    }

    /// Takes note of something that happened. Commands applied before are kept.
    pub fn report(&mut self, now: Timestamp, report: Report) {
        self.keep();
        match report {
            Report::DeviceConnected { participant, device, shown_as } => {
                self.handle_connected(participant, device, shown_as);
            }
            Report::DeviceGone { device, departure } => {
                if let Some(departed) = self.observation.disconnect(device) {
                    self.depart(&departed, departure);
                    self.settle([]);
                }
            }
            Report::StreamsPublished { device, streams } => {
                if let Some(publication) = self.observation.publish(now, device, streams) {
                    self.handle_publication(publication);
                    self.settle([]);
                }
            }
        }
    }

    /// Ends what has outlived its time. Commands applied before are kept. The changes that this brings need not be
    /// durable before they take effect: after a restart, what is over ends again.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.keep();
        let mut closing = Vec::new();
        while let Some(mortal) = self.intent.due(now) {
            match mortal {
                Mortal::Session(account, session) => self.end_session(&account, session, EndCause::Expired),
                Mortal::Participant(account, participant) => {
                    closing.extend(self.end_participant(&account, participant, EndCause::Expired));
                }
                Mortal::Idempotency(account, key) => {
                    self.intent.remove_idempotency(&account, &key);
                    self.push_change(Change::DeleteIdempotency(account, key));
                }
            }
        }
        self.settle(closing.into_iter().map(|device| (device, CloseReason::ParticipantEnded)));
    }

    /// When [`Model::handle_timeout`] has something to do next.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.intent.next_expiry()
    }

    /// The next record to make durable.
    pub fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// The next thing to carry out, once all changes polled before are durable.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The next thing that applications are told, once all changes polled before are durable.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// All routes, in no order: what the differences told so far add up to.
    pub fn routes(&self) -> impl Iterator<Item = Crosspoint> {
        self.routes.iter()
    }
}
