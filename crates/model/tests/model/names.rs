//! Which ids the small numbers of a sequence stand for at the moment.

use std::collections::HashMap;

use crosspoint_ids::{DeviceId, ParticipantId, SessionId};
use crosspoint_model::{Command, Departure, MatrixRow, PublishedStream, Report, Scope, Tag};

use crate::ids;
use crate::steps::{Ref, Step, Wish};

/// How many things each slot has held.
#[derive(Debug, Default)]
pub(crate) struct Names {
    generations: HashMap<(Kind, u8), u32>,
}

/// What a slot is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Session,
    Participant,
    Device,
    Token,
}

impl Names {
    /// The command that a step is; `None` when it is something else.
    pub(crate) fn command_of(&self, step: &Step) -> Option<Command> {
        let command = match step {
            Step::CreateSession { account, slot } => Command::CreateSession {
                account: ids::account(*account),
                session: ids::session(*slot, self.next_generation(Kind::Session, *slot)),
                tag: Tag::new(&format!("tag {slot}")).ok(),
            },
            Step::DeleteSession { account, session } => {
                Command::DeleteSession { account: ids::account(*account), session: self.session(*session) }
            }
            Step::CreateParticipant { account, slot } => {
                let generation = self.next_generation(Kind::Participant, *slot);
                Command::CreateParticipant {
                    account: ids::account(*account),
                    participant: ids::participant(*slot, generation),
                    token: ids::token(*slot, generation),
                    tag: None,
                    callback_url: None,
                    publish_permissions: ids::media_types(*slot),
                }
            }
            Step::DeleteParticipant { account, participant } => Command::DeleteParticipant {
                account: ids::account(*account),
                participant: self.participant(*participant),
            },
            Step::Renew { account, participant } => Command::RenewToken {
                account: ids::account(*account),
                participant: self.participant(*participant),
                token: ids::token(u8::MAX, self.next_generation(Kind::Token, 0)),
            },
            Step::Add { account, session, participant, wish } => Command::AddParticipant {
                account: ids::account(*account),
                session: self.session(*session),
                participant: self.participant(*participant),
                subscriptions: wish.as_ref().map(|wish| self.scope(wish)),
            },
            Step::Remove { account, session, participant } => Command::RemoveParticipant {
                account: ids::account(*account),
                session: self.session(*session),
                participant: self.participant(*participant),
            },
            Step::Subscribe { account, session, participant, wish } => Command::SetSubscriptions {
                account: ids::account(*account),
                session: self.session(*session),
                participant: self.participant(*participant),
                scope: self.scope(wish),
            },
            Step::Matrix { account, session, rows } => {
                let rows = rows.iter().map(|(participant, wish)| MatrixRow {
                    participant: self.participant(*participant),
                    scope: self.scope(wish),
                });
                Command::SetMatrix {
                    account: ids::account(*account),
                    session: self.session(*session),
                    rows: rows.collect(),
                }
            }
            Step::Connect { .. }
            | Step::ConnectAgain { .. }
            | Step::Gone { .. }
            | Step::Publish { .. }
            | Step::Wait { .. }
            | Step::Lag { .. }
            | Step::Restart => return None,
        };
        Some(command)
    }

    /// The report that a step is; `None` when it is something else.
    pub(crate) fn report_of(&self, step: &Step) -> Option<Report> {
        let report = match step {
            Step::Connect { participant, slot } => Report::DeviceConnected {
                participant: self.participant(*participant),
                device: ids::device(*slot, self.next_generation(Kind::Device, *slot)),
                shown_as: ids::shown_as(*slot),
            },
            Step::ConnectAgain { participant, device } => Report::DeviceConnected {
                participant: self.participant(*participant),
                device: self.device(*device),
                shown_as: ids::shown_as(device.slot),
            },
            Step::Gone { device } => Report::DeviceGone {
                device: self.device(*device),
                departure: if device.slot % 2 == 0 { Departure::Left } else { Departure::Lost },
            },
            Step::Publish { device, streams } => {
                let streams = streams.iter().map(|published| PublishedStream {
                    id: ids::stream(published.stream),
                    alias: published.alias.map(ids::alias),
                    media_types: ids::media_types(published.media),
                });
                Report::StreamsPublished { device: self.device(*device), streams: streams.collect() }
            }
            Step::CreateSession { .. }
            | Step::DeleteSession { .. }
            | Step::CreateParticipant { .. }
            | Step::DeleteParticipant { .. }
            | Step::Renew { .. }
            | Step::Add { .. }
            | Step::Remove { .. }
            | Step::Subscribe { .. }
            | Step::Matrix { .. }
            | Step::Wait { .. }
            | Step::Lag { .. }
            | Step::Restart => return None,
        };
        Some(report)
    }

    fn scope(&self, wish: &Wish) -> Option<Scope> {
        match wish {
            Wish::Nothing => None,
            Wish::Everybody => Some(Scope::WholeSession),
            Wish::Only(entries) => {
                let entries = entries.iter().map(|(participant, aliases)| {
                    let aliases = aliases.iter().map(|alias| ids::alias(*alias)).collect();
                    (self.participant(*participant), aliases)
                });
                Scope::listed(entries).unwrap()
            }
        }
    }

    /// The slot now holds the next thing.
    pub(crate) fn make(&mut self, kind: Kind, slot: u8) {
        *self.generations.entry((kind, slot)).or_default() += 1;
    }

    fn next_generation(&self, kind: Kind, slot: u8) -> u32 {
        self.generation(kind, Ref::latest(slot)) + 1
    }

    /// Generation 0 never existed.
    fn generation(&self, kind: Kind, of: Ref) -> u32 {
        let latest = self.generations.get(&(kind, of.slot)).copied().unwrap_or(0);
        latest.saturating_sub(u32::from(of.ago))
    }

    pub(crate) fn session(&self, of: Ref) -> SessionId {
        ids::session(of.slot, self.generation(Kind::Session, of))
    }

    pub(crate) fn participant(&self, of: Ref) -> ParticipantId {
        ids::participant(of.slot, self.generation(Kind::Participant, of))
    }

    pub(crate) fn device(&self, of: Ref) -> DeviceId {
        ids::device(of.slot, self.generation(Kind::Device, of))
    }
}
