//! The intent of one account. Accounts share nothing, so that a foreign id is the same as an absent one.
//!
//! A session ends by one write, its own; the records of those who were in it stay as they are. So a record is read
//! through [`Account::membership`] and [`Account::subscriptions`], which say what of it still counts.

use std::collections::HashMap;

use crosspoint_ids::{ParticipantId, SessionId};

use crate::members::Members;
use crate::table::Table;
use crate::{
    IdempotencyKey, IdempotencyRecord, Membership, Page, PageRequest, Participant, ParticipantRecord, Scope,
    Session, SessionRecord, Subscriptions,
};

#[derive(Debug, Default)]
pub(crate) struct Account {
    sessions: Table<SessionRecord>,
    participants: Table<ParticipantRecord>,
    /// Those whose records name this session. After a restore also of sessions that are gone, until these records
    /// change or end; so nothing is read from it without asking for the session first.
    members: HashMap<SessionId, Members>,
    idempotency: HashMap<IdempotencyKey, IdempotencyRecord>,
}

impl Account {
    pub(crate) fn session_count(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn participant_count(&self) -> usize {
        self.participants.len()
    }

    pub(crate) fn idempotency_count(&self) -> usize {
        self.idempotency.len()
    }

    pub(crate) fn idempotency(&self, key: &IdempotencyKey) -> Option<&IdempotencyRecord> {
        self.idempotency.get(key)
    }

    pub(crate) fn put_idempotency(&mut self, record: IdempotencyRecord) {
        self.idempotency.insert(record.key.clone(), record);
    }

    pub(crate) fn remove_idempotency(&mut self, key: &IdempotencyKey) -> Option<IdempotencyRecord> {
        self.idempotency.remove(key)
    }

    pub(crate) fn has_participant(&self, participant: ParticipantId) -> bool {
        self.participants.get(participant).is_some()
    }

    pub(crate) fn session(&self, session: SessionId) -> Option<&SessionRecord> {
        self.sessions.get(session)
    }

    /// A session as applications see it.
    pub(crate) fn session_view(&self, record: &SessionRecord) -> Session {
        let participants = self.members(record.id).into_iter().flat_map(Members::oldest_first);
        Session { record: record.clone(), participants: participants.collect() }
    }

    /// A participant as applications see it, and as it is written next.
    pub(crate) fn participant(&self, participant: ParticipantId) -> Option<Participant> {
        let record = self.participants.get(participant)?;
        Some(self.participant_view(record))
    }

    fn participant_view(&self, record: &ParticipantRecord) -> Participant {
        Participant {
            membership: self.membership_in(record),
            subscriptions: self.subscriptions_in(record).cloned(),
            ..record.clone()
        }
    }

    /// A participant's record as it is stored.
    pub(crate) fn participant_record(&self, participant: ParticipantId) -> Option<&ParticipantRecord> {
        self.participants.get(participant)
    }

    /// The session that a participant is in.
    pub(crate) fn membership(&self, participant: ParticipantId) -> Option<Membership> {
        self.membership_in(self.participants.get(participant)?)
    }

    /// The recorded subscriptions of a participant: active when it is a member, dormant when it is in no session.
    pub(crate) fn subscriptions(&self, participant: ParticipantId) -> Option<&Subscriptions> {
        self.subscriptions_in(self.participants.get(participant)?)
    }

    fn membership_in(&self, record: &ParticipantRecord) -> Option<Membership> {
        record.membership.filter(|membership| self.session(membership.session).is_some())
    }

    fn subscriptions_in<'a>(&self, record: &'a ParticipantRecord) -> Option<&'a Subscriptions> {
        let subscriptions = record.subscriptions.as_ref()?;
        self.session(subscriptions.session)?;
        match self.membership_in(record) {
            Some(membership) if membership.session != subscriptions.session => None,
            Some(_) | None => Some(subscriptions),
        }
    }

    /// The members of a session; `None` when it is gone or empty.
    pub(crate) fn members(&self, session: SessionId) -> Option<&Members> {
        self.session(session)?;
        self.members.get(&session)
    }

    pub(crate) fn sessions_page(&self, page: PageRequest) -> Page<Session> {
        self.sessions.page(page, |record| self.session_view(record))
    }

    pub(crate) fn participants_page(&self, page: PageRequest) -> Page<Participant> {
        self.participants.page(page, |record| self.participant_view(record))
    }

    pub(crate) fn put_session(&mut self, record: SessionRecord) {
        self.sessions.put(record);
    }

    pub(crate) fn put_participant(&mut self, record: ParticipantRecord) {
        self.unindex(record.id);
        if let Some(membership) = record.membership {
            let members = self.members.entry(membership.session).or_default();
            members.enter(record.id, membership, scope_in(&record, membership.session));
        }
        self.participants.put(record);
    }

    /// Removes a session; who was in it is returned.
    pub(crate) fn remove_session(&mut self, session: SessionId) -> Option<(SessionRecord, Members)> {
        let record = self.sessions.remove(session)?;
        Some((record, self.members.remove(&session).unwrap_or_default()))
    }

    /// Who is in a session that was removed and is put back.
    pub(crate) fn set_members(&mut self, session: SessionId, members: Members) {
        if members.is_empty() {
            self.members.remove(&session);
        } else {
            self.members.insert(session, members);
        }
    }

    pub(crate) fn remove_participant(&mut self, participant: ParticipantId) -> Option<ParticipantRecord> {
        self.unindex(participant);
        self.participants.remove(participant)
    }

    fn unindex(&mut self, participant: ParticipantId) {
        let Some(record) = self.participants.get(participant) else {
            return;
        };
        let Some(membership) = record.membership else {
            return;
        };
        let Some(members) = self.members.get_mut(&membership.session) else {
            return;
        };
        members.leave(participant, membership, scope_in(record, membership.session));
        if members.is_empty() {
            self.members.remove(&membership.session);
        }
    }
}

fn scope_in(record: &ParticipantRecord, session: SessionId) -> Option<&Scope> {
    let subscriptions = record.subscriptions.as_ref()?;
    (subscriptions.session == session).then_some(&subscriptions.scope)
}
