//! The model and the oracle side by side, and everything that must hold after each step.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crosspoint_ids::{ParticipantId, SessionId, Timestamp};
use crosspoint_model::{
    Change, Command, Crosspoint, Effect, Limits, MatrixRow, Model, ParticipantRecord, PublishedStream, Query,
    Report, Scope, SessionRecord,
};

use crate::checks::{Questions, masked, same};
use crate::ids;
use crate::mirror::Mirror;
use crate::names::{Kind, Names};
use crate::oracle::{Device, Oracle};
use crate::steps::{Ref, Step};
use crate::tally::Tally;

/// Small enough that every limit is met.
const LIMITS: Limits = Limits {
    session_participants_max: 4,
    account_sessions_max: 2,
    account_participants_max: 6,
    account_idempotency_keys_max: 0,
    lifetime: Duration::from_millis(2_000),
};

pub(crate) type Checked = Result<(), String>;

pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) steps: usize,
    pub(crate) model: Model,
    pub(crate) oracle: Oracle,
    /// What the changes made durable.
    pub(crate) stored: Stored,
    /// What the route effects add up to.
    pub(crate) routed: BTreeSet<Crosspoint>,
    /// What the events add up to.
    pub(crate) mirror: Mirror,
    /// What was asked for last in each session for each subscriber, as far as it was not refused.
    pub(crate) wishes: HashMap<(SessionId, ParticipantId), Option<Scope>>,
    pub(crate) names: Names,
    pub(crate) tally: Tally,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) sessions: BTreeMap<SessionId, SessionRecord>,
    pub(crate) participants: BTreeMap<ParticipantId, ParticipantRecord>,
}

/// Plays a sequence; what happened in it, or the first thing that did not hold.
pub(crate) fn play(steps: &[Step], questions: Questions) -> Result<Tally, String> {
    let mut world = World::new();
    for (number, step) in steps.iter().enumerate() {
        world
            .take_back_some(steps.get(number..).unwrap_or_default(), questions)
            .and_then(|()| world.step(step))
            .and_then(|()| world.check(questions, number + 1 == steps.len()))
            .map_err(|broken| format!("after step {} ({step}): {broken}", number + 1))?;
    }
    Ok(world.tally)
}

impl World {
    fn new() -> Self {
        Self {
            now: Timestamp::from_millis(1_000_000),
            steps: 0,
            model: Model::new(LIMITS),
            oracle: Oracle::new(LIMITS),
            stored: Stored::default(),
            routed: BTreeSet::new(),
            mirror: Mirror::default(),
            wishes: HashMap::new(),
            names: Names::default(),
            tally: Tally::default(),
        }
    }

    fn step(&mut self, step: &Step) -> Checked {
        self.steps += 1;
        match step {
            Step::CreateSession { account, slot } => {
                let count = self.oracle.session_count(&ids::account(*account));
                let occupied = self.oracle.has_session(self.names.session(Ref::latest(*slot)));
                if occupied && count < LIMITS.account_sessions_max {
                    return Ok(());
                }
                self.command(step)?;
                if self.oracle.session_count(&ids::account(*account)) > count {
                    self.names.make(Kind::Session, *slot);
                }
                Ok(())
            }
            Step::CreateParticipant { account, slot } => {
                let count = self.oracle.participant_count(&ids::account(*account));
                let occupied = self.oracle.has_participant(self.names.participant(Ref::latest(*slot)));
                if occupied && count < LIMITS.account_participants_max {
                    return Ok(());
                }
                self.command(step)?;
                if self.oracle.participant_count(&ids::account(*account)) > count {
                    self.names.make(Kind::Participant, *slot);
                }
                Ok(())
            }
            Step::Renew { .. } => {
                self.command(step)?;
                self.names.make(Kind::Token, 0);
                Ok(())
            }
            Step::DeleteSession { .. }
            | Step::DeleteParticipant { .. }
            | Step::Add { .. }
            | Step::Remove { .. }
            | Step::Subscribe { .. }
            | Step::Matrix { .. } => self.command(step),
            Step::Connect { slot, .. } => {
                self.report(step)?;
                self.names.make(Kind::Device, *slot);
                Ok(())
            }
            Step::ConnectAgain { .. } | Step::Gone { .. } | Step::Publish { .. } => self.report(step),
            Step::Wait { millis } => {
                self.now = self.now + Duration::from_millis(*millis);
                self.model.handle_timeout(self.now);
                self.oracle.handle_timeout(self.now);
                self.drain()
            }
            Step::Lag { millis } => {
                self.now = self.now + Duration::from_millis(*millis);
                Ok(())
            }
            Step::Restart => self.restart(),
        }
    }

    fn command(&mut self, step: &Step) -> Checked {
        let Some(command) = self.names.command_of(step) else {
            return Err("no command".to_owned());
        };
        let got = self.model.apply(self.now, command.clone()).map(masked);
        let expected = self.oracle.apply(self.now, command.clone()).map(masked);
        same("the answer", &got, &expected)?;
        match got {
            Ok(_) => {
                self.note_wishes(&command);
                self.tally.count(&format!("{command:?}"));
                self.drain()
            }
            Err(refusal) => {
                self.tally.count(&format!("{refusal:?}"));
                self.nothing_is_left("a refused command")
            }
        }
    }

    fn nothing_is_left(&mut self, by: &str) -> Checked {
        let left = (self.model.poll_change(), self.model.poll_effect(), self.model.poll_event());
        same(format_args!("what {by} left"), &left, &(None, None, None))
    }

    /// Now and then, commands that come next are tried and taken back, as when the store fails: as if nothing had been.
    fn take_back_some(&mut self, upcoming: &[Step], questions: Questions) -> Checked {
        if !self.steps.is_multiple_of(4) {
            return Ok(());
        }
        let commands = upcoming.iter().map_while(|step| self.names.command_of(step));
        for command in commands.take(self.steps % 7).collect::<Vec<_>>() {
            let is_fresh = match &command {
                Command::CreateSession { account, session, .. } => {
                    let question = Query::Session { account: account.clone(), session: *session };
                    self.model.query(question).is_err()
                }
                Command::CreateParticipant { account, participant, .. } => {
                    let question = Query::Participant { account: account.clone(), participant: *participant };
                    self.model.query(question).is_err()
                }
                _ => true,
            };
            let dismissed = match &command {
                Command::DeleteParticipant { participant, .. } | Command::RenewToken { participant, .. } => {
                    self.oracle.devices.iter().any(|device| device.participant == *participant)
                }
                _ => false,
            };
            if is_fresh && self.model.apply(self.now, command).is_ok() {
                self.tally.count("taken back");
                if dismissed {
                    self.tally.count("taken back with a device");
                }
            }
        }
        if self.model.routes().collect::<BTreeSet<_>>() != self.routed {
            self.tally.count("taken back with routes");
        }
        let tried: Vec<Change> = std::iter::from_fn(|| self.model.poll_change()).collect();
        self.model.take_back();
        self.nothing_is_left("what was taken back")?;
        // Even if those changes were made durable all the same, others after them put everything right.
        let mut stored = self.stored.clone();
        let amends: Vec<Change> = tried.iter().map(|change| self.model.as_it_is(change)).collect();
        tried.into_iter().chain(amends).for_each(|change| stored.put(change));
        same("what is stored after amends", &stored, &self.stored)?;
        self.check(questions, self.steps.is_multiple_of(20))
    }

    fn note_wishes(&mut self, command: &Command) {
        match command {
            Command::AddParticipant { session, participant, subscriptions: Some(scope), .. }
            | Command::SetSubscriptions { session, participant, scope, .. } => {
                self.wishes.insert((*session, *participant), scope.clone());
            }
            Command::SetMatrix { session, rows, .. } => {
                let wish = |row: &MatrixRow| ((*session, row.participant), row.scope.clone());
                self.wishes.extend(rows.iter().map(wish));
            }
            Command::CreateSession { .. }
            | Command::DeleteSession { .. }
            | Command::CreateParticipant { .. }
            | Command::DeleteParticipant { .. }
            | Command::RenewToken { .. }
            | Command::AddParticipant { .. }
            | Command::RemoveParticipant { .. } => {}
        }
    }

    fn report(&mut self, step: &Step) -> Checked {
        let Some(report) = self.names.report_of(step) else {
            return Err("no report".to_owned());
        };
        self.model.report(self.now, report.clone());
        self.oracle.report(self.now, report);
        if let Some(change) = self.model.poll_change() {
            return Err(format!("a report changed a record: {change:?}"));
        }
        self.drain()
    }

    /// Carries out what one mutation brought, and checks its form.
    fn drain(&mut self) -> Checked {
        while let Some(change) = self.model.poll_change() {
            self.stored.apply(change)?;
        }
        self.model.keep();
        while let Some(event) = self.model.poll_event() {
            self.tally.count(&format!("{:?}", event.happening));
            self.mirror.take(event)?;
        }
        self.mirror.check(&self.oracle)?;
        let mut closed = Vec::new();
        let mut routed = false;
        while let Some(effect) = self.model.poll_effect() {
            match effect {
                Effect::Route(_) if routed => return Err("a second route effect".to_owned()),
                Effect::Route(_) if !closed.is_empty() => {
                    return Err("a device is closed before its routes stop".to_owned());
                }
                Effect::Route(change) => {
                    routed = true;
                    let sorted = |list: &[Crosspoint]| list.is_sorted_by(|a, b| a < b);
                    if !sorted(&change.stop) || !sorted(&change.start) {
                        return Err(format!("not sorted, or twice the same: {change:?}"));
                    }
                    if change.stop.is_empty() && change.start.is_empty() {
                        return Err("an empty route effect".to_owned());
                    }
                    for crosspoint in change.stop {
                        self.tally.count("stop");
                        if !self.routed.remove(&crosspoint) {
                            return Err(format!("stopped, but was not routed: {crosspoint:?}"));
                        }
                    }
                    for crosspoint in change.start {
                        self.tally.count("start");
                        if !self.routed.insert(crosspoint) {
                            return Err(format!("started, but was routed: {crosspoint:?}"));
                        }
                    }
                }
                Effect::CloseDevice { device, reason } => {
                    self.tally.count(&format!("{reason:?}"));
                    closed.push((device, reason));
                }
            }
        }
        let mut expected = std::mem::take(&mut self.oracle.closed);
        closed.sort_by_key(|(device, _)| *device);
        expected.sort_by_key(|(device, _)| *device);
        same("the closed devices", &closed, &expected)
    }

    /// A model that knows only what was stored, and what those who hold devices report when asked.
    pub(crate) fn restored(&self) -> Model {
        let mut model = Model::new(LIMITS);
        let sessions = self.stored.sessions.values().cloned();
        let participants = self.stored.participants.values().cloned();
        // Any order must do.
        if self.steps.is_multiple_of(2) {
            sessions.for_each(|record| model.restore_session(record));
            participants.for_each(|record| model.restore_participant(record));
        } else {
            participants.for_each(|record| model.restore_participant(record));
            sessions.for_each(|record| model.restore_session(record));
        }
        let waited_for = !self.steps.is_multiple_of(3);
        for Device { participant, id, shown_as, .. } in self.oracle.devices.iter().filter(|_| waited_for) {
            assert!(model.restore_device(*participant, *id, *shown_as));
        }
        for device in &self.oracle.devices {
            let (participant, id, shown_as) = (device.participant, device.id, device.shown_as);
            if !waited_for {
                model.report(self.now, Report::DeviceConnected { participant, device: id, shown_as });
            }
            let streams = device.streams.iter().map(|stream| PublishedStream {
                id: stream.id,
                alias: stream.alias.clone(),
                media_types: stream.media_types,
            });
            model.report(self.now, Report::StreamsPublished { device: id, streams: streams.collect() });
        }
        model
    }

    fn restart(&mut self) -> Checked {
        self.tally.count("restart");
        self.model = self.restored();
        self.oracle.restart(self.now);
        self.routed.clear();
        while self.model.poll_event().is_some() {}
        self.mirror = Mirror::of(&self.oracle);
        let mut starts = Vec::new();
        while let Some(effect) = self.model.poll_effect() {
            match effect {
                Effect::Route(change) if change.stop.is_empty() => starts.extend(change.start),
                Effect::Route(_) | Effect::CloseDevice { .. } => {
                    return Err(format!("at the restart: {effect:?}"));
                }
            }
        }
        self.routed.extend(starts);
        self.ask_everything()
    }
}

impl Stored {
    fn apply(&mut self, change: Change) -> Checked {
        let needless = match &change {
            Change::PutSession(record) => self.sessions.get(&record.id) == Some(record),
            Change::DeleteSession(id) => !self.sessions.contains_key(id),
            Change::PutParticipant(record) => self.participants.get(&record.id) == Some(record),
            Change::DeleteParticipant(id) => !self.participants.contains_key(id),
            Change::PutIdempotency(_) | Change::DeleteIdempotency(..) => true,
        };
        if needless {
            return Err(format!("changes nothing: {change:?}"));
        }
        self.put(change);
        Ok(())
    }

    fn put(&mut self, change: Change) {
        match change {
            Change::PutSession(record) => drop(self.sessions.insert(record.id, record)),
            Change::DeleteSession(id) => drop(self.sessions.remove(&id)),
            Change::PutParticipant(record) => drop(self.participants.insert(record.id, record)),
            Change::DeleteParticipant(id) => drop(self.participants.remove(&id)),
            Change::PutIdempotency(_) | Change::DeleteIdempotency(..) => {}
        }
    }
}
