//! What the oracle says of its state: answers to questions, and who receives what.

use std::collections::{BTreeSet, HashMap};

use crosspoint_ids::{ParticipantId, SessionId};
use crosspoint_model::{
    Crosspoint, Membership, Page, PageRequest, ParticipantRecord, Query, Refusal, Reply, Scope,
    StreamSelection, StreamView,
};

use crate::oracle::{Device, Oracle};

impl Oracle {
    pub(crate) fn query(&self, query: Query) -> Result<Reply, Refusal> {
        match query {
            Query::Session { account, session } => {
                Ok(Reply::Session(self.session(&account, session)?.clone()))
            }
            Query::Sessions { account, page } => {
                let sessions = self.sessions.iter().filter(|s| s.record.account == account);
                let sessions = sessions.map(|s| (s.record.sequence, s.clone())).collect();
                Ok(Reply::Sessions(page_of(sessions, page)))
            }
            Query::Participant { account, participant } => {
                let participant = self.participant(&account, participant)?;
                Ok(Reply::Participant(self.view(participant)))
            }
            Query::Participants { account, page } => {
                let participants = self.participants.iter().filter(|p| p.account == account);
                let participants = participants.map(|p| (p.sequence, self.view(p))).collect();
                Ok(Reply::Participants(page_of(participants, page)))
            }
            Query::Members { account, session } => {
                let session = self.session(&account, session)?;
                let members = session.participants.iter();
                let members = members.map(|m| self.view(self.participant(&account, *m).unwrap()));
                Ok(Reply::Members(members.collect()))
            }
            Query::Subscriptions { account, session, participant } => {
                self.session(&account, session)?;
                let recorded = self.participant(&account, participant)?.subscriptions.clone();
                match (self.session_of(participant), recorded) {
                    (Some(present), recorded) if present == session => Ok(Reply::Subscriptions(recorded)),
                    (None, Some(dormant)) if dormant.session == session => {
                        Ok(Reply::Subscriptions(Some(dormant)))
                    }
                    (Some(_) | None, _) => Err(Refusal::NotInSession { participant, session }),
                }
            }
            Query::Matrix { account, session } => {
                let session = self.session(&account, session)?;
                let members = session.participants.iter();
                let row = |m: &ParticipantId| self.participant(&account, *m).unwrap().subscriptions.clone();
                Ok(Reply::Matrix(members.map(|m| (*m, row(m))).collect()))
            }
            Query::Streams { account, participant } => {
                self.participant(&account, participant)?;
                let devices = self.devices.iter().filter(|d| d.participant == participant);
                Ok(Reply::Streams(devices.flat_map(|d| d.streams.clone()).collect()))
            }
        }
    }

    /// A participant as applications see it. The number in its membership is not said.
    pub(crate) fn view(&self, participant: &ParticipantRecord) -> ParticipantRecord {
        let session = self.session_of(participant.id);
        ParticipantRecord {
            membership: session.map(|session| Membership { session, since: 0 }),
            ..participant.clone()
        }
    }

    pub(crate) fn routes(&self) -> BTreeSet<Crosspoint> {
        let devices: HashMap<ParticipantId, &Device> =
            self.devices.iter().map(|d| (d.participant, d)).collect();
        let mut routes = BTreeSet::new();
        for session in &self.sessions {
            for subscriber in &session.participants {
                for publisher in &session.participants {
                    let (Some(to), Some(from)) = (devices.get(subscriber), devices.get(publisher)) else {
                        continue;
                    };
                    for stream in &from.streams {
                        if self.wants(session.record.id, *subscriber, *publisher, stream) {
                            routes.insert(Crosspoint { stream: stream.id, subscriber: to.id });
                        }
                    }
                }
            }
        }
        routes
    }

    fn wants(
        &self,
        session: SessionId,
        subscriber: ParticipantId,
        publisher: ParticipantId,
        stream: &StreamView,
    ) -> bool {
        let record = self.participants.iter().find(|p| p.id == subscriber).unwrap();
        let Some(subscriptions) = &record.subscriptions else {
            return false;
        };
        if subscriptions.session != session {
            return false;
        }
        match &subscriptions.scope {
            Scope::WholeSession => publisher != subscriber,
            Scope::Listed(list) => list.iter().any(|entry| {
                let named = match (&entry.streams, &stream.alias) {
                    (StreamSelection::All, _) => true,
                    (StreamSelection::Aliases(_), None) => false,
                    (StreamSelection::Aliases(aliases), Some(alias)) => aliases.iter().any(|a| a == alias),
                };
                entry.participant == publisher && named
            }),
        }
    }
}

/// The part of a listing that was asked for, from `(sequence, entry)` in any order.
fn page_of<T>(mut entries: Vec<(u64, T)>, page: PageRequest) -> Page<T> {
    entries.retain(|(sequence, _)| page.before.is_none_or(|before| *sequence < before));
    entries.sort_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
    let more = entries.len() > page.limit;
    entries.truncate(page.limit);
    let last = entries.last().map(|(sequence, _)| *sequence);
    Page { items: entries.into_iter().map(|(_, entry)| entry).collect(), next: last.filter(|_| more) }
}
