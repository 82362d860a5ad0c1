//! Questions, answered from what counts now.

use crosspoint_ids::{AccountId, ParticipantId, SessionId};

use crate::account::Account;
use crate::members::Members;
use crate::{MediaTypes, Model, Page, Query, Refusal, Reply};

impl Model {
    /// Answers a question.
    pub fn query(&self, query: Query) -> Result<Reply, Refusal> {
        match query {
            Query::Session { account, session } => {
                let (account, record) = self.intent.session(&account, session)?;
                Ok(Reply::Session(account.session_view(record)))
            }
            Query::Sessions { account, page } => {
                let account = self.intent.account(&account);
                Ok(Reply::Sessions(account.map_or_else(empty_page, |account| account.sessions_page(page))))
            }
            Query::Participant { account, participant } => {
                self.intent.participant(&account, participant).map(Reply::Participant)
            }
            Query::Participants { account, page } => {
                let account = self.intent.account(&account);
                Ok(Reply::Participants(
                    account.map_or_else(empty_page, |account| account.participants_page(page)),
                ))
            }
            Query::Members { account, session } => {
                let (account, _) = self.intent.session(&account, session)?;
                let members = members(account, session).filter_map(|member| account.participant(member));
                Ok(Reply::Members(members.collect()))
            }
            Query::Subscriptions { account, session, participant } => {
                self.subscriptions(&account, session, participant)
            }
            Query::Matrix { account, session } => {
                let (account, _) = self.intent.session(&account, session)?;
                let rows =
                    members(account, session).map(|member| (member, account.subscriptions(member).cloned()));
                Ok(Reply::Matrix(rows.collect()))
            }
            Query::Streams { account, participant } => {
                self.intent.participant(&account, participant)?;
                let streams = self.observation.streams_of(participant);
                Ok(Reply::Streams(streams.cloned().collect()))
            }
        }
    }

    /// What a participant may publish; `None` when it is gone.
    pub fn publish_permissions(&self, participant: ParticipantId) -> Option<MediaTypes> {
        Some(self.intent.participant_record(participant)?.publish_permissions)
    }

    fn subscriptions(
        &self,
        account: &AccountId,
        session: SessionId,
        participant: ParticipantId,
    ) -> Result<Reply, Refusal> {
        self.intent.session(account, session)?;
        let record = self.intent.participant(account, participant)?;
        let recorded = record.subscriptions.filter(|s| s.session == session);
        let is_member = record.membership.is_some_and(|m| m.session == session);
        if recorded.is_none() && !is_member {
            return Err(Refusal::NotInSession { participant, session });
        }
        Ok(Reply::Subscriptions(recorded))
    }
}

fn empty_page<T>() -> Page<T> {
    Page { items: Vec::new(), next: None }
}

fn members(account: &Account, session: SessionId) -> impl Iterator<Item = ParticipantId> {
    account.members(session).into_iter().flat_map(Members::oldest_first)
}
