//! A model with short words for what scenarios do and see.
//!
//! Participant `n` has device `n`; the streams of a device are numbered by the scenario. Everything belongs to account 0
//! unless said otherwise.

use std::collections::BTreeSet;
use std::time::Duration;

use crosspoint_ids::Timestamp;
use crosspoint_model::{
    Alias, Change, CloseReason, Command, Crosspoint, Departure, Effect, Happening, Limits, MatrixRow, Model,
    Participant, PublishedStream, Query, Refusal, Reply, Report, RouteChange, Scope, Subscriptions,
};

use crate::ids;

pub(crate) const LIFETIME: Duration = Duration::from_secs(9 * 3_600);

pub(crate) struct Stage {
    pub(crate) now: Timestamp,
    pub(crate) model: Model,
    routed: BTreeSet<Crosspoint>,
}

/// What one call brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) changes: Vec<Change>,
    /// Route effects as lists of `(stream, device)`: stopped and started.
    pub(crate) routes: Vec<(Pairs, Pairs)>,
    pub(crate) closed: Vec<(u8, CloseReason)>,
}

type Pairs = Vec<(u8, u8)>;

pub(crate) fn limits() -> Limits {
    Limits {
        session_participants_max: 3,
        account_sessions_max: 3,
        account_participants_max: 6,
        account_idempotency_keys_max: 3,
        lifetime: LIFETIME,
    }
}

/// An explicit list: of each participant the streams with one of these aliases, or all for no aliases.
pub(crate) fn only(entries: &[(u8, &[&str])]) -> Option<Scope> {
    let entries = entries.iter().map(|(participant, aliases)| {
        let aliases = aliases.iter().map(|alias| Alias::new(alias).unwrap()).collect();
        (ids::participant(*participant, 0), aliases)
    });
    Scope::listed(entries).unwrap()
}

pub(crate) const EVERYBODY: Option<Scope> = Some(Scope::WholeSession);

impl Stage {
    pub(crate) fn new() -> Self {
        Self { now: Timestamp::from_millis(1_000_000), model: Model::new(limits()), routed: BTreeSet::new() }
    }

    /// Session 0 with these members, each with a device that publishes one stream without alias, numbered as its
    /// participant. Nobody has subscriptions.
    pub(crate) fn with_members(members: &[u8]) -> Self {
        let mut stage = Self::new();
        stage.create_session(0);
        for member in members {
            stage.create_participant(*member);
            stage.add(0, *member, None).unwrap();
            stage.connect(*member, *member);
            stage.publish(*member, &[(*member, None)]);
        }
        stage
    }

    // --- Commands ---

    pub(crate) fn apply(&mut self, command: Command) -> Result<Outcome, Refusal> {
        let reply = self.model.apply(self.now, command);
        let outcome = self.outcome();
        match reply {
            Ok(_) => Ok(outcome),
            Err(refusal) => {
                assert_eq!(outcome, Outcome::default(), "left by a refused command");
                Err(refusal)
            }
        }
    }

    pub(crate) fn create_session(&mut self, session: u8) {
        self.try_create_session(0, session).unwrap();
    }

    pub(crate) fn try_create_session(&mut self, account: u8, session: u8) -> Result<Outcome, Refusal> {
        self.apply(Command::CreateSession {
            account: ids::account(account),
            session: ids::session(session, 0),
            tag: None,
        })
    }

    pub(crate) fn delete_session(&mut self, session: u8) -> Result<Outcome, Refusal> {
        self.apply(Command::DeleteSession { account: ids::account(0), session: ids::session(session, 0) })
    }

    pub(crate) fn create_participant(&mut self, participant: u8) {
        self.try_create_participant(0, participant).unwrap();
    }

    pub(crate) fn try_create_participant(
        &mut self,
        account: u8,
        participant: u8,
    ) -> Result<Outcome, Refusal> {
        self.apply(Command::CreateParticipant {
            account: ids::account(account),
            participant: ids::participant(participant, 0),
            token: ids::token(participant, 0),
            tag: None,
            callback_url: None,
            publish_permissions: ids::media_types(participant),
        })
    }

    pub(crate) fn renew_token(&mut self, participant: u8, token: u8) -> Result<Outcome, Refusal> {
        self.apply(Command::RenewToken {
            account: ids::account(0),
            participant: ids::participant(participant, 0),
            token: ids::token(u8::MAX, u32::from(token)),
        })
    }

    pub(crate) fn delete_participant(&mut self, participant: u8) -> Result<Outcome, Refusal> {
        self.apply(Command::DeleteParticipant {
            account: ids::account(0),
            participant: ids::participant(participant, 0),
        })
    }

    pub(crate) fn add(
        &mut self,
        session: u8,
        participant: u8,
        subscriptions: Option<Option<Scope>>,
    ) -> Result<Outcome, Refusal> {
        self.apply(Command::AddParticipant {
            account: ids::account(0),
            session: ids::session(session, 0),
            participant: ids::participant(participant, 0),
            subscriptions,
        })
    }

    pub(crate) fn remove(&mut self, session: u8, participant: u8) -> Result<Outcome, Refusal> {
        self.apply(Command::RemoveParticipant {
            account: ids::account(0),
            session: ids::session(session, 0),
            participant: ids::participant(participant, 0),
        })
    }

    pub(crate) fn subscribe(
        &mut self,
        session: u8,
        participant: u8,
        scope: Option<Scope>,
    ) -> Result<Outcome, Refusal> {
        self.apply(Command::SetSubscriptions {
            account: ids::account(0),
            session: ids::session(session, 0),
            participant: ids::participant(participant, 0),
            scope,
        })
    }

    pub(crate) fn set_matrix(
        &mut self,
        session: u8,
        rows: Vec<(u8, Option<Scope>)>,
    ) -> Result<Outcome, Refusal> {
        let rows = rows
            .into_iter()
            .map(|(participant, scope)| MatrixRow { participant: ids::participant(participant, 0), scope });
        self.apply(Command::SetMatrix {
            account: ids::account(0),
            session: ids::session(session, 0),
            rows: rows.collect(),
        })
    }

    // --- Reports and time ---

    pub(crate) fn report(&mut self, report: Report) -> Outcome {
        self.model.report(self.now, report);
        self.outcome()
    }

    pub(crate) fn connect(&mut self, participant: u8, device: u8) -> Outcome {
        self.report(Report::DeviceConnected {
            participant: ids::participant(participant, 0),
            device: ids::device(device, 0),
            shown_as: ids::shown_as(device),
        })
    }

    pub(crate) fn gone(&mut self, device: u8) -> Outcome {
        self.report(Report::DeviceGone { device: ids::device(device, 0), departure: Departure::Lost })
    }

    /// What happened since the last call.
    pub(crate) fn events(&mut self) -> Vec<Happening> {
        std::iter::from_fn(|| self.model.poll_event()).map(|event| event.happening).collect()
    }

    pub(crate) fn publish(&mut self, device: u8, streams: &[(u8, Option<&str>)]) -> Outcome {
        let streams = streams.iter().map(|(stream, alias)| PublishedStream {
            id: ids::stream(*stream),
            alias: alias.map(|alias| Alias::new(alias).unwrap()),
            media_types: ids::media_types(0),
        });
        self.report(Report::StreamsPublished { device: ids::device(device, 0), streams: streams.collect() })
    }

    /// Time passes and the model is told.
    pub(crate) fn wait(&mut self, duration: Duration) -> Outcome {
        self.now = self.now + duration;
        self.model.handle_timeout(self.now);
        self.outcome()
    }

    fn outcome(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        while let Some(change) = self.model.poll_change() {
            outcome.changes.push(change);
        }
        while let Some(effect) = self.model.poll_effect() {
            match effect {
                Effect::Route(RouteChange { stop, start }) => {
                    assert!(outcome.closed.is_empty(), "routes stop before devices are closed");
                    for crosspoint in &stop {
                        assert!(self.routed.remove(crosspoint), "{crosspoint:?}");
                    }
                    for crosspoint in &start {
                        assert!(self.routed.insert(*crosspoint), "{crosspoint:?}");
                    }
                    outcome.routes.push((pairs(&stop), pairs(&start)));
                }
                Effect::CloseDevice { device, reason } => {
                    let slot = (0..=u8::MAX).find(|slot| ids::device(*slot, 0) == device);
                    outcome.closed.push((slot.unwrap(), reason));
                }
            }
        }
        outcome
    }

    // --- What is to be seen ---

    /// The streams that a device receives, as the effects said.
    pub(crate) fn received(&self, device: u8) -> Vec<u8> {
        let received = pairs(&self.routed.iter().copied().collect::<Vec<_>>());
        let received = received.into_iter().filter(|(_, subscriber)| *subscriber == device);
        received.map(|(stream, _)| stream).collect()
    }

    pub(crate) fn participant(&self, participant: u8) -> Result<Participant, Refusal> {
        let reply = self.model.query(Query::Participant {
            account: ids::account(0),
            participant: ids::participant(participant, 0),
        })?;
        let Reply::Participant(participant) = reply else {
            panic!("{reply:?}");
        };
        Ok(participant)
    }

    /// The session that a participant is in.
    pub(crate) fn session_of(&self, participant: u8) -> Option<u8> {
        let membership = self.participant(participant).unwrap().membership?;
        (0..=u8::MAX).find(|slot| ids::session(*slot, 0) == membership.session)
    }

    pub(crate) fn members(&self, session: u8) -> Vec<u8> {
        let reply =
            self.model.query(Query::Members { account: ids::account(0), session: ids::session(session, 0) });
        let Ok(Reply::Members(members)) = reply else {
            panic!("{reply:?}");
        };
        let slot = |p: &Participant| (0..=u8::MAX).find(|slot| ids::participant(*slot, 0) == p.id);
        members.iter().map(|member| slot(member).unwrap()).collect()
    }

    /// What a participant is subscribed to; `None` for nothing.
    pub(crate) fn subscriptions(&self, session: u8, participant: u8) -> Result<Option<Scope>, Refusal> {
        let reply = self.model.query(Query::Subscriptions {
            account: ids::account(0),
            session: ids::session(session, 0),
            participant: ids::participant(participant, 0),
        })?;
        let Reply::Subscriptions(subscriptions) = reply else {
            panic!("{reply:?}");
        };
        Ok(subscriptions.map(|Subscriptions { session: recorded, scope }| {
            assert_eq!(recorded, ids::session(session, 0));
            scope
        }))
    }
}

fn pairs(crosspoints: &[Crosspoint]) -> Pairs {
    let pair = |crosspoint: &Crosspoint| {
        let stream = (0..=u8::MAX).find(|slot| ids::stream(*slot) == crosspoint.stream);
        let device = (0..=u8::MAX).find(|slot| ids::device(*slot, 0) == crosspoint.subscriber);
        (stream.unwrap(), device.unwrap())
    };
    crosspoints.iter().map(pair).collect()
}

pub(crate) fn not_in(session: u8, participant: u8) -> Refusal {
    Refusal::NotInSession { participant: ids::participant(participant, 0), session: ids::session(session, 0) }
}
