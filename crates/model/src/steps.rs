//! The steps that commands, reports and time have in common: each leaves routes, events and the way back in order.

use std::collections::HashSet;

use crosspoint_ids::{AccountId, DeviceId, ParticipantId, SessionId, StreamId};

use crate::observation::{Departed, Publication};
use crate::undo::{Before, Undo};
use crate::{
    Change, CloseReason, Departure, DeviceSubject, Effect, EndCause, Event, Happening, Model,
    ParticipantRecord, SessionRecord, grants,
};

impl Model {
    pub(crate) fn handle_connected(
        &mut self,
        participant: ParticipantId,
        device: DeviceId,
        shown_as: DeviceId,
    ) {
        if self.observation.has_device(device) {
            return;
        }
        if self.intent.account_of(participant).is_none() {
            self.settle([(device, CloseReason::ParticipantEnded)]);
            return;
        }
        let replaced = self.observation.connect(participant, device, shown_as);
        if let Some(departed) = &replaced {
            self.depart(departed, Departure::Left);
        }
        self.tell_of_device(participant, shown_as, Happening::DeviceConnected);
        self.reroute_row(participant);
        self.settle(replaced.map(|departed| (departed.device, CloseReason::Replaced)));
    }

    pub(crate) fn handle_publication(&mut self, publication: Publication) {
        let Publication { publisher, shown_as, down, named, changed } = publication;
        for stream in down {
            self.routes.set_column(stream.id, &HashSet::new());
            self.tell_of_device(publisher, shown_as, |subject| Happening::StreamUnpublished(subject, stream));
        }
        for stream in named {
            self.reroute_column(publisher, stream);
        }
        for stream in changed {
            self.tell_of_device(publisher, shown_as, |subject| Happening::StreamPublished(subject, stream));
        }
    }

    pub(crate) fn create_session_record(&mut self, record: SessionRecord) {
        self.undo.push(Undo::Session(record.account.clone(), record.id));
        self.tell(
            &record.account.clone(),
            Happening::SessionCreated { session: record.id, tag: record.tag.clone() },
        );
        self.push_change(Change::PutSession(record.clone()));
        self.intent.put_session(record);
    }

    /// Inserts or replaces a participant's record.
    pub(crate) fn write_participant(&mut self, record: ParticipantRecord) {
        let undo = match self.intent.participant_record(record.id) {
            Some(before) => Undo::ParticipantWrite(Box::new(before.clone())),
            None => Undo::Participant(record.account.clone(), record.id),
        };
        self.undo.push(undo);
        self.push_change(Change::PutParticipant(record.clone()));
        self.intent.put_participant(record);
    }

    /// Ends a session of the account. One write: the records of those who were in it stay as they are.
    pub(crate) fn end_session(&mut self, account: &AccountId, session: SessionId, cause: EndCause) {
        let Some((record, members)) = self.intent.remove_session(account, session) else {
            return;
        };
        self.push_change(Change::DeleteSession(session));
        // Every route of the session has one of its members as subscriber.
        for participant in members.oldest_first() {
            self.reroute_row(participant);
            self.tell(account, Happening::ParticipantRemoved { session, participant });
        }
        self.undo.push(Undo::SessionEnd(record, members));
        self.tell(account, Happening::SessionEnded { session, cause });
    }

    /// Ends a participant of the account. Its device, if any, is to be closed.
    pub(crate) fn end_participant(
        &mut self,
        account: &AccountId,
        participant: ParticipantId,
        cause: EndCause,
    ) -> Option<DeviceId> {
        let session = self.intent.participant(account, participant).ok()?.membership.map(|m| m.session);
        let device = self.dismiss_device(participant);
        let record = self.intent.remove_participant(account, participant)?;
        self.undo.push(Undo::ParticipantWrite(Box::new(record)));
        self.push_change(Change::DeleteParticipant(participant));
        if let Some(session) = session {
            self.tell(account, Happening::ParticipantRemoved { session, participant });
        }
        self.tell(account, Happening::ParticipantEnded { participant, cause });
        device
    }

    /// Lets a participant's device depart, if there is one. It is to be closed.
    pub(crate) fn dismiss_device(&mut self, participant: ParticipantId) -> Option<DeviceId> {
        let departed = self.observation.disconnect(self.observation.device_of(participant)?)?;
        self.undo.push(Undo::Departure(departed.clone()));
        self.depart(&departed, Departure::Left);
        Some(departed.device)
    }

    /// What follows when a device has gone: its routes, then the word to applications.
    pub(crate) fn depart(&mut self, departed: &Departed, departure: Departure) {
        let Departed { device, participant, shown_as, streams } = departed;
        self.routes.set_row(*device, &HashSet::new());
        for stream in streams {
            self.routes.set_column(stream.id, &HashSet::new());
            self.tell_of_device(*participant, *shown_as, |subject| {
                Happening::StreamUnpublished(subject, stream.clone())
            });
        }
        self.tell_of_device(
            *participant,
            *shown_as,
            match departure {
                Departure::Left => Happening::DeviceLeft,
                Departure::Lost => Happening::DeviceDisconnected,
            },
        );
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

    /// Ends a mutation: what it did to the routes leaves as one step, then devices are closed.
    pub(crate) fn settle(&mut self, closing: impl IntoIterator<Item = (DeviceId, CloseReason)>) {
        let routes = self.routes.take_difference().map(Effect::Route);
        self.effects.extend(routes);
        let closing = closing.into_iter();
        self.effects.extend(closing.map(|(device, reason)| Effect::CloseDevice { device, reason }));
    }

    pub(crate) fn push_change(&mut self, change: Change) {
        self.changes.push_back(change);
    }

    pub(crate) fn tell(&mut self, account: &AccountId, happening: Happening) {
        self.events.push_back(Event { account: account.clone(), happening });
    }

    fn tell_of_device(
        &mut self,
        participant: ParticipantId,
        device: DeviceId,
        happening: impl FnOnce(DeviceSubject) -> Happening,
    ) {
        let Some(record) = self.intent.participant_record(participant) else {
            return;
        };
        let subject = DeviceSubject {
            participant,
            tag: record.tag.clone(),
            callback_url: record.callback_url.clone(),
            device,
        };
        let account = record.account.clone();
        self.tell(&account, happening(subject));
    }
}

/// The way back from commands.
impl Model {
    /// Notes how things are before a command, if it is the first since the last ones were kept.
    pub(crate) fn begin_command(&mut self) {
        self.undo.begin(Before {
            changes: self.changes.len(),
            effects: self.effects.len(),
            events: self.events.len(),
            sequence_next: self.intent.sequence_next(),
            since_next: self.intent.since_next(),
        });
    }

    pub(crate) fn drop_since(&mut self, before: Before) {
        // It is the inverse of the differences that are dropped here.
        self.routes.take_difference();
        self.changes.truncate(before.changes);
        self.effects.truncate(before.effects);
        self.events.truncate(before.events);
        self.intent.set_numbers(before.sequence_next, before.since_next);
    }
}
