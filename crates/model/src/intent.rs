//! What applications asked for, of all accounts, with the numbers that order it.
//!
//! Knows records and where to find them; what a command may do to them is decided in `apply.rs`.

use std::collections::HashMap;

use crosspoint_ids::{AccountId, ParticipantId, SessionId, Timestamp};

use crate::account::Account;
use crate::expiry::{Expiry, Mortal};
use crate::members::Members;
use crate::{IdempotencyKey, IdempotencyRecord, Participant, ParticipantRecord, Refusal, SessionRecord};

#[derive(Debug, Default)]
pub(crate) struct Intent {
    accounts: HashMap<AccountId, Account>,
    /// Whose a participant is: reports name no account.
    owners: HashMap<ParticipantId, AccountId>,
    expiry: Expiry,
    sequence_next: u64,
    since_next: u64,
}

impl Intent {
    /// The sequence of the next record made.
    pub(crate) fn sequence_next(&self) -> u64 {
        self.sequence_next
    }

    /// The `since` of the next membership.
    pub(crate) fn since_next(&self) -> u64 {
        self.since_next
    }

    pub(crate) fn account(&self, account: &AccountId) -> Option<&Account> {
        self.accounts.get(account)
    }

    pub(crate) fn account_of(&self, participant: ParticipantId) -> Option<&Account> {
        self.accounts.get(self.owners.get(&participant)?)
    }

    /// A session that the account has, with that account.
    pub(crate) fn session(
        &self,
        account: &AccountId,
        session: SessionId,
    ) -> Result<(&Account, &SessionRecord), Refusal> {
        self.account(account)
            .and_then(|account| Some((account, account.session(session)?)))
            .ok_or(Refusal::NoSuchSession(session))
    }

    /// A participant that the account has, as it counts now.
    pub(crate) fn participant(
        &self,
        account: &AccountId,
        participant: ParticipantId,
    ) -> Result<Participant, Refusal> {
        self.account(account)
            .and_then(|account| account.participant(participant))
            .ok_or(Refusal::NoSuchParticipant(participant))
    }

    pub(crate) fn put_session(&mut self, record: SessionRecord) {
        self.sequence_next = self.sequence_next.max(record.sequence.saturating_add(1));
        self.expiry.insert(record.expires_at, Mortal::Session(record.account.clone(), record.id));
        self.accounts.entry(record.account.clone()).or_default().put_session(record);
    }

    pub(crate) fn put_participant(&mut self, record: ParticipantRecord) {
        self.sequence_next = self.sequence_next.max(record.sequence.saturating_add(1));
        if let Some(membership) = record.membership {
            self.since_next = self.since_next.max(membership.since.saturating_add(1));
        }
        self.owners.insert(record.id, record.account.clone());
        self.expiry.insert(record.expires_at, Mortal::Participant(record.account.clone(), record.id));
        self.accounts.entry(record.account.clone()).or_default().put_participant(record);
    }

    /// Removes a session; it is returned with those who were in it.
    pub(crate) fn remove_session(
        &mut self,
        account: &AccountId,
        session: SessionId,
    ) -> Option<(SessionRecord, Members)> {
        let (record, members) = self.accounts.get_mut(account)?.remove_session(session)?;
        self.expiry.remove(record.expires_at, Mortal::Session(account.clone(), session));
        Some((record, members))
    }

    /// Undoes [`Intent::remove_session`], when everything that was done after it is undone.
    pub(crate) fn restore_session(&mut self, record: SessionRecord, members: Members) {
        let (account, session) = (record.account.clone(), record.id);
        self.put_session(record);
        self.accounts.entry(account).or_default().set_members(session, members);
    }

    /// Removes a participant; its record is returned.
    pub(crate) fn remove_participant(
        &mut self,
        account: &AccountId,
        participant: ParticipantId,
    ) -> Option<ParticipantRecord> {
        let record = self.accounts.get_mut(account)?.remove_participant(participant)?;
        self.owners.remove(&participant);
        self.expiry.remove(record.expires_at, Mortal::Participant(account.clone(), participant));
        Some(record)
    }

    /// A session's record, whosever it is. Looks through all accounts.
    pub(crate) fn session_record(&self, session: SessionId) -> Option<&SessionRecord> {
        self.accounts.values().find_map(|account| account.session(session))
    }

    /// A participant's record as it is stored.
    pub(crate) fn participant_record(&self, participant: ParticipantId) -> Option<&ParticipantRecord> {
        self.account_of(participant)?.participant_record(participant)
    }

    pub(crate) fn put_idempotency(&mut self, record: IdempotencyRecord) {
        let mortal = Mortal::Idempotency(record.account.clone(), record.key.clone());
        self.expiry.insert(record.expires_at, mortal);
        self.accounts.entry(record.account.clone()).or_default().put_idempotency(record);
    }

    pub(crate) fn remove_idempotency(&mut self, account: &AccountId, key: &IdempotencyKey) {
        let removed = self.accounts.get_mut(account).and_then(|account| account.remove_idempotency(key));
        if let Some(record) = removed {
            self.expiry.remove(record.expires_at, Mortal::Idempotency(account.clone(), key.clone()));
        }
    }

    /// Lets numbers that were given out be given out again.
    pub(crate) fn set_numbers(&mut self, sequence_next: u64, since_next: u64) {
        self.sequence_next = sequence_next;
        self.since_next = since_next;
    }

    /// The earliest end to come.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.expiry.next()
    }

    /// What ends first, if its time has come.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Mortal> {
        self.expiry.due(now)
    }
}
