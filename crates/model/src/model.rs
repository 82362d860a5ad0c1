//! The state and its entry points.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crosspoint_ids::{AccountId, DeviceId, ParticipantId, SessionId, StreamId, Timestamp};

use crate::expiry::Mortal;
use crate::grants;
use crate::intent::Intent;
use crate::observation::{Departed, Observation};
use crate::routes::Routes;
use crate::{Change, CloseReason, Crosspoint, Effect, ParticipantRecord, Report, SessionRecord};

/// How much an account may have, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most members of one session.
    pub session_participants_max: usize,
    /// The most sessions of one account.
    pub account_sessions_max: usize,
    /// The most participants of one account.
    pub account_participants_max: usize,
    /// How long sessions and participants live.
    pub lifetime: Duration,
}

/// Intent, observation and routes of all accounts.
///
/// After each call of [`Model::apply`], [`Model::report`] and [`Model::handle_timeout`] the shell empties both queues:
/// then they hold what one call brings, and that is bounded by what the call touches.
#[derive(Debug)]
pub struct Model {
    pub(crate) limits: Limits,
    pub(crate) intent: Intent,
    pub(crate) observation: Observation,
    routes: Routes,
    changes: VecDeque<Change>,
    effects: VecDeque<Effect>,
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

    /// Takes note of something that happened.
    pub fn report(&mut self, now: Timestamp, report: Report) {
        match report {
            Report::DeviceConnected { participant, device } => self.handle_connected(participant, device),
            Report::DeviceGone { device } => {
                if let Some(departed) = self.observation.disconnect(device) {
                    self.unroute(&departed);
                    self.settle([]);
                }
            }
            Report::StreamsPublished { device, streams } => {
                if let Some(publication) = self.observation.publish(now, device, streams) {
                    for stream in publication.down {
                        self.routes.set_column(stream, &HashSet::new());
                    }
                    for stream in publication.named {
                        self.reroute_column(publication.publisher, stream);
                    }
                    self.settle([]);
                }
            }
        }
    }

    /// Ends what has outlived its time.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let mut closing = Vec::new();
        while let Some(mortal) = self.intent.due(now) {
            match mortal {
                Mortal::Session(account, session) => self.end_session(&account, session),
                Mortal::Participant(account, participant) => {
                    closing.extend(self.end_participant(&account, participant));
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

    /// All routes, in no order: what the differences told so far add up to.
    pub fn routes(&self) -> impl Iterator<Item = Crosspoint> {
        self.routes.iter()
    }
}

/// The steps that commands, reports and time have in common.
impl Model {
    fn handle_connected(&mut self, participant: ParticipantId, device: DeviceId) {
        if self.observation.has_device(device) {
            return;
        }
        if self.intent.account_of(participant).is_none() {
            self.settle([(device, CloseReason::ParticipantEnded)]);
            return;
        }
        let replaced = self.observation.connect(participant, device);
        if let Some(departed) = &replaced {
            self.unroute(departed);
        }
        self.reroute_row(participant);
        self.settle(replaced.map(|departed| (departed.device, CloseReason::Replaced)));
    }

    pub(crate) fn write_session(&mut self, record: SessionRecord) {
        self.changes.push_back(Change::PutSession(record.clone()));
        self.intent.put_session(record);
    }

    pub(crate) fn write_participant(&mut self, record: ParticipantRecord) {
        self.changes.push_back(Change::PutParticipant(record.clone()));
        self.intent.put_participant(record);
    }

    /// Ends a session of the account. One write: the records of those who were in it stay as they are.
    pub(crate) fn end_session(&mut self, account: &AccountId, session: SessionId) {
        let Some(members) = self.intent.remove_session(account, session) else {
            return;
        };
        self.changes.push_back(Change::DeleteSession(session));
        // Every route of the session has one of its members as subscriber.
        for member in members.oldest_first() {
            self.reroute_row(member);
        }
    }

    /// Ends a participant of the account. Its device, if any, is to be closed.
    pub(crate) fn end_participant(
        &mut self,
        account: &AccountId,
        participant: ParticipantId,
    ) -> Option<DeviceId> {
        self.intent.remove_participant(account, participant);
        self.changes.push_back(Change::DeleteParticipant(participant));
        let device = self.observation.device_of(participant)?;
        let departed = self.observation.disconnect(device)?;
        self.unroute(&departed);
        Some(device)
    }

    /// Brings the routes to and from a participant up to date.
    pub(crate) fn reroute(&mut self, participant: ParticipantId) {
        self.reroute_row(participant);
        let published: Vec<StreamId> = self.observation.streams_of(participant).map(|s| s.id).collect();
        for stream in published {
            self.reroute_column(participant, stream);
        }
    }

    /// Brings the routes to a participant's device up to date.
    pub(crate) fn reroute_row(&mut self, subscriber: ParticipantId) {
        let Some(device) = self.observation.device_of(subscriber) else {
            return;
        };
        if let Some(account) = self.intent.account_of(subscriber) {
            let streams = grants::row(account, &self.observation, subscriber);
            self.routes.set_row(device, &streams);
        }
    }

    fn reroute_column(&mut self, publisher: ParticipantId, stream: StreamId) {
        if let Some(account) = self.intent.account_of(publisher) {
            let alias = self.observation.alias_of(stream);
            let subscribers = grants::column(account, &self.observation, publisher, alias);
            self.routes.set_column(stream, &subscribers);
        }
    }

    fn unroute(&mut self, departed: &Departed) {
        self.routes.set_row(departed.device, &HashSet::new());
        for stream in &departed.streams {
            self.routes.set_column(*stream, &HashSet::new());
        }
    }

    /// Ends a mutation: what it did to the routes leaves as one step, then devices are closed.
    pub(crate) fn settle(&mut self, closing: impl IntoIterator<Item = (DeviceId, CloseReason)>) {
        let routes = self.routes.take_difference().map(Effect::Route);
        self.effects.extend(routes);
        let closing = closing.into_iter();
        self.effects.extend(closing.map(|(device, reason)| Effect::CloseDevice { device, reason }));
    }
}
