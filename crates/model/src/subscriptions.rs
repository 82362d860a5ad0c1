//! What a participant wants to receive.

use std::collections::{HashMap, HashSet};

use crosspoint_ids::{ParticipantId, SessionId};

use crate::Alias;

/// The most entries that an explicit list may have, before merging.
pub const LIST_ENTRIES_MAX: usize = 1_000;
/// The most aliases that one entry may name.
pub const STREAM_ALIASES_MAX: usize = 64;

/// A participant's recorded subscriptions: for which session, and how far they reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriptions {
    /// The session in which they count. They are dormant while the subscriber is not in it.
    pub session: SessionId,
    /// What of that session is received.
    pub scope: Scope,
}

/// How far subscriptions reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All other members, now and later.
    WholeSession,
    /// Exactly these participants, whatever becomes of them. Never empty, one entry for each participant.
    Listed(Vec<ListedParticipant>),
}

/// One entry of an explicit list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedParticipant {
    /// Who is received.
    pub participant: ParticipantId,
    /// Which of this participant's streams.
    pub streams: StreamSelection,
}

/// Which streams of a listed participant are received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamSelection {
    /// Every stream, with or without an alias.
    All,
    /// Streams published under one of these aliases. Never empty, no repetition.
    Aliases(Vec<Alias>),
}

/// A list that is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// The list has too many entries.
    #[error("more than {LIST_ENTRIES_MAX} entries")]
    TooManyEntries,
    /// An entry names too many aliases.
    #[error("more than {STREAM_ALIASES_MAX} aliases for participant {0}")]
    TooManyAliases(ParticipantId),
}

impl Scope {
    /// An explicit list from entries as an application wrote them: entries for the same participant are merged in
    /// the order of their first mention, an entry without aliases means all streams. `None` for no entries.
    pub fn listed(
        entries: impl IntoIterator<Item = (ParticipantId, Vec<Alias>)>,
    ) -> Result<Option<Self>, ScopeError> {
        let mut list: Vec<ListedParticipant> = Vec::new();
        let mut places: HashMap<ParticipantId, usize> = HashMap::new();
        let mut named: HashSet<(ParticipantId, Alias)> = HashSet::new();
        for (count, (participant, aliases)) in entries.into_iter().enumerate() {
            if count >= LIST_ENTRIES_MAX {
                return Err(ScopeError::TooManyEntries);
            }
            if aliases.len() > STREAM_ALIASES_MAX {
                return Err(ScopeError::TooManyAliases(participant));
            }
            let all = aliases.is_empty();
            let new = aliases.into_iter().filter(|alias| named.insert((participant, alias.clone())));
            let place = *places.entry(participant).or_insert_with(|| {
                list.push(ListedParticipant { participant, streams: StreamSelection::Aliases(Vec::new()) });
                list.len() - 1
            });
            if let Some(entry) = list.get_mut(place) {
                match &mut entry.streams {
                    StreamSelection::All => {}
                    streams if all => *streams = StreamSelection::All,
                    StreamSelection::Aliases(mine) => mine.extend(new),
                }
            }
        }
        Ok((!list.is_empty()).then_some(Self::Listed(list)))
    }
}

impl StreamSelection {
    /// Whether a stream published under `alias` is received.
    pub fn covers(&self, alias: Option<&Alias>) -> bool {
        match self {
            Self::All => true,
            Self::Aliases(aliases) => alias.is_some_and(|alias| aliases.contains(alias)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid_for_tests::id;

    mod uuid_for_tests {
        use crosspoint_ids::ParticipantId;

        pub(super) fn id(number: u8) -> ParticipantId {
            format!("00000000-0000-4000-8000-0000000000{number:02x}").parse().unwrap()
        }
    }

    fn alias(text: &str) -> Alias {
        Alias::new(text).unwrap()
    }

    #[test]
    fn entries_of_one_participant_are_merged() {
        let scope = Scope::listed([
            (id(1), vec![alias("camera")]),
            (id(2), vec![]),
            (id(1), vec![alias("screen"), alias("camera")]),
            (id(2), vec![alias("camera")]),
        ]);
        let expected = Scope::Listed(vec![
            ListedParticipant {
                participant: id(1),
                streams: StreamSelection::Aliases(vec![alias("camera"), alias("screen")]),
            },
            ListedParticipant { participant: id(2), streams: StreamSelection::All },
        ]);
        assert_eq!(scope, Ok(Some(expected)));
    }

    #[test]
    fn an_empty_alias_narrows_to_nothing_and_never_widens() {
        let Ok(Some(Scope::Listed(list))) = Scope::listed([(id(1), vec![alias("")])]) else {
            panic!("a list");
        };
        assert!(!list[0].streams.covers(None));
        assert!(!list[0].streams.covers(Some(&alias("camera"))));
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(Scope::listed([]), Ok(None));
        let many = (0..=LIST_ENTRIES_MAX).map(|_| (id(1), vec![]));
        assert_eq!(Scope::listed(many), Err(ScopeError::TooManyEntries));
        let aliases = (0..=STREAM_ALIASES_MAX).map(|n| alias(&n.to_string())).collect();
        assert_eq!(Scope::listed([(id(1), aliases)]), Err(ScopeError::TooManyAliases(id(1))));
    }
}
