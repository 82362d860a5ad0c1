//! What must hold after each step.

use std::collections::HashMap;
use std::fmt::{Debug, Display};

use crosspoint_ids::{AccountId, DeviceId, ParticipantId, SessionId, StreamId};
use crosspoint_model::{Page, PageRequest, Participant, Query, Reply, Scope};

use crate::ids;
use crate::steps::{ACCOUNTS, PARTICIPANTS, Ref, SESSIONS};
use crate::world::{Checked, World};

/// When all questions are asked, besides the end of a sequence. They cost more than all other checks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Questions {
    /// Now and then.
    Sometimes,
    /// After each step: a sequence that failed is to become short.
    Always,
}

impl Questions {
    fn are_due(self, steps: usize) -> bool {
        match self {
            Self::Sometimes => steps.is_multiple_of(25),
            Self::Always => true,
        }
    }
}

impl World {
    pub(crate) fn check(&mut self, questions: Questions, last: bool) -> Checked {
        let granted = self.oracle.routes();
        same("the routes told", &self.routed, &granted)?;
        same("the routes held", &self.model.routes().collect(), &granted)?;
        same("the routes after a restart", &self.restored().routes().collect(), &granted)?;
        same("the next timeout", &self.model.poll_timeout(), &self.oracle.next_timeout())?;
        self.check_boundaries()?;
        if last || questions.are_due(self.steps) {
            self.ask_everything()?;
        }
        Ok(())
    }

    /// What must hold of every route, whatever the oracle says.
    fn check_boundaries(&mut self) -> Checked {
        let devices = &self.oracle.devices;
        let publishers: HashMap<StreamId, ParticipantId> =
            devices.iter().flat_map(|d| d.streams.iter().map(|s| (s.id, d.participant))).collect();
        let subscribers: HashMap<DeviceId, ParticipantId> =
            devices.iter().map(|d| (d.id, d.participant)).collect();
        for crosspoint in &self.routed {
            let publisher = publishers[&crosspoint.stream];
            let subscriber = subscribers[&crosspoint.subscriber];
            let account_of = |p: ParticipantId| &self.stored.participants[&p].account;
            if account_of(publisher) != account_of(subscriber) {
                return Err(format!("crosses accounts: {crosspoint:?}"));
            }
            let session_of = |p: ParticipantId| {
                let membership = self.stored.participants[&p].membership;
                let session = membership.map(|m| m.session);
                session.filter(|session| self.stored.sessions.contains_key(session))
            };
            let Some(session) = session_of(publisher).filter(|s| session_of(subscriber) == Some(*s)) else {
                return Err(format!("crosses sessions: {crosspoint:?}"));
            };
            match self.wishes.get(&(session, subscriber)) {
                Some(Some(Scope::WholeSession)) if publisher != subscriber => {}
                Some(Some(Scope::Listed(list))) if list.iter().any(|e| e.participant == publisher) => {
                    let event = if publisher == subscriber { "echo" } else { "by list" };
                    self.tally.count(event);
                }
                wish => return Err(format!("{crosspoint:?} was never asked for, but: {wish:?}")),
            }
        }
        Ok(())
    }

    pub(crate) fn ask_everything(&self) -> Checked {
        for number in 0..ACCOUNTS {
            let account = ids::account(number);
            self.ask_for_pages(number)?;
            for slot in 0..SESSIONS {
                for ago in 0..2 {
                    let session = self.names.session(Ref { slot, ago });
                    let account = account.clone();
                    self.ask_for_session(&account, session)?;
                }
            }
            for slot in 0..PARTICIPANTS {
                for ago in 0..2 {
                    let participant = self.names.participant(Ref { slot, ago });
                    let account = account.clone();
                    self.ask(Query::Streams { account: account.clone(), participant })?;
                    self.ask(Query::Participant { account, participant })?;
                }
            }
        }
        Ok(())
    }

    fn ask_for_session(&self, account: &AccountId, session: SessionId) -> Checked {
        let account = || account.clone();
        self.ask(Query::Session { account: account(), session })?;
        self.ask(Query::Members { account: account(), session })?;
        self.ask(Query::Matrix { account: account(), session })?;
        for slot in 0..PARTICIPANTS {
            let participant = self.names.participant(Ref::latest(slot));
            self.ask(Query::Subscriptions { account: account(), session, participant })?;
        }
        Ok(())
    }

    fn ask_for_pages(&self, account: u8) -> Checked {
        let account = ids::account(account);
        for limit in [1, 2, 100] {
            let mut page = PageRequest { limit, before: None };
            while let Some(next) = self.ask(Query::Sessions { account: account.clone(), page })? {
                page.before = Some(next);
            }
            let mut page = PageRequest { limit, before: None };
            while let Some(next) = self.ask(Query::Participants { account: account.clone(), page })? {
                page.before = Some(next);
            }
        }
        Ok(())
    }

    /// Asks both; returns where the next page begins.
    fn ask(&self, query: Query) -> Result<Option<u64>, String> {
        let got = self.model.query(query.clone()).map(masked);
        let expected = self.oracle.query(query.clone()).map(masked);
        same(format_args!("the answer to {query:?}"), &got, &expected)?;
        Ok(match got {
            Ok(Reply::Sessions(page)) => page.next,
            Ok(Reply::Participants(page)) => page.next,
            _ => None,
        })
    }
}

/// The number in a membership only orders; the order itself is compared where members are listed.
pub(crate) fn masked(reply: Reply) -> Reply {
    let mask = |mut participant: Participant| {
        if let Some(membership) = &mut participant.membership {
            membership.since = 0;
        }
        participant
    };
    match reply {
        Reply::Participant(participant) => Reply::Participant(mask(participant)),
        Reply::Participants(page) => {
            Reply::Participants(Page { items: page.items.into_iter().map(mask).collect(), next: page.next })
        }
        Reply::Members(members) => Reply::Members(members.into_iter().map(mask).collect()),
        other @ (Reply::Done
        | Reply::Session(_)
        | Reply::Sessions(_)
        | Reply::Subscriptions(_)
        | Reply::Matrix(_)
        | Reply::Streams(_)) => other,
    }
}

pub(crate) fn same<T: PartialEq + Debug>(what: impl Display, got: &T, expected: &T) -> Checked {
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}\n  is:        {got:?}\n  should be: {expected:?}"))
}
