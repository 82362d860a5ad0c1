//! The deliveries of one account.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use crosspoint_ids::{AccountId, ParticipantId, Timestamp};

use super::rotation::Rotation;
use super::{Attempt, Limits};
use crate::{Answer, DropReason, Finished, Origin, Outcome};

#[derive(Debug)]
pub(super) struct Account {
    id: AccountId,
    limits: Limits,
    lanes: HashMap<ParticipantId, Lane>,
    origins: HashMap<Origin, OriginState>,
    /// Origins to which an attempt may start, in turn.
    ready: Rotation<Origin>,
    /// When resting lanes are to be looked at.
    timers: BTreeSet<(Timestamp, ParticipantId)>,
    /// The first of the timers, as the queue knows it.
    noted_timer: Option<Timestamp>,
    /// Whose every delivery is, oldest first.
    owners: BTreeMap<u64, ParticipantId>,
    attempts: usize,
}

/// The deliveries of one participant, never empty.
#[derive(Debug)]
struct Lane {
    deliveries: VecDeque<Attempt>,
    /// Of the head.
    state: LaneState,
    /// In a row.
    failures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LaneState {
    /// Waits for its turn at its origin.
    Ready { since: Timestamp },
    /// Is being attempted.
    InFlight,
    /// Waits after a failure.
    Resting { until: Timestamp },
}

/// What is known of an origin while a lane goes to it.
#[derive(Debug)]
struct OriginState {
    /// The lanes whose heads go to it.
    lanes: usize,
    /// Those of them that are ready: since when, and the id of the head.
    ready: BTreeSet<(Timestamp, u64)>,
    attempts: usize,
    health: Health,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// It answers, whatever it answers.
    Well,
    /// The last attempt got no answer, or one that asks for rest.
    Unwell,
}

impl Account {
    pub(super) fn new(id: AccountId, limits: Limits) -> Self {
        Self {
            id,
            limits,
            lanes: HashMap::new(),
            origins: HashMap::new(),
            ready: Rotation::default(),
            timers: BTreeSet::new(),
            noted_timer: None,
            owners: BTreeMap::new(),
            attempts: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.owners.len()
    }

    pub(super) fn can_start(&self) -> bool {
        self.attempts < self.limits.account_attempts_max && !self.ready.is_empty()
    }

    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Notes the first timer for the queue; the one noted before and this, if they differ.
    pub(super) fn note_timer(
        &mut self,
        next: Option<Timestamp>,
    ) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
        let before = std::mem::replace(&mut self.noted_timer, next);
        (before != next).then_some((before, next))
    }

    pub(super) fn push(&mut self, now: Timestamp, attempt: Attempt, finished: &mut VecDeque<Finished>) {
        let (id, participant) = (attempt.delivery.id, attempt.delivery.participant);
        if self.owners.contains_key(&id) {
            return;
        }
        if self.owners.len() >= self.limits.account_deliveries_max && !self.drop_oldest(now, finished) {
            // Every delivery is being attempted.
            finished.push_back(self.finish(&attempt, Outcome::Dropped(DropReason::Overflow)));
            return;
        }
        self.owners.insert(id, participant);
        match self.lanes.get_mut(&participant) {
            Some(lane) => lane.deliveries.push_back(attempt),
            None => {
                let lane = Lane {
                    deliveries: [attempt].into(),
                    state: LaneState::Ready { since: now },
                    failures: 0,
                };
                self.lanes.insert(participant, lane);
                self.attach(participant);
            }
        }
    }

    /// The next delivery to post, if one may be.
    pub(super) fn start(&mut self, now: Timestamp, finished: &mut VecDeque<Finished>) -> Option<Attempt> {
        while self.can_start() {
            let origin = self.ready.pop()?;
            let next = self.origins.get(&origin).and_then(|state| state.ready.first().copied());
            let participant = next.and_then(|(_, id)| self.owners.get(&id).copied())?;
            if self.drop_expired_head(now, participant, finished) {
                self.settle_origin(&origin);
                continue;
            }
            self.detach(participant);
            let lane = self.lanes.get_mut(&participant)?;
            lane.state = LaneState::InFlight;
            let attempt = lane.deliveries.front().cloned()?;
            self.attach(participant);
            self.attempts += 1;
            return Some(attempt);
        }
        None
    }

    pub(super) fn handle_answer(
        &mut self,
        now: Timestamp,
        id: u64,
        answer: Answer,
        jitter: u32,
        finished: &mut VecDeque<Finished>,
    ) {
        let Some(participant) = self.owners.get(&id).copied() else { return };
        self.attempts -= 1;
        self.note_health(participant, answer);
        match answer {
            Answer::Accepted => self.finish_head(now, participant, Outcome::Delivered, finished),
            Answer::Gone => {
                self.finish_head(now, participant, Outcome::Dropped(DropReason::Gone), finished);
            }
            Answer::Refused => self.rest(now, participant, jitter, None),
            Answer::Unwell { retry_after } => self.rest(now, participant, jitter, retry_after),
        }
    }

    /// Makes the lanes ready whose rest is over, and drops what has become too old in it.
    pub(super) fn handle_timers(&mut self, now: Timestamp, finished: &mut VecDeque<Finished>) {
        while let Some((at, participant)) = self.timers.first().copied() {
            if at > now {
                return;
            }
            if !self.drop_expired_head(now, participant, finished) {
                self.change_state(participant, LaneState::Ready { since: at });
            }
        }
    }

    fn note_health(&mut self, participant: ParticipantId, answer: Answer) {
        let origin = self.lanes.get(&participant).and_then(Lane::origin);
        if let Some(state) = origin.and_then(|origin| self.origins.get_mut(&origin)) {
            state.health = match answer {
                Answer::Accepted | Answer::Gone | Answer::Refused => Health::Well,
                Answer::Unwell { .. } => Health::Unwell,
            };
        }
    }

    fn rest(
        &mut self,
        now: Timestamp,
        participant: ParticipantId,
        jitter: u32,
        retry_after: Option<Duration>,
    ) {
        let Some(lane) = self.lanes.get_mut(&participant) else { return };
        lane.failures = lane.failures.saturating_add(1);
        let wanted = retry_after.unwrap_or_default().min(self.limits.backoff_max);
        let delay = self.limits.backoff().delay(lane.failures, jitter).max(wanted);
        let expires = lane.deliveries.front().map(|head| head.delivery.created_at + self.limits.lifetime);
        let until = expires.map_or(now + delay, |expires| expires.min(now + delay));
        self.change_state(participant, LaneState::Resting { until });
    }

    /// Ends the head of a lane; the next one is ready at once.
    fn finish_head(
        &mut self,
        now: Timestamp,
        participant: ParticipantId,
        outcome: Outcome,
        finished: &mut VecDeque<Finished>,
    ) {
        let origin = self.detach(participant);
        let Some(lane) = self.lanes.get_mut(&participant) else { return };
        let head = lane.deliveries.pop_front();
        lane.state = LaneState::Ready { since: now };
        if outcome == Outcome::Delivered {
            lane.failures = 0;
        }
        let is_empty = lane.deliveries.is_empty();
        if let Some(head) = head {
            self.owners.remove(&head.delivery.id);
            finished.push_back(self.finish(&head, outcome));
        }
        if is_empty {
            self.lanes.remove(&participant);
        } else {
            self.attach(participant);
        }
        if let Some(origin) = origin {
            self.settle_origin(&origin);
        }
    }

    fn drop_expired_head(
        &mut self,
        now: Timestamp,
        participant: ParticipantId,
        finished: &mut VecDeque<Finished>,
    ) -> bool {
        let head = self.lanes.get(&participant).and_then(|lane| lane.deliveries.front());
        let expired = head.is_some_and(|head| head.delivery.created_at + self.limits.lifetime <= now);
        if expired {
            self.finish_head(now, participant, Outcome::Dropped(DropReason::Expired), finished);
        }
        expired
    }

    /// Drops the oldest delivery that is not being attempted; false when there is none.
    fn drop_oldest(&mut self, now: Timestamp, finished: &mut VecDeque<Finished>) -> bool {
        let waiting = self.owners.iter().find(|(id, participant)| !self.is_in_flight(**id, participant));
        let Some((id, participant)) = waiting.map(|(id, participant)| (*id, *participant)) else {
            return false;
        };
        let Some(lane) = self.lanes.get_mut(&participant) else { return false };
        let overflow = Outcome::Dropped(DropReason::Overflow);
        match lane.deliveries.iter().position(|queued| queued.delivery.id == id) {
            Some(0) => {
                let state = lane.state;
                self.finish_head(now, participant, overflow, finished);
                // The receiver has not become well by this.
                self.change_state(participant, state);
            }
            Some(behind) => {
                if let Some(dropped) = lane.deliveries.remove(behind) {
                    self.owners.remove(&id);
                    finished.push_back(self.finish(&dropped, overflow));
                }
            }
            None => return false,
        }
        true
    }

    fn is_in_flight(&self, id: u64, participant: &ParticipantId) -> bool {
        self.lanes.get(participant).is_some_and(|lane| {
            lane.state == LaneState::InFlight
                && lane.deliveries.front().is_some_and(|head| head.delivery.id == id)
        })
    }

    fn change_state(&mut self, participant: ParticipantId, state: LaneState) {
        self.detach(participant);
        if let Some(lane) = self.lanes.get_mut(&participant) {
            lane.state = state;
            self.attach(participant);
        }
    }

    /// Enters a lane where lanes of its state are looked for.
    fn attach(&mut self, participant: ParticipantId) {
        let Some((lane, origin, head)) = self.lane(participant) else { return };
        let state = self.origins.entry(origin.clone()).or_default();
        state.lanes += 1;
        match lane {
            LaneState::Ready { since } => {
                state.ready.insert((since, head));
            }
            LaneState::InFlight => state.attempts += 1,
            LaneState::Resting { until } => {
                self.timers.insert((until, participant));
            }
        }
        self.settle_origin(&origin);
    }

    /// The reverse of [`Self::attach`]; before a lane's state or head changes. The origin is to be settled afterwards.
    fn detach(&mut self, participant: ParticipantId) -> Option<Origin> {
        let (lane, origin, head) = self.lane(participant)?;
        let state = self.origins.get_mut(&origin)?;
        state.lanes -= 1;
        match lane {
            LaneState::Ready { since } => {
                state.ready.remove(&(since, head));
            }
            LaneState::InFlight => state.attempts -= 1,
            LaneState::Resting { until } => {
                self.timers.remove(&(until, participant));
            }
        }
        Some(origin)
    }

    fn lane(&self, participant: ParticipantId) -> Option<(LaneState, Origin, u64)> {
        let lane = self.lanes.get(&participant)?;
        Some((lane.state, lane.origin()?, lane.deliveries.front()?.delivery.id))
    }

    /// Puts an origin into the rotation or takes it out, and forgets one that no lane goes to.
    fn settle_origin(&mut self, origin: &Origin) {
        let Some(state) = self.origins.get(origin) else { return };
        let most = match state.health {
            Health::Well => self.limits.origin_attempts_max,
            Health::Unwell => 1,
        };
        self.ready.set(origin, state.attempts < most && !state.ready.is_empty());
        if state.lanes == 0 {
            self.origins.remove(origin);
        }
    }

    fn finish(&self, attempt: &Attempt, outcome: Outcome) -> Finished {
        Finished {
            id: attempt.delivery.id,
            account: self.id.clone(),
            participant: attempt.delivery.participant,
            origin: Some(attempt.destination.origin().clone()),
            outcome,
        }
    }
}

impl Lane {
    fn origin(&self) -> Option<Origin> {
        self.deliveries.front().map(|head| head.destination.origin().clone())
    }
}

impl Default for OriginState {
    fn default() -> Self {
        Self { lanes: 0, ready: BTreeSet::new(), attempts: 0, health: Health::Well }
    }
}
