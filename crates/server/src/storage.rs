//! How the core writes: one commit at a time, on a thread of its own, and never for longer than it can wait.
//!
//! *Pending* is what must be written but holds nothing up: what ended by itself, devices, callbacks. It goes with the
//! next commit, and stays until one succeeds. *In doubt* is a batch whose outcome is not known, because the store said so
//! or because it takes too long; its commands are refused and taken back, and the records as they are now become
//! pending, so that what was refused does not stay.

use std::collections::HashMap;
use std::time::Duration;

use crosspoint_ids::{AccountId, ParticipantId, SessionId};
use crosspoint_model::{Change, IdempotencyKey, Refusal};
use crosspoint_store::{Store, StoreError, Write};
use tokio::sync::{mpsc, oneshot, watch};

/// How long the core waits for a commit. A healthy disk takes milliseconds; reads and devices wait meanwhile.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(3);
/// The most pending writes. Each is the last word on one record, so that it takes a failing disk and an exceptional
/// number of records to get there; then the server forgets the newest, which a restart mends or a callback lacks.
const PENDING_MAX: usize = 1_000_000;

/// Whether the last commit worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreHealth {
    Works,
    Fails,
}

/// The core's way to the store.
#[derive(Debug)]
pub(crate) struct Storage {
    jobs: mpsc::Sender<Job>,
    pending: HashMap<RecordKey, Write>,
    /// A commit that took too long. Until it ends, nothing else can be written.
    stalled: Option<oneshot::Receiver<Result<(), StoreError>>>,
    health: watch::Sender<StoreHealth>,
}

#[derive(Debug)]
struct Job {
    writes: Vec<Write>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// Which record a write is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RecordKey {
    Session(SessionId),
    Participant(ParticipantId),
    Idempotency(AccountId, IdempotencyKey),
    Device(ParticipantId),
    Delivery(u64),
}

/// A commit that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommitFailure {
    /// What those are told whose commands are taken back.
    pub(crate) refusal: CommitRefusal,
    pub(crate) outcome: FailureOutcome,
}

/// Why nothing can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitRefusal {
    Full,
    Unavailable,
}

/// Whether what could not be committed is in the store all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureOutcome {
    NotWritten,
    InDoubt,
}

impl From<CommitRefusal> for Refusal {
    fn from(refusal: CommitRefusal) -> Self {
        match refusal {
            CommitRefusal::Full => Self::StorageFull,
            CommitRefusal::Unavailable => Self::Unavailable,
        }
    }
}

impl Storage {
    /// Starts the thread that owns the store. It ends when this is dropped.
    pub(crate) fn start<S: Store>(store: S) -> std::io::Result<(Self, watch::Receiver<StoreHealth>)> {
        let (jobs, queue) = mpsc::channel(1);
        std::thread::Builder::new().name("store".into()).spawn(move || work(store, queue))?;
        let (health, health_watch) = watch::channel(StoreHealth::Works);
        Ok((Self { jobs, pending: HashMap::new(), stalled: None, health }, health_watch))
    }

    /// Writes this with the next commit; nothing waits for it.
    pub(crate) fn write_later(&mut self, write: Write) {
        if self.pending.len() < PENDING_MAX || self.pending.contains_key(&RecordKey::of(&write)) {
            self.pending.insert(RecordKey::of(&write), write);
        }
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Makes this batch durable, and what is pending with it.
    pub(crate) async fn commit(&mut self, batch: Vec<Write>) -> Result<(), CommitFailure> {
        if batch.is_empty() && self.pending.is_empty() {
            return Ok(());
        }
        self.end_stall()?;
        // A later word on a record comes after an earlier one.
        let pending: Vec<Write> = self.pending.values().cloned().collect();
        let writes = pending.into_iter().chain(batch).collect();
        let (done, mut outcome) = oneshot::channel();
        if self.jobs.send(Job { writes, done }).await.is_err() {
            return Err(self.failed(&StoreError::Failed { reason: "its thread ended".into() }));
        }
        match tokio::time::timeout(COMMIT_WAIT_MAX, &mut outcome).await {
            Ok(Ok(Ok(()))) => {
                self.pending.clear();
                self.turn(StoreHealth::Works, "");
                Ok(())
            }
            Ok(Ok(Err(error))) => Err(self.failed(&error)),
            Ok(Err(_)) => Err(self.failed(&StoreError::Failed { reason: "its thread ended".into() })),
            Err(_) => {
                self.stalled = Some(outcome);
                Err(self.failed(&StoreError::Failed { reason: "a commit takes too long".into() }))
            }
        }
    }

    /// Goes on when the commit that took too long has ended, however it did: what it wrote is in doubt, and so pending.
    fn end_stall(&mut self) -> Result<(), CommitFailure> {
        let Some(stalled) = &mut self.stalled else {
            return Ok(());
        };
        match stalled.try_recv() {
            Err(oneshot::error::TryRecvError::Empty) => Err(CommitFailure {
                refusal: CommitRefusal::Unavailable,
                outcome: FailureOutcome::NotWritten,
            }),
            Ok(_) | Err(oneshot::error::TryRecvError::Closed) => {
                self.stalled = None;
                Ok(())
            }
        }
    }

    fn failed(&mut self, error: &StoreError) -> CommitFailure {
        self.turn(StoreHealth::Fails, &error.to_string());
        match error {
            StoreError::Full { .. } => {
                CommitFailure { refusal: CommitRefusal::Full, outcome: FailureOutcome::NotWritten }
            }
            StoreError::Failed { .. } => {
                CommitFailure { refusal: CommitRefusal::Unavailable, outcome: FailureOutcome::InDoubt }
            }
        }
    }

    /// Logs a change for the worse or the better, once.
    fn turn(&self, now: StoreHealth, why: &str) {
        if self.health.send_replace(now) == now {
            return;
        }
        match now {
            StoreHealth::Fails => {
                tracing::error!(why, "nothing can be written: changes are refused, calls go on")
            }
            StoreHealth::Works => tracing::info!("the store works again: changes are taken"),
        }
    }
}

fn work<S: Store>(mut store: S, mut queue: mpsc::Receiver<Job>) {
    while let Some(Job { writes, done }) = queue.blocking_recv() {
        // Whoever asked may have stopped waiting.
        let _ = done.send(store.commit(&writes));
    }
}

impl RecordKey {
    fn of(write: &Write) -> Self {
        match write {
            Write::Model(Change::PutSession(record)) => Self::Session(record.id),
            Write::Model(Change::DeleteSession(session)) => Self::Session(*session),
            Write::Model(Change::PutParticipant(record)) => Self::Participant(record.id),
            Write::Model(Change::DeleteParticipant(participant)) => Self::Participant(*participant),
            Write::Model(Change::PutIdempotency(record)) => {
                Self::Idempotency(record.account.clone(), record.key.clone())
            }
            Write::Model(Change::DeleteIdempotency(account, key)) => {
                Self::Idempotency(account.clone(), key.clone())
            }
            Write::PutDevice(record) => Self::Device(record.participant),
            Write::DeleteDevice(participant) => Self::Device(*participant),
            Write::PutDelivery(record) => Self::Delivery(record.id),
            Write::DeleteDelivery(id) => Self::Delivery(*id),
        }
    }
}
