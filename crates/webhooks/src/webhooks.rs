//! The task that delivers callbacks: clock, sockets and randomness around the queue.
//!
//! It always takes deliveries in, so whoever hands one in waits for no receiver; and it never waits for whoever takes
//! finished ids, so the two may be the same task. While finished ids are not taken, no new attempt starts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crosspoint_ids::AccountId;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::attempt::{AttemptError, Poster};
use crate::clock::Clock;
use crate::counts::Counters;
use crate::line_bound::LineBound;
use crate::{
    AddressPolicy, Answer, Attempt, Counts, Delivery, DropReason, Finished, Limits, Outcome, Output, Queue,
    Secret,
};

/// Deliveries that wait to be taken in: more than one batch of the core makes.
const INCOMING_MAX: usize = 1_024;
/// Finished ids that wait to be taken.
const FINISHED_MAX: usize = 1_024;

/// How callbacks are delivered.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the callbacks of each account are signed with: one secret, or two while receivers change from one to the
    /// other. Those of an account without are not signed.
    pub secrets: HashMap<AccountId, Vec<Secret>>,
    /// How far they may reach.
    pub addresses: AddressPolicy,
    /// The bounds of the queue.
    pub limits: Limits,
    /// How long an attempt may take, from the look-up of the name to the end of the answer.
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            secrets: HashMap::new(),
            addresses: AddressPolicy::PublicOnly,
            limits: Limits::default(),
            timeout: Duration::from_secs(5),
        }
    }
}

/// Callbacks can't be delivered from this machine.
#[derive(Debug, thiserror::Error)]
#[error(
    "the client for callbacks can't be set up; are the system's root certificates (ca-certificates) installed?"
)]
pub struct StartError(#[source] reqwest::Error);

/// The running task.
#[derive(Debug)]
pub struct Webhooks {
    deliveries: mpsc::Sender<Delivery>,
    counters: Arc<Counters>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Webhooks {
    /// Starts the task with what the durable queue holds, in the order of the ids. Deliveries that are finished come out
    /// of the receiver; when that is dropped, the task ends.
    pub fn start(
        config: Config,
        restored: Vec<Delivery>,
    ) -> Result<(Self, mpsc::Receiver<Finished>), StartError> {
        let poster = Poster::new(config.addresses, config.timeout).map_err(StartError)?;
        let (deliveries, incoming) = mpsc::channel(INCOMING_MAX);
        let (finished, finished_receiver) = mpsc::channel(FINISHED_MAX);
        let (stop, stopped) = oneshot::channel();
        let counters = Arc::new(Counters::default());
        let mut courier = Courier {
            queue: Queue::new(config.limits),
            clock: Clock::start(),
            poster,
            secrets: config.secrets.into_iter().map(|(account, secrets)| (account, secrets.into())).collect(),
            attempts: JoinSet::new(),
            attempted: HashMap::new(),
            unsent: VecDeque::new(),
            counters: Arc::clone(&counters),
            dropped_lines: LineBound::default(),
            forbidden_lines: LineBound::default(),
        };
        for delivery in restored {
            courier.take_in(delivery);
        }
        let task = tokio::spawn(courier.run(incoming, finished, stopped));
        Ok((Self { deliveries, counters, stop, task }, finished_receiver))
    }

    /// Where deliveries are handed in, after they are durable. The task takes them at once, whatever receivers do.
    pub fn deliveries(&self) -> mpsc::Sender<Delivery> {
        self.deliveries.clone()
    }

    /// Sums since the start.
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Starts no further attempt and waits for those that run, so that what they deliver is not delivered again after a
    /// restart. Takes as long as an attempt may at most, if the receiver of finished ids is read meanwhile or dropped.
    pub async fn stop(self) {
        // An error means that the task has ended already.
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the delivery of callbacks ended unexpectedly");
        }
    }
}

/// The owner of the queue.
#[derive(Debug)]
struct Courier {
    queue: Queue,
    clock: Clock,
    poster: Poster,
    secrets: HashMap<AccountId, Arc<[Secret]>>,
    attempts: JoinSet<Result<(), AttemptError>>,
    /// Which delivery each task attempts.
    attempted: HashMap<Id, Attempt>,
    /// Finished deliveries that nobody has been told of.
    unsent: VecDeque<Finished>,
    counters: Arc<Counters>,
    dropped_lines: LineBound,
    forbidden_lines: LineBound,
}

impl Courier {
    async fn run(
        mut self,
        mut incoming: mpsc::Receiver<Delivery>,
        finished: mpsc::Sender<Finished>,
        mut stop: oneshot::Receiver<()>,
    ) {
        loop {
            self.work();
            let timer = self.queue.poll_timeout().map(|at| self.clock.instant(at));
            tokio::select! {
                _ = &mut stop => break,
                () = finished.closed() => return,
                permit = finished.reserve(), if !self.unsent.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some(next) = self.unsent.pop_front() {
                            permit.send(next);
                        }
                    }
                    Err(_) => return,
                },
                delivery = incoming.recv(), if !incoming.is_closed() || !incoming.is_empty() => {
                    if let Some(delivery) = delivery {
                        self.take_in(delivery);
                    }
                }
                Some(ended) = self.attempts.join_next_with_id() => self.handle_end(ended),
                () = sleep_until(timer), if self.unsent.is_empty() => {}
            }
        }
        // From now on nobody waits to hand something in.
        drop(incoming);
        while let Some(ended) = self.attempts.join_next_with_id().await {
            self.handle_end(ended);
        }
        self.finish_all(&finished).await;
    }

    fn take_in(&mut self, delivery: Delivery) {
        self.queue.push(self.clock.now(), delivery);
    }

    /// Does what the queue wants, as long as finished ids are taken.
    fn work(&mut self) {
        while self.unsent.is_empty() {
            match self.queue.poll(self.clock.now()) {
                Some(Output::Attempt(attempt)) => self.attempt(attempt),
                Some(Output::Finished(finished)) => self.finish(finished),
                None => return,
            }
        }
    }

    fn attempt(&mut self, attempt: Attempt) {
        let poster = self.poster.clone();
        let secrets = self.secrets.get(&attempt.delivery.account).cloned().unwrap_or_default();
        let posted = attempt.clone();
        let task =
            self.attempts.spawn(async move { poster.post(&posted, &secrets, Clock::wall().as_secs()).await });
        self.attempted.insert(task.id(), attempt);
    }

    fn handle_end(&mut self, ended: Result<(Id, Result<(), AttemptError>), JoinError>) {
        let (task, result) = match ended {
            Ok((task, result)) => (task, result),
            // A panic is a bug of ours: it costs this attempt, not the task.
            Err(error) => (error.id(), Err(AttemptError::NoAnswer)),
        };
        let Some(attempt) = self.attempted.remove(&task) else { return };
        let answer = match result {
            Ok(()) => Answer::Accepted,
            Err(error) => {
                self.report_failure(&attempt, &error);
                error.answer()
            }
        };
        // Without randomness the waits are the longest: retries bunch, but go on.
        let jitter = getrandom::u32().unwrap_or(u32::MAX);
        self.queue.handle_answer(self.clock.now(), attempt.delivery.id, answer, jitter);
    }

    fn report_failure(&mut self, attempt: &Attempt, error: &AttemptError) {
        if error.answer() != Answer::Gone {
            self.counters.retried.count();
        }
        let (delivery, origin) = (&attempt.delivery, attempt.destination.origin());
        let (account, participant) = (&delivery.account, delivery.participant);
        if !error.is_forbidden() {
            tracing::debug!(%account, %participant, host = %origin, reason = %error, "a callback was not accepted");
        } else if let Some(left_out) = self.forbidden_lines.admit(self.clock.now()) {
            tracing::warn!(
                %account, %participant, host = %origin, reason = %error, left_out,
                "a callback goes to an address that is not allowed"
            );
        }
    }

    fn finish(&mut self, finished: Finished) {
        match finished.outcome {
            Outcome::Delivered => self.counters.delivered.count(),
            Outcome::Dropped(reason) => {
                self.counters.dropped.count();
                self.report_drop(&finished, reason);
            }
        }
        self.unsent.push_back(finished);
    }

    fn report_drop(&mut self, finished: &Finished, reason: DropReason) {
        let Some(left_out) = self.dropped_lines.admit(self.clock.now()) else { return };
        let Finished { account, participant, .. } = finished;
        let host = finished.origin.as_ref().map(tracing::field::display);
        let dropped = self.counters.dropped.sum();
        tracing::warn!(%account, %participant, host, %reason, dropped, left_out, "a callback is given up");
    }

    /// Tells of everything that has finished, without starting anything.
    async fn finish_all(mut self, finished: &mpsc::Sender<Finished>) {
        while let Some(done) = self.queue.poll_finished() {
            self.finish(done);
        }
        for done in std::mem::take(&mut self.unsent) {
            if finished.send(done).await.is_err() {
                return;
            }
        }
    }
}

async fn sleep_until(timer: Option<Instant>) {
    match timer {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
