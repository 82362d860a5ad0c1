//! Which callback is attempted when. Pure: time and jitter come in, attempts and finished deliveries come out.
//!
//! - A *lane* holds the deliveries of one participant, in order; its head alone is attempted.
//! - Lanes that are ready wait at the *origin* that they go to, the longest waiting first; origins take turns within
//!   their account, accounts take turns with each other.
//! - Attempts are bounded in all, for each account, and for each origin of an account: an origin that does not answer
//!   gets one at a time, so a dead receiver holds one of its account's places and none of others'.
//! - A full account loses its oldest delivery that is not being attempted. The oldest are those of a receiver that does
//!   not take them; refusing the newest would take callbacks from receivers that are well because one is dead.

mod account;
mod rotation;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crosspoint_ids::{AccountId, Timestamp};

use crate::backoff::Backoff;
use crate::{Answer, Delivery, Destination, DropReason, Finished, Outcome};
use account::Account;
use rotation::Rotation;

/// The bounds of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most deliveries of one account: some 10 MB on the disk.
    pub account_deliveries_max: usize,
    /// The most attempts at a time, in all: a socket each.
    pub attempts_max: usize,
    /// The most attempts at a time for one account.
    pub account_attempts_max: usize,
    /// The most attempts at a time from one account to one origin: half of the account's, so that a slow receiver
    /// leaves places to others.
    pub origin_attempts_max: usize,
    /// The wait after the first failure; it doubles with each one more.
    pub backoff_first: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
    /// How long after its event a callback is given up.
    pub lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            account_deliveries_max: 10_000,
            attempts_max: 256,
            account_attempts_max: 8,
            origin_attempts_max: 4,
            backoff_first: Duration::from_secs(1),
            backoff_max: Duration::from_secs(10 * 60),
            lifetime: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl Limits {
    fn backoff(&self) -> Backoff {
        Backoff { first: self.backoff_first, longest: self.backoff_max }
    }
}

/// What the shell must do.
#[derive(Debug)]
pub enum Output {
    /// Post this delivery now, and hand the answer in.
    Attempt(Attempt),
    /// Forget this delivery.
    Finished(Finished),
}

/// A delivery to post.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What to post.
    pub delivery: Arc<Delivery>,
    /// Where.
    pub destination: Destination,
}

/// All deliveries that are not finished.
#[derive(Debug)]
pub struct Queue {
    limits: Limits,
    accounts: HashMap<AccountId, Account>,
    /// Accounts that may start an attempt, in turn.
    ready: Rotation<AccountId>,
    /// The next timer of each account that has one.
    timers: BTreeSet<(Timestamp, AccountId)>,
    /// Deliveries that are being attempted.
    attempts: HashMap<u64, AccountId>,
    finished: VecDeque<Finished>,
}

impl Queue {
    /// An empty queue.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            accounts: HashMap::new(),
            ready: Rotation::default(),
            timers: BTreeSet::new(),
            attempts: HashMap::new(),
            finished: VecDeque::new(),
        }
    }

    /// Takes a delivery in. Those of one participant come in the order of their ids; one that is here already is ignored.
    pub fn push(&mut self, now: Timestamp, delivery: Delivery) {
        let Ok(destination) = Destination::parse(&delivery.url) else {
            let outcome = Outcome::Dropped(DropReason::BadUrl);
            let Delivery { id, account, participant, .. } = delivery;
            self.finished.push_back(Finished { id, account, participant, origin: None, outcome });
            return;
        };
        let id = delivery.account.clone();
        let account =
            self.accounts.entry(id.clone()).or_insert_with(|| Account::new(id.clone(), self.limits));
        account.push(now, Attempt { delivery: Arc::new(delivery), destination }, &mut self.finished);
        self.settle(&id);
    }

    /// Takes in what came of an attempt. `jitter` is uniform over all values.
    pub fn handle_answer(&mut self, now: Timestamp, id: u64, answer: Answer, jitter: u32) {
        let Some(account_id) = self.attempts.remove(&id) else { return };
        if let Some(account) = self.accounts.get_mut(&account_id) {
            account.handle_answer(now, id, answer, jitter, &mut self.finished);
        }
        self.settle(&account_id);
    }

    /// What to do next; nothing until something is handed in or [`Self::poll_timeout`] has come.
    pub fn poll(&mut self, now: Timestamp) -> Option<Output> {
        self.handle_timers(now);
        loop {
            if let Some(finished) = self.poll_finished() {
                return Some(Output::Finished(finished));
            }
            if self.attempts.len() >= self.limits.attempts_max {
                return None;
            }
            let account_id = self.ready.pop()?;
            let started =
                self.accounts.get_mut(&account_id).and_then(|account| account.start(now, &mut self.finished));
            if let Some(attempt) = &started {
                self.attempts.insert(attempt.delivery.id, account_id.clone());
            }
            self.settle(&account_id);
            if let Some(attempt) = started {
                return Some(Output::Attempt(attempt));
            }
        }
    }

    /// The next delivery to forget; starts nothing.
    pub fn poll_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// When to poll again at the latest, if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// How many deliveries are not finished.
    pub fn len(&self) -> usize {
        self.accounts.values().map(Account::len).sum()
    }

    /// Whether every delivery is finished.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    fn handle_timers(&mut self, now: Timestamp) {
        while let Some((at, account_id)) = self.timers.first().cloned() {
            if at > now {
                return;
            }
            if let Some(account) = self.accounts.get_mut(&account_id) {
                account.handle_timers(now, &mut self.finished);
            }
            self.settle(&account_id);
        }
    }

    /// Brings what is known of an account outside it up to date; after every change of one.
    fn settle(&mut self, id: &AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let next = account.next_timer();
        if let Some((before, after)) = account.note_timer(next) {
            before.map(|at| self.timers.remove(&(at, id.clone())));
            after.map(|at| self.timers.insert((at, id.clone())));
        }
        self.ready.set(id, account.can_start());
        if account.len() == 0 {
            self.accounts.remove(id);
        }
    }
}

#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;
