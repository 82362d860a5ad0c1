//! What somebody knows who only listens to events.
//!
//! It must be the same as what questions answer, at any moment. An event that does not fit what came before it is wrong.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_ids::{AccountId, DeviceId, ParticipantId, SessionId, StreamId};
use crosspoint_model::{DeviceSubject, Event, Happening, StreamView, Subscriptions};

use crate::checks::same;
use crate::oracle::Oracle;
use crate::world::Checked;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Mirror {
    sessions: BTreeMap<SessionId, AccountId>,
    participants: BTreeMap<ParticipantId, AccountId>,
    members: BTreeSet<(SessionId, ParticipantId)>,
    /// Of members only: what others want is dormant.
    subscriptions: BTreeMap<ParticipantId, Subscriptions>,
    devices: BTreeMap<ParticipantId, DeviceId>,
    streams: BTreeMap<StreamId, (ParticipantId, StreamView)>,
}

impl Mirror {
    /// What is there already when somebody begins to listen.
    pub(crate) fn of(oracle: &Oracle) -> Self {
        let mut mirror = Self::default();
        for session in &oracle.sessions {
            mirror.sessions.insert(session.record.id, session.record.account.clone());
            for member in &session.participants {
                mirror.members.insert((session.record.id, *member));
            }
        }
        for participant in &oracle.participants {
            mirror.participants.insert(participant.id, participant.account.clone());
            let wanted = participant.subscriptions.clone();
            let active = wanted.filter(|s| mirror.members.contains(&(s.session, participant.id)));
            mirror.subscriptions.extend(active.map(|s| (participant.id, s)));
        }
        for device in &oracle.devices {
            mirror.devices.insert(device.participant, device.shown_as);
            let streams = device.streams.iter();
            mirror.streams.extend(streams.map(|s| (s.id, (device.participant, s.clone()))));
        }
        mirror
    }

    pub(crate) fn check(&self, oracle: &Oracle) -> Checked {
        same("what the events add up to", self, &Self::of(oracle))
    }

    pub(crate) fn take(&mut self, event: Event) -> Checked {
        let fits = match event.happening.clone() {
            Happening::SessionCreated { session, tag: _ } => {
                self.sessions.insert(session, event.account.clone()).is_none()
            }
            Happening::SessionEnded { session, cause: _ } => {
                self.sessions.remove(&session).as_ref() == Some(&event.account)
                    && !self.members.iter().any(|(other, _)| *other == session)
            }
            Happening::ParticipantCreated { participant, tag: _ } => {
                self.participants.insert(participant, event.account.clone()).is_none()
            }
            Happening::ParticipantEnded { participant, cause: _ } => {
                self.participants.remove(&participant).as_ref() == Some(&event.account)
                    && !self.devices.contains_key(&participant)
                    && !self.members.iter().any(|(_, other)| *other == participant)
            }
            Happening::ParticipantAdded { session, participant } => {
                self.members.insert((session, participant))
            }
            Happening::ParticipantRemoved { session, participant } => {
                self.subscriptions.remove(&participant);
                self.members.remove(&(session, participant))
            }
            Happening::SubscriptionsChanged { session, participant, subscriptions } => {
                let before = self.subscriptions.remove(&participant);
                // Dormant ones are not in the mirror, so it can't tell whether they were cleared.
                let changed = before != subscriptions || subscriptions.is_none();
                let is_member = self.members.contains(&(session, participant));
                if is_member {
                    self.subscriptions.extend(subscriptions.map(|s| (participant, s)));
                }
                changed || !is_member
            }
            Happening::DeviceConnected(subject) => {
                self.devices.insert(subject.participant, subject.device).is_none()
            }
            Happening::DeviceLeft(subject) | Happening::DeviceDisconnected(subject) => {
                self.devices.remove(&subject.participant) == Some(subject.device)
                    && !self.streams.values().any(|(publisher, _)| *publisher == subject.participant)
            }
            Happening::StreamPublished(subject, view) => {
                let before = self.streams.insert(view.id, (subject.participant, view.clone()));
                self.is_there(&subject) && before != Some((subject.participant, view))
            }
            Happening::StreamUnpublished(subject, view) => {
                self.is_there(&subject) && self.streams.remove(&view.id) == Some((subject.participant, view))
            }
        };
        if fits { Ok(()) } else { Err(format!("{event:?} does not fit {self:?}")) }
    }

    fn is_there(&self, subject: &DeviceSubject) -> bool {
        self.devices.get(&subject.participant) == Some(&subject.device)
    }
}
