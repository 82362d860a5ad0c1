//! The model and the oracle side by side, and everything that must hold after each step.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::time::Duration;

use crosspoint_ids::{DeviceId, ParticipantId, SessionId, StreamId, Timestamp};
use crosspoint_model::{
    Change, Command, Crosspoint, Effect, Limits, MatrixRow, Model, Page, PageRequest, Participant,
    ParticipantRecord, PublishedStream, Query, Reply, Report, Scope, SessionRecord, Tag,
};

use crate::ids;
use crate::oracle::Oracle;
use crate::steps::{ACCOUNTS, PARTICIPANTS, Ref, SESSIONS, Step, Wish};
use crate::tally::Tally;

/// Small enough that every limit is met.
const LIMITS: Limits = Limits {
    session_participants_max: 4,
    account_sessions_max: 2,
    account_participants_max: 6,
    lifetime: Duration::from_millis(2_000),
};

/// All questions are asked after every so many steps, and at the end.
const STEPS_PER_QUESTIONING: usize = 12;

type Checked = Result<(), String>;

pub(crate) struct World {
    now: Timestamp,
    steps: usize,
    model: Model,
    oracle: Oracle,
    /// What the changes made durable.
    stored: Stored,
    /// What the route effects add up to.
    routed: BTreeSet<Crosspoint>,
    /// What each subscriber asked for last, as far as it was not refused.
    wishes: HashMap<ParticipantId, Option<Scope>>,
    generations: HashMap<(Kind, u8), u32>,
    tally: Tally,
}

#[derive(Debug, Default, Clone)]
struct Stored {
    sessions: BTreeMap<SessionId, SessionRecord>,
    participants: BTreeMap<ParticipantId, ParticipantRecord>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Session,
    Participant,
    Device,
}

/// Plays a sequence; what happened in it, or the first thing that did not hold.
pub(crate) fn play(steps: &[Step]) -> Result<Tally, String> {
    let mut world = World::new();
    for (number, step) in steps.iter().enumerate() {
        world
            .step(step)
            .and_then(|()| world.check(number + 1 == steps.len()))
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
            wishes: HashMap::new(),
            generations: HashMap::new(),
            tally: Tally::default(),
        }
    }

    fn step(&mut self, step: &Step) -> Checked {
        self.steps += 1;
        match step {
            Step::Connect { participant, slot } => {
                let participant = self.participant(*participant);
                let device = ids::device(*slot, self.next_generation(Kind::Device, *slot));
                self.make(Kind::Device, *slot);
                self.report(Report::DeviceConnected { participant, device })
            }
            Step::ConnectAgain { participant, device } => {
                let (participant, device) = (self.participant(*participant), self.device(*device));
                self.report(Report::DeviceConnected { participant, device })
            }
            Step::Gone { device } => self.report(Report::DeviceGone {
                device: self.device(*device),
            }),
            Step::Publish { device, streams } => {
                let streams = streams.iter().map(|published| PublishedStream {
                    id: ids::stream(published.stream),
                    alias: published.alias.map(ids::alias),
                    media_types: ids::media_types(published.media),
                });
                self.report(Report::StreamsPublished {
                    device: self.device(*device),
                    streams: streams.collect(),
                })
            }
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
            Step::CreateSession { .. }
            | Step::DeleteSession { .. }
            | Step::CreateParticipant { .. }
            | Step::DeleteParticipant { .. }
            | Step::Add { .. }
            | Step::Remove { .. }
            | Step::Subscribe { .. }
            | Step::Matrix { .. } => {
                let Some(command) = self.command_of(step) else {
                    return Ok(());
                };
                if self.command(command)?.is_err() {
                    return Ok(());
                }
                match step {
                    Step::CreateSession { slot, .. } => self.make(Kind::Session, *slot),
                    Step::CreateParticipant { slot, .. } => self.make(Kind::Participant, *slot),
                    _ => {}
                }
                Ok(())
            }
        }
    }

    fn command_of(&self, step: &Step) -> Option<Command> {
        let command = match step {
            Step::CreateSession { account, slot } => {
                let account = ids::account(*account);
                let sessions = self.oracle.sessions.iter().map(|s| &s.record);
                let count = sessions.clone().filter(|s| s.account == account).count();
                let current = self.session(Ref::latest(*slot));
                if count < LIMITS.account_sessions_max && sessions.clone().any(|s| s.id == current) {
                    return None;
                }
                Command::CreateSession {
                    account,
                    session: ids::session(*slot, self.next_generation(Kind::Session, *slot)),
                    tag: Tag::new(&format!("tag {slot}")).ok(),
                }
            }
            Step::DeleteSession { account, session } => Command::DeleteSession {
                account: ids::account(*account),
                session: self.session(*session),
            },
            Step::CreateParticipant { account, slot } => {
                let account = ids::account(*account);
                let participants = self.oracle.participants.iter();
                let count = participants.clone().filter(|p| p.account == account).count();
                let current = self.participant(Ref::latest(*slot));
                if count < LIMITS.account_participants_max && participants.clone().any(|p| p.id == current) {
                    return None;
                }
                let generation = self.next_generation(Kind::Participant, *slot);
                Command::CreateParticipant {
                    account,
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
            Step::Add {
                account,
                session,
                participant,
                wish,
            } => Command::AddParticipant {
                account: ids::account(*account),
                session: self.session(*session),
                participant: self.participant(*participant),
                subscriptions: wish.as_ref().map(|wish| self.scope(wish)),
            },
            Step::Remove {
                account,
                session,
                participant,
            } => Command::RemoveParticipant {
                account: ids::account(*account),
                session: self.session(*session),
                participant: self.participant(*participant),
            },
            Step::Subscribe {
                account,
                session,
                participant,
                wish,
            } => Command::SetSubscriptions {
                account: ids::account(*account),
                session: self.session(*session),
                participant: self.participant(*participant),
                scope: self.scope(wish),
            },
            Step::Matrix {
                account,
                session,
                rows,
            } => {
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

    /// A new generation in a slot.
    fn make(&mut self, kind: Kind, slot: u8) {
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

    fn session(&self, of: Ref) -> SessionId {
        ids::session(of.slot, self.generation(Kind::Session, of))
    }

    fn participant(&self, of: Ref) -> ParticipantId {
        ids::participant(of.slot, self.generation(Kind::Participant, of))
    }

    fn device(&self, of: Ref) -> DeviceId {
        ids::device(of.slot, self.generation(Kind::Device, of))
    }

    fn command(&mut self, command: Command) -> Result<Result<(), ()>, String> {
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
                let change = self.model.poll_change();
                let effect = self.model.poll_effect();
                same("what a refused command left", &(change, effect), &(None, None))
            }
        }
    }

    fn note_wishes(&mut self, command: &Command) {
        match command {
            Command::AddParticipant {
                participant,
                subscriptions: Some(scope),
                ..
            }
            | Command::SetSubscriptions {
                participant, scope, ..
            } => {
                self.wishes.insert(*participant, scope.clone());
            }
            Command::SetMatrix { rows, .. } => {
                let rows = rows.iter().map(|row| (row.participant, row.scope.clone()));
                self.wishes.extend(rows);
            }
            Command::CreateSession { .. }
            | Command::DeleteSession { .. }
            | Command::CreateParticipant { .. }
            | Command::DeleteParticipant { .. }
            | Command::AddParticipant { .. }
            | Command::RemoveParticipant { .. } => {}
        }
    }

    fn report(&mut self, report: Report) -> Checked {
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
    fn restored(&self) -> Model {
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
        for device in &self.oracle.devices {
            let streams = device.streams.iter().map(|stream| PublishedStream {
                id: stream.id,
                alias: stream.alias.clone(),
                media_types: stream.media_types,
            });
            let (participant, device) = (device.participant, device.id);
            model.report(self.now, Report::DeviceConnected { participant, device });
            let streams = streams.collect();
            model.report(self.now, Report::StreamsPublished { device, streams });
        }
        model
    }

    fn restart(&mut self) -> Checked {
        self.tally.count("restart");
        self.model = self.restored();
        self.oracle.restart(self.now);
        self.routed.clear();
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

    // --- Checks ---

    fn check(&mut self, last: bool) -> Checked {
        let granted = self.oracle.routes();
        same("the routes told", &self.routed, &granted)?;
        same("the routes held", &self.model.routes().collect(), &granted)?;
        same(
            "the routes after a restart",
            &self.restored().routes().collect(),
            &granted,
        )?;
        same(
            "the next timeout",
            &self.model.poll_timeout(),
            &self.oracle.next_timeout(),
        )?;
        self.check_boundaries()?;
        if last || self.steps.is_multiple_of(STEPS_PER_QUESTIONING) {
            self.ask_everything()?;
        }
        Ok(())
    }

    /// What must hold of every route, whatever the oracle says.
    fn check_boundaries(&mut self) -> Checked {
        let devices = &self.oracle.devices;
        let publishers: HashMap<StreamId, ParticipantId> = devices
            .iter()
            .flat_map(|d| d.streams.iter().map(|s| (s.id, d.participant)))
            .collect();
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
            if session_of(publisher).is_none() || session_of(publisher) != session_of(subscriber) {
                return Err(format!("crosses sessions: {crosspoint:?}"));
            }
            match self.wishes.get(&subscriber) {
                Some(Some(Scope::WholeSession)) if publisher != subscriber => {}
                Some(Some(Scope::Listed(list))) if list.iter().any(|e| e.participant == publisher) => {
                    let event = if publisher == subscriber {
                        "echo"
                    } else {
                        "by list"
                    };
                    self.tally.count(event);
                }
                wish => return Err(format!("{crosspoint:?} was never asked for, but: {wish:?}")),
            }
        }
        Ok(())
    }

    fn ask_everything(&self) -> Checked {
        for number in 0..ACCOUNTS {
            let account = ids::account(number);
            self.ask_for_pages(number)?;
            for slot in 0..SESSIONS {
                for ago in 0..2 {
                    let session = self.session(Ref { slot, ago });
                    let account = account.clone();
                    self.ask_for_session(&account, session)?;
                }
            }
            for slot in 0..PARTICIPANTS {
                for ago in 0..2 {
                    let participant = self.participant(Ref { slot, ago });
                    let account = account.clone();
                    self.ask(Query::Streams {
                        account: account.clone(),
                        participant,
                    })?;
                    self.ask(Query::Participant { account, participant })?;
                }
            }
        }
        Ok(())
    }

    fn ask_for_session(&self, account: &crosspoint_ids::AccountId, session: SessionId) -> Checked {
        let account = || account.clone();
        self.ask(Query::Session {
            account: account(),
            session,
        })?;
        self.ask(Query::Members {
            account: account(),
            session,
        })?;
        self.ask(Query::Matrix {
            account: account(),
            session,
        })?;
        for slot in 0..PARTICIPANTS {
            let participant = self.participant(Ref { slot, ago: 0 });
            self.ask(Query::Subscriptions {
                account: account(),
                session,
                participant,
            })?;
        }
        Ok(())
    }

    fn ask_for_pages(&self, account: u8) -> Checked {
        let account = ids::account(account);
        for limit in [1, 2, 100] {
            let mut page = PageRequest { limit, before: None };
            while let Some(next) = self.ask(Query::Sessions {
                account: account.clone(),
                page,
            })? {
                page.before = Some(next);
            }
            let mut page = PageRequest { limit, before: None };
            while let Some(next) = self.ask(Query::Participants {
                account: account.clone(),
                page,
            })? {
                page.before = Some(next);
            }
        }
        Ok(())
    }

    /// Asks both; returns where the next page begins.
    fn ask(&self, query: Query) -> Result<Option<u64>, String> {
        let got = self.model.query(query.clone()).map(masked);
        let expected = self.oracle.query(query.clone()).map(masked);
        same(&format!("the answer to {query:?}"), &got, &expected)?;
        Ok(match got {
            Ok(Reply::Sessions(page)) => page.next,
            Ok(Reply::Participants(page)) => page.next,
            _ => None,
        })
    }
}

impl Stored {
    fn apply(&mut self, change: Change) -> Checked {
        let needless = format!("changes nothing: {change:?}");
        let before = self.clone();
        match change {
            Change::PutSession(record) => drop(self.sessions.insert(record.id, record)),
            Change::DeleteSession(id) => drop(self.sessions.remove(&id)),
            Change::PutParticipant(record) => drop(self.participants.insert(record.id, record)),
            Change::DeleteParticipant(id) => drop(self.participants.remove(&id)),
        }
        let same = before.sessions == self.sessions && before.participants == self.participants;
        if same { Err(needless) } else { Ok(()) }
    }
}

/// The number in a membership only orders; the order itself is compared where members are listed.
fn masked(reply: Reply) -> Reply {
    let mask = |mut participant: Participant| {
        if let Some(membership) = &mut participant.membership {
            membership.since = 0;
        }
        participant
    };
    match reply {
        Reply::Participant(participant) => Reply::Participant(mask(participant)),
        Reply::Participants(page) => Reply::Participants(Page {
            items: page.items.into_iter().map(mask).collect(),
            next: page.next,
        }),
        Reply::Members(members) => Reply::Members(members.into_iter().map(mask).collect()),
        other @ (Reply::Done
        | Reply::Session(_)
        | Reply::Sessions(_)
        | Reply::Subscriptions(_)
        | Reply::Matrix(_)
        | Reply::Streams(_)) => other,
    }
}

fn same<T: PartialEq + Debug>(what: &str, got: &T, expected: &T) -> Checked {
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}\n  is:        {got:?}\n  should be: {expected:?}"))
}

/// Refusals that random sequences must meet.
pub(crate) const REFUSALS: &[&str] = &[
    "NoSuchSession",
    "NoSuchParticipant",
    "NotInSession",
    "InAnotherSession",
    "SessionFull",
    "UnknownListedParticipant",
    "RowOfNoMember",
    "TooManySessions",
    "TooManyParticipants",
];

/// Everything else that random sequences must meet.
pub(crate) const EVENTS: &[&str] = &[
    "CreateSession",
    "DeleteSession",
    "CreateParticipant",
    "DeleteParticipant",
    "AddParticipant",
    "RemoveParticipant",
    "SetSubscriptions",
    "SetMatrix",
    "start",
    "stop",
    "echo",
    "by list",
    "restart",
    "ParticipantEnded",
    "Replaced",
];
