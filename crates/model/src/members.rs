//! The members of one session and, for each of them, who may want its streams.
//!
//! An index: everything in here also stands in the participants' records. It makes the work of a change proportional
//! to what the change touches.

use std::collections::{BTreeSet, HashMap, HashSet};

use crosspoint_ids::ParticipantId;

use crate::{Alias, Membership, Scope, StreamSelection};

#[derive(Debug, Default)]
pub(crate) struct Members {
    by_age: BTreeSet<(u64, ParticipantId)>,
    /// Members that receive the whole session.
    of_everybody: HashSet<ParticipantId>,
    /// For each listed participant, member or not, the members that list it, and what they want of it.
    of_listed: HashMap<ParticipantId, HashMap<ParticipantId, StreamSelection>>,
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.by_age.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_age.is_empty()
    }

    pub(crate) fn oldest_first(&self) -> impl Iterator<Item = ParticipantId> {
        self.by_age.iter().map(|(_, participant)| *participant)
    }

    /// Takes in a member with the subscriptions that it has in this session.
    pub(crate) fn enter(&mut self, member: ParticipantId, membership: Membership, scope: Option<&Scope>) {
        self.by_age.insert((membership.since, member));
        match scope {
            None => {}
            Some(Scope::WholeSession) => {
                self.of_everybody.insert(member);
            }
            Some(Scope::Listed(list)) => {
                for entry in list {
                    let subscribers = self.of_listed.entry(entry.participant).or_default();
                    subscribers.insert(member, entry.streams.clone());
                }
            }
        }
    }

    /// Forgets a member that was taken in with exactly these arguments.
    pub(crate) fn leave(&mut self, member: ParticipantId, membership: Membership, scope: Option<&Scope>) {
        self.by_age.remove(&(membership.since, member));
        match scope {
            None => {}
            Some(Scope::WholeSession) => {
                self.of_everybody.remove(&member);
            }
            Some(Scope::Listed(list)) => {
                for entry in list {
                    let Some(subscribers) = self.of_listed.get_mut(&entry.participant) else {
                        continue;
                    };
                    subscribers.remove(&member);
                    if subscribers.is_empty() {
                        self.of_listed.remove(&entry.participant);
                    }
                }
            }
        }
    }

    /// The members that want a stream which `publisher`, a member, publishes under `alias`.
    pub(crate) fn audience<'a>(
        &'a self,
        publisher: ParticipantId,
        alias: Option<&'a Alias>,
    ) -> impl Iterator<Item = ParticipantId> + 'a {
        let everybody = self.of_everybody.iter().copied();
        let listed = self.of_listed.get(&publisher).into_iter().flatten();
        everybody.filter(move |subscriber| *subscriber != publisher).chain(
            listed.filter(move |(_, selection)| selection.covers(alias)).map(|(subscriber, _)| *subscriber),
        )
    }
}
