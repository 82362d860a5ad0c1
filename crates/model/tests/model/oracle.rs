//! The rules once more, as naively as possible: plain lists, everything computed from scratch on every question.
//!
//! Written from the specification and sharing no logic with the model: a session lists its members, what ends is
//! taken out everywhere at once, and who receives what is found by trying every pair.

use crosspoint_ids::{AccountId, DeviceId, ParticipantId, SessionId, StreamId, Timestamp};
use crosspoint_model::{
    CloseReason, Command, Limits, MatrixRow, ParticipantRecord, PublishedStream, Refusal, Reply, Report,
    Scope, Session, SessionRecord, StreamView, Subscriptions,
};

#[derive(Debug)]
pub(crate) struct Oracle {
    limits: Limits,
    sequence_next: u64,
    pub(crate) sessions: Vec<Session>,
    /// `membership` stays empty in here: the sessions say who is in them.
    pub(crate) participants: Vec<ParticipantRecord>,
    pub(crate) devices: Vec<Device>,
    pub(crate) closed: Vec<(DeviceId, CloseReason)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) participant: ParticipantId,
    pub(crate) shown_as: DeviceId,
    pub(crate) streams: Vec<StreamView>,
}

impl Oracle {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            sequence_next: 0,
            sessions: Vec::new(),
            participants: Vec::new(),
            devices: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// The server restarted: what is observed is reported anew, numbers go on above what is stored.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        let streams = self.devices.iter_mut().flat_map(|device| &mut device.streams);
        streams.for_each(|stream| stream.published_at = now);
        let sessions = self.sessions.iter().map(|s| s.record.sequence + 1);
        let participants = self.participants.iter().map(|p| p.sequence + 1);
        self.sequence_next = sessions.chain(participants).max().unwrap_or(0);
    }

    pub(crate) fn apply(&mut self, now: Timestamp, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::CreateSession { account, session, tag } => {
                let max = self.limits.account_sessions_max;
                if self.sessions.iter().filter(|s| s.record.account == account).count() == max {
                    return Err(Refusal::TooManySessions { max });
                }
                let session = Session {
                    record: SessionRecord {
                        account,
                        id: session,
                        tag,
                        sequence: self.next_sequence(),
                        created_at: now,
                        expires_at: now + self.limits.lifetime,
                    },
                    participants: Vec::new(),
                };
                self.sessions.push(session.clone());
                Ok(Reply::Session(session))
            }
            Command::DeleteSession { account, session } => {
                self.session(&account, session)?;
                self.end_session(session);
                Ok(Reply::Done)
            }
            Command::CreateParticipant {
                account,
                participant,
                token,
                tag,
                callback_url,
                publish_permissions,
            } => {
                let max = self.limits.account_participants_max;
                if self.participant_count(&account) == max {
                    return Err(Refusal::TooManyParticipants { max });
                }
                let record = ParticipantRecord {
                    account,
                    id: participant,
                    tag,
                    callback_url,
                    publish_permissions,
                    token,
                    token_issued_at: now,
                    sequence: self.next_sequence(),
                    created_at: now,
                    expires_at: now + self.limits.lifetime,
                    membership: None,
                    subscriptions: None,
                };
                self.participants.push(record.clone());
                Ok(Reply::Participant(record))
            }
            Command::DeleteParticipant { account, participant } => {
                self.participant(&account, participant)?;
                self.end_participant(participant);
                Ok(Reply::Done)
            }
            Command::RenewToken { account, participant, token } => {
                self.participant(&account, participant)?;
                let record = self.participant_mut(participant);
                record.token = token;
                record.token_issued_at = now;
                if let Some(place) = self.devices.iter().position(|d| d.participant == participant) {
                    let device = self.devices.remove(place);
                    self.closed.push((device.id, CloseReason::TokenRenewed));
                }
                let record = self.participant_mut(participant).clone();
                Ok(Reply::Participant(self.view(&record)))
            }
            Command::AddParticipant { account, session, participant, subscriptions } => {
                self.session(&account, session)?;
                self.participant(&account, participant)?;
                if let Some(Some(scope)) = &subscriptions {
                    self.all_listed_exist(&account, scope)?;
                }
                match self.session_of(participant) {
                    Some(present) if present == session => {}
                    Some(other) => {
                        return Err(Refusal::InAnotherSession { participant, session: other });
                    }
                    None => {
                        let max = self.limits.session_participants_max;
                        let members = &mut self.session_mut(session).participants;
                        if members.len() == max {
                            return Err(Refusal::SessionFull { session, max });
                        }
                        members.push(participant);
                    }
                }
                let record = self.participant_mut(participant);
                match subscriptions {
                    Some(scope) => {
                        record.subscriptions = scope.map(|scope| Subscriptions { session, scope });
                    }
                    None => {
                        if record.subscriptions.as_ref().is_some_and(|s| s.session != session) {
                            record.subscriptions = None;
                        }
                    }
                }
                Ok(Reply::Done)
            }
            Command::RemoveParticipant { account, session, participant } => {
                self.session(&account, session)?;
                self.participant(&account, participant)?;
                if self.session_of(participant) != Some(session) {
                    return Err(Refusal::NotInSession { participant, session });
                }
                let members = &mut self.session_mut(session).participants;
                members.retain(|member| *member != participant);
                self.participant_mut(participant).subscriptions = None;
                Ok(Reply::Done)
            }
            Command::SetSubscriptions { account, session, participant, scope } => {
                self.session(&account, session)?;
                self.participant(&account, participant)?;
                if self.session_of(participant).is_some_and(|other| other != session) {
                    return Err(Refusal::NotInSession { participant, session });
                }
                if let Some(scope) = &scope {
                    self.all_listed_exist(&account, scope)?;
                }
                self.set_scope(session, participant, scope);
                Ok(Reply::Done)
            }
            Command::SetMatrix { account, session, rows } => {
                let members = self.session(&account, session)?.participants.clone();
                for MatrixRow { participant, scope } in &rows {
                    if !members.contains(participant) {
                        return Err(Refusal::RowOfNoMember { participant: *participant, session });
                    }
                    if let Some(scope) = scope {
                        self.all_listed_exist(&account, scope)?;
                    }
                }
                for row in rows {
                    self.set_scope(session, row.participant, row.scope);
                }
                Ok(Reply::Done)
            }
        }
    }

    pub(crate) fn has_session(&self, session: SessionId) -> bool {
        self.sessions.iter().any(|s| s.record.id == session)
    }

    pub(crate) fn has_participant(&self, participant: ParticipantId) -> bool {
        self.participants.iter().any(|p| p.id == participant)
    }

    pub(crate) fn session_count(&self, account: &AccountId) -> usize {
        let sessions = self.sessions.iter();
        sessions.filter(|s| s.record.account == *account).count()
    }

    pub(crate) fn participant_count(&self, account: &AccountId) -> usize {
        self.participants.iter().filter(|p| p.account == *account).count()
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence_next += 1;
        self.sequence_next - 1
    }

    pub(crate) fn session(&self, account: &AccountId, session: SessionId) -> Result<&Session, Refusal> {
        let mut sessions = self.sessions.iter();
        sessions
            .find(|s| s.record.id == session && s.record.account == *account)
            .ok_or(Refusal::NoSuchSession(session))
    }

    pub(crate) fn participant(
        &self,
        account: &AccountId,
        participant: ParticipantId,
    ) -> Result<&ParticipantRecord, Refusal> {
        let mut participants = self.participants.iter();
        participants
            .find(|p| p.id == participant && p.account == *account)
            .ok_or(Refusal::NoSuchParticipant(participant))
    }

    fn session_mut(&mut self, session: SessionId) -> &mut Session {
        let mut sessions = self.sessions.iter_mut();
        sessions.find(|s| s.record.id == session).unwrap()
    }

    fn participant_mut(&mut self, participant: ParticipantId) -> &mut ParticipantRecord {
        let mut participants = self.participants.iter_mut();
        participants.find(|p| p.id == participant).unwrap()
    }

    pub(crate) fn session_of(&self, participant: ParticipantId) -> Option<SessionId> {
        let mut sessions = self.sessions.iter();
        sessions.find(|s| s.participants.contains(&participant)).map(|s| s.record.id)
    }

    fn all_listed_exist(&self, account: &AccountId, scope: &Scope) -> Result<(), Refusal> {
        if let Scope::Listed(list) = scope {
            for entry in list {
                if self.participant(account, entry.participant).is_err() {
                    return Err(Refusal::UnknownListedParticipant(entry.participant));
                }
            }
        }
        Ok(())
    }

    fn set_scope(&mut self, session: SessionId, participant: ParticipantId, scope: Option<Scope>) {
        let recorded = &mut self.participant_mut(participant).subscriptions;
        match scope {
            Some(scope) => *recorded = Some(Subscriptions { session, scope }),
            None if recorded.as_ref().is_some_and(|s| s.session == session) => *recorded = None,
            None => {}
        }
    }

    fn end_session(&mut self, session: SessionId) {
        self.sessions.retain(|s| s.record.id != session);
        for participant in &mut self.participants {
            if participant.subscriptions.as_ref().is_some_and(|s| s.session == session) {
                participant.subscriptions = None;
            }
        }
    }

    fn end_participant(&mut self, participant: ParticipantId) {
        self.participants.retain(|p| p.id != participant);
        for session in &mut self.sessions {
            session.participants.retain(|member| *member != participant);
        }
        let device = self.devices.iter().position(|d| d.participant == participant);
        if let Some(place) = device {
            let device = self.devices.remove(place);
            self.closed.push((device.id, CloseReason::ParticipantEnded));
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Timestamp) {
        let sessions: Vec<_> = self.sessions.iter().map(|s| &s.record).cloned().collect();
        for session in sessions.iter().filter(|s| s.expires_at <= now) {
            self.end_session(session.id);
        }
        for participant in self.participants.clone().iter().filter(|p| p.expires_at <= now) {
            self.end_participant(participant.id);
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        let sessions = self.sessions.iter().map(|s| s.record.expires_at);
        sessions.chain(self.participants.iter().map(|p| p.expires_at)).min()
    }

    pub(crate) fn report(&mut self, now: Timestamp, report: Report) {
        match report {
            Report::DeviceConnected { participant, device, shown_as } => {
                if self.devices.iter().any(|d| d.id == device) {
                    return;
                }
                if !self.participants.iter().any(|p| p.id == participant) {
                    self.closed.push((device, CloseReason::ParticipantEnded));
                    return;
                }
                if let Some(place) = self.devices.iter().position(|d| d.participant == participant) {
                    let old = self.devices.remove(place);
                    self.closed.push((old.id, CloseReason::Replaced));
                }
                self.devices.push(Device { id: device, participant, shown_as, streams: Vec::new() });
            }
            Report::DeviceGone { device, departure: _ } => self.devices.retain(|d| d.id != device),
            Report::StreamsPublished { device, streams } => self.publish(now, device, &streams),
        }
    }

    fn publish(&mut self, now: Timestamp, device: DeviceId, streams: &[PublishedStream]) {
        let others = self.devices.iter().filter(|d| d.id != device);
        let taken: Vec<StreamId> = others.flat_map(|d| &d.streams).map(|s| s.id).collect();
        let Some(device) = self.devices.iter_mut().find(|d| d.id == device) else {
            return;
        };
        let mut snapshot: Vec<StreamView> = Vec::new();
        for stream in streams {
            if taken.contains(&stream.id) || snapshot.iter().any(|s| s.id == stream.id) {
                continue;
            }
            let before = device.streams.iter().find(|s| s.id == stream.id);
            snapshot.push(StreamView {
                id: stream.id,
                alias: stream.alias.clone(),
                media_types: stream.media_types,
                published_at: before.map_or(now, |before| before.published_at),
            });
        }
        // Oldest first: those that were there keep their order, the new ones come behind.
        let place = |s: &StreamView| device.streams.iter().position(|b| b.id == s.id);
        snapshot.sort_by_key(|stream| place(stream).unwrap_or(usize::MAX));
        device.streams = snapshot;
    }
}
