//! Who may receive what: the one place where intent and observation meet.
//!
//! A stream goes to a subscriber if both its publisher and the subscriber are members of the same session, and the
//! subscriptions that the subscriber has in this session cover it. Asked from both sides: all streams of one
//! subscriber (a row of the matrix), all subscribers of one stream (a column).

use std::collections::HashSet;

use crosspoint_ids::{DeviceId, ParticipantId, StreamId};

use crate::account::Account;
use crate::members::Members;
use crate::observation::Observation;
use crate::{Alias, Scope};

/// The streams that a participant's device receives.
pub(crate) fn row(
    account: &Account,
    observation: &Observation,
    subscriber: ParticipantId,
) -> HashSet<StreamId> {
    let mut streams = HashSet::new();
    let Some(session) = account.membership(subscriber).map(|m| m.session) else {
        return streams;
    };
    match account.subscriptions(subscriber).map(|s| &s.scope) {
        None => {}
        Some(Scope::WholeSession) => {
            let members = account.members(session).into_iter().flat_map(Members::oldest_first);
            for publisher in members.filter(|member| *member != subscriber) {
                streams.extend(observation.streams_of(publisher).map(|stream| stream.id));
            }
        }
        Some(Scope::Listed(list)) => {
            let is_member = |p: ParticipantId| account.membership(p).is_some_and(|m| m.session == session);
            for entry in list.iter().filter(|entry| is_member(entry.participant)) {
                let covered = observation
                    .streams_of(entry.participant)
                    .filter(|stream| entry.streams.covers(stream.alias.as_ref()));
                streams.extend(covered.map(|stream| stream.id));
            }
        }
    }
    streams
}

/// The devices that receive a stream which a participant publishes under `alias`.
pub(crate) fn column(
    account: &Account,
    observation: &Observation,
    publisher: ParticipantId,
    alias: Option<&Alias>,
) -> HashSet<DeviceId> {
    account
        .membership(publisher)
        .and_then(|membership| account.members(membership.session))
        .into_iter()
        .flat_map(|members| members.audience(publisher, alias))
        .filter_map(|subscriber| observation.device_of(subscriber))
        .collect()
}
