//! Commands: what is refused, and what the others change.
//!
//! Checked in this order, and nothing is changed before all of it holds: the session, the participant, whether it is
//! in this session where it must be, what the subscriptions name, then what stands against an addition.

use crosspoint_ids::{AccountId, ParticipantId, SessionId, Timestamp};

use crate::members::Members;
use crate::{
    CloseReason, Command, EndCause, Happening, MatrixRow, Membership, Model, ParticipantRecord, Refusal,
    Reply, Scope, Session, SessionRecord, Subscriptions,
};

impl Model {
    /// Carries out a command, or refuses it and changes nothing.
    pub fn apply(&mut self, now: Timestamp, command: Command) -> Result<Reply, Refusal> {
        self.begin_command();
        match command {
            Command::CreateSession { account, session, tag } => self.create_session(SessionRecord {
                account,
                id: session,
                tag,
                sequence: self.intent.sequence_next(),
                created_at: now,
                expires_at: now + self.limits.lifetime,
            }),
            Command::DeleteSession { account, session } => self.delete_session(&account, session),
            Command::CreateParticipant {
                account,
                participant,
                token,
                tag,
                callback_url,
                publish_permissions,
            } => self.create_participant(ParticipantRecord {
                account,
                id: participant,
                tag,
                callback_url,
                publish_permissions,
                token,
                token_issued_at: now,
                sequence: self.intent.sequence_next(),
                created_at: now,
                expires_at: now + self.limits.lifetime,
                membership: None,
                subscriptions: None,
            }),
            Command::DeleteParticipant { account, participant } => {
                self.delete_participant(&account, participant)
            }
            Command::RenewToken { account, participant, token } => {
                let before = self.intent.participant(&account, participant)?;
                Ok(self.renew_token(ParticipantRecord { token, token_issued_at: now, ..before }))
            }
            Command::AddParticipant { account, session, participant, subscriptions } => {
                self.add_participant(&account, session, participant, subscriptions)
            }
            Command::RemoveParticipant { account, session, participant } => {
                self.remove_participant(&account, session, participant)
            }
            Command::SetSubscriptions { account, session, participant, scope } => {
                self.set_subscriptions(&account, session, participant, scope)
            }
            Command::SetMatrix { account, session, rows } => self.set_matrix(&account, session, rows),
        }
    }

    fn create_session(&mut self, record: SessionRecord) -> Result<Reply, Refusal> {
        let max = self.limits.account_sessions_max;
        let account = self.intent.account(&record.account);
        if account.is_some_and(|account| account.session_count() >= max) {
            return Err(Refusal::TooManySessions { max });
        }
        self.create_session_record(record.clone());
        Ok(Reply::Session(Session { record, participants: Vec::new() }))
    }

    fn delete_session(&mut self, account: &AccountId, session: SessionId) -> Result<Reply, Refusal> {
        self.intent.session(account, session)?;
        self.end_session(account, session, EndCause::Deleted);
        self.settle([]);
        Ok(Reply::Done)
    }

    fn create_participant(&mut self, record: ParticipantRecord) -> Result<Reply, Refusal> {
        let max = self.limits.account_participants_max;
        let account = self.intent.account(&record.account);
        if account.is_some_and(|account| account.participant_count() >= max) {
            return Err(Refusal::TooManyParticipants { max });
        }
        self.write_participant(record.clone());
        self.tell(
            &record.account,
            Happening::ParticipantCreated { participant: record.id, tag: record.tag.clone() },
        );
        Ok(Reply::Participant(record))
    }

    fn renew_token(&mut self, record: ParticipantRecord) -> Reply {
        self.write_participant(record.clone());
        let closing = self.dismiss_device(record.id);
        self.settle(closing.map(|device| (device, CloseReason::TokenRenewed)));
        Reply::Participant(record)
    }

    fn delete_participant(
        &mut self,
        account: &AccountId,
        participant: ParticipantId,
    ) -> Result<Reply, Refusal> {
        self.intent.participant(account, participant)?;
        let closing = self.end_participant(account, participant, EndCause::Deleted);
        self.settle(closing.map(|device| (device, CloseReason::ParticipantEnded)));
        Ok(Reply::Done)
    }

    fn add_participant(
        &mut self,
        account: &AccountId,
        session: SessionId,
        participant: ParticipantId,
        subscriptions: Option<Option<Scope>>,
    ) -> Result<Reply, Refusal> {
        self.intent.session(account, session)?;
        let before = self.intent.participant(account, participant)?;
        self.check_listed(account, subscriptions.as_ref().and_then(Option::as_ref))?;
        let membership = match before.membership {
            Some(present) if present.session == session => present,
            Some(other) => {
                return Err(Refusal::InAnotherSession { participant, session: other.session });
            }
            None => self.place_in(account, session)?,
        };
        let subscriptions = match subscriptions {
            None => before.subscriptions.clone().filter(|s| s.session == session),
            Some(scope) => scope.map(|scope| Subscriptions { session, scope }),
        };
        let after = ParticipantRecord { membership: Some(membership), subscriptions, ..before.clone() };
        if after == before {
            return Ok(Reply::Done);
        }
        if before.membership.is_none() {
            self.tell(account, Happening::ParticipantAdded { session, participant });
        }
        // Dormant subscriptions were told of when they were set, but to a member they are new.
        if before.membership.is_none() && after.subscriptions.is_some()
            || after.subscriptions != before.subscriptions
        {
            let subscriptions = after.subscriptions.clone();
            self.tell(account, Happening::SubscriptionsChanged { session, participant, subscriptions });
        }
        self.write_participant(after);
        self.reroute(participant);
        self.settle([]);
        Ok(Reply::Done)
    }

    /// A new member's place, if the session has room.
    fn place_in(&self, account: &AccountId, session: SessionId) -> Result<Membership, Refusal> {
        let max = self.limits.session_participants_max;
        let (account, _) = self.intent.session(account, session)?;
        if account.members(session).map_or(0, Members::len) >= max {
            return Err(Refusal::SessionFull { session, max });
        }
        Ok(Membership { session, since: self.intent.since_next() })
    }

    fn remove_participant(
        &mut self,
        account: &AccountId,
        session: SessionId,
        participant: ParticipantId,
    ) -> Result<Reply, Refusal> {
        self.intent.session(account, session)?;
        let before = self.intent.participant(account, participant)?;
        if before.membership.is_none_or(|m| m.session != session) {
            return Err(Refusal::NotInSession { participant, session });
        }
        self.write_participant(ParticipantRecord { membership: None, subscriptions: None, ..before });
        self.tell(account, Happening::ParticipantRemoved { session, participant });
        self.reroute(participant);
        self.settle([]);
        Ok(Reply::Done)
    }

    fn set_subscriptions(
        &mut self,
        account: &AccountId,
        session: SessionId,
        participant: ParticipantId,
        scope: Option<Scope>,
    ) -> Result<Reply, Refusal> {
        self.intent.session(account, session)?;
        let before = self.intent.participant(account, participant)?;
        if before.membership.is_some_and(|m| m.session != session) {
            return Err(Refusal::NotInSession { participant, session });
        }
        self.check_listed(account, scope.as_ref())?;
        self.write_subscriptions(before, session, scope);
        self.settle([]);
        Ok(Reply::Done)
    }

    fn set_matrix(
        &mut self,
        account: &AccountId,
        session: SessionId,
        rows: Vec<MatrixRow>,
    ) -> Result<Reply, Refusal> {
        self.intent.session(account, session)?;
        for MatrixRow { participant, scope } in &rows {
            let participant = *participant;
            self.member(account, session, participant)
                .ok_or(Refusal::RowOfNoMember { participant, session })?;
            self.check_listed(account, scope.as_ref())?;
        }
        for MatrixRow { participant, scope } in rows {
            if let Some(before) = self.member(account, session, participant) {
                self.write_subscriptions(before, session, scope);
            }
        }
        self.settle([]);
        Ok(Reply::Done)
    }

    /// The participant of the account, if it is a member of the session.
    fn member(
        &self,
        account: &AccountId,
        session: SessionId,
        participant: ParticipantId,
    ) -> Option<ParticipantRecord> {
        let record = self.intent.participant(account, participant).ok()?;
        record.membership.is_some_and(|m| m.session == session).then_some(record)
    }

    /// Records what a subscriber wants in a session. To want nothing there leaves alone what it wants in another.
    fn write_subscriptions(&mut self, before: ParticipantRecord, session: SessionId, scope: Option<Scope>) {
        let elsewhere = before.subscriptions.clone().filter(|s| s.session != session);
        let subscriptions = match scope {
            Some(scope) => Some(Subscriptions { session, scope }),
            None => elsewhere,
        };
        if subscriptions == before.subscriptions {
            return;
        }
        let participant = before.id;
        let told = subscriptions.clone().filter(|s| s.session == session);
        self.tell(
            &before.account,
            Happening::SubscriptionsChanged { session, participant, subscriptions: told },
        );
        self.write_participant(ParticipantRecord { subscriptions, ..before });
        self.reroute_row(participant);
    }

    fn check_listed(&self, account: &AccountId, scope: Option<&Scope>) -> Result<(), Refusal> {
        let Some(Scope::Listed(list)) = scope else {
            return Ok(());
        };
        let account = self.intent.account(account);
        let unknown = list
            .iter()
            .map(|entry| entry.participant)
            .find(|listed| !account.is_some_and(|account| account.has_participant(*listed)));
        unknown.map_or(Ok(()), |unknown| Err(Refusal::UnknownListedParticipant(unknown)))
    }
}
