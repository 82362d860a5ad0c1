//! The one task that owns the model and the store.
//!
//! It takes requests in batches: all of a batch are applied, their changes are committed together, then effects go out
//! and then answers: persist, then route, then answer. Nothing else writes to the model, so there is no lock.
//!
//! Who waits for whom: the core waits for the media plane to take orders; the media plane waits for nobody. Device
//! tasks wait for the core; the core never waits for a device task.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crosspoint_ids::Timestamp;
use crosspoint_media::{Crosspoint, Order};
use crosspoint_model::{Change, Command, Effect, Model, Query, Refusal, Reply, Report};
use crosspoint_store::{Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};

use crate::devices::{Admission, Devices};

/// Requests that may wait for the core. Whoever asks more waits.
const REQUESTS_MAX: usize = 1_024;
/// The most requests of one batch, so that the first of them does not wait long.
const BATCH_MAX: usize = 256;

/// Something that the core is asked or told.
#[derive(Debug)]
enum Request {
    Execute(Command, oneshot::Sender<Result<Reply, Refusal>>),
    Ask(Query, oneshot::Sender<Result<Reply, Refusal>>),
    Report(Report),
    Admit(Box<Admission>),
    Count(oneshot::Sender<usize>),
}

/// How the rest of the server reaches the core.
#[derive(Debug, Clone)]
pub(crate) struct CoreHandle {
    requests: mpsc::Sender<Request>,
}

/// The core is gone: the server is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is stopping")]
pub(crate) struct Stopped;

impl CoreHandle {
    pub(crate) async fn execute(&self, command: Command) -> Result<Reply, Refusal> {
        self.request(|reply| Request::Execute(command, reply))
            .await
            .unwrap_or(Err(Refusal::Unavailable))
    }

    pub(crate) async fn ask(&self, query: Query) -> Result<Reply, Refusal> {
        self.request(|reply| Request::Ask(query, reply))
            .await
            .unwrap_or(Err(Refusal::Unavailable))
    }

    /// Tells what happened; returns once it is taken in, routes included.
    pub(crate) async fn report(&self, report: Report) {
        // When the core is gone, nobody needs to know any more.
        let _ = self.requests.send(Request::Report(report)).await;
    }

    /// Lets a device in, or lets it resume.
    pub(crate) async fn admit(&self, admission: Admission) -> Result<(), Stopped> {
        self.requests
            .send(Request::Admit(Box::new(admission)))
            .await
            .map_err(|_| Stopped)
    }

    /// How many devices there are.
    pub(crate) async fn device_count(&self) -> Result<usize, Stopped> {
        self.request(Request::Count).await
    }

    async fn request<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(make(reply)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}

/// The owner of the model.
pub(crate) struct Core<S> {
    model: Model,
    store: S,
    devices: Devices,
    orders: mpsc::Sender<Order>,
    requests: mpsc::Receiver<Request>,
    clock: Clock,
}

/// Why the core ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CoreError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the media plane ended")]
    MediaPlaneEnded,
}

/// Wall-clock time that never goes back: read once, then counted on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    wall: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started: Instant::now(),
            wall: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall) + self.started.elapsed()
    }

    /// The instant at which the clock reads `at`.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.started + at.since(Timestamp::from_millis(self.wall))
    }
}

impl<S: Store> Core<S> {
    /// Loads the store into the model.
    pub(crate) fn new(
        mut model: Model,
        mut store: S,
        orders: mpsc::Sender<Order>,
        clock: Clock,
    ) -> Result<(Self, CoreHandle), StoreError> {
        let records = store.load()?;
        for record in records.sessions {
            model.restore_session(record);
        }
        for record in records.participants {
            model.restore_participant(record);
        }
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let handle = CoreHandle { requests: sender };
        let devices = Devices::new(orders.clone(), handle.clone(), clock);
        Ok((
            Self {
                model,
                store,
                devices,
                orders,
                requests,
                clock,
            },
            handle,
        ))
    }

    /// Works until `stop` turns true, then closes every device's socket.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), CoreError> {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let wake_at = self.model.poll_timeout().map(|at| self.clock.instant(at));
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                _ = self.requests.recv_many(&mut batch, BATCH_MAX) => {}
                () = sleep_until(wake_at) => {}
            }
            self.turn(&mut batch).await?;
        }
        self.devices.stop_all().await;
        Ok(())
    }

    async fn turn(&mut self, batch: &mut Vec<Request>) -> Result<(), CoreError> {
        let now = self.clock.now();
        self.model.handle_timeout(now);
        let mut answers = Vec::with_capacity(batch.len());
        let mut admissions = Vec::new();
        for request in batch.drain(..) {
            match request {
                Request::Execute(command, reply) => answers.push((reply, self.model.apply(now, command))),
                Request::Ask(query, reply) => answers.push((reply, self.model.query(query))),
                Request::Report(report) => self.take_report(now, report).await?,
                Request::Admit(admission) => admissions.push(admission),
                Request::Count(reply) => {
                    // Whoever asked may have stopped waiting.
                    let _ = reply.send(self.devices.count());
                }
            }
        }
        let changes: Vec<Change> = std::iter::from_fn(|| self.model.poll_change()).collect();
        if !changes.is_empty() {
            tokio::task::block_in_place(|| self.store.commit(&changes))?;
        }
        for admission in admissions {
            self.admit(now, *admission).await?;
        }
        self.carry_out_effects().await?;
        for (reply, result) in answers {
            // Whoever asked may have stopped waiting; the change stands.
            let _ = reply.send(result);
        }
        Ok(())
    }

    async fn take_report(&mut self, now: Timestamp, report: Report) -> Result<(), CoreError> {
        if let Report::DeviceGone { device } = &report {
            let device = *device;
            self.devices.forget(device);
            self.order(Order::CloseDevice { device }).await?;
        }
        self.model.report(now, report);
        Ok(())
    }

    async fn admit(&mut self, now: Timestamp, admission: Admission) -> Result<(), CoreError> {
        let Some(opened) = self.devices.admit(admission) else {
            return Ok(());
        };
        self.order(opened.order).await?;
        let report = Report::DeviceConnected {
            participant: opened.participant,
            device: opened.device,
        };
        self.model.report(now, report);
        self.devices.launch(opened.launch);
        Ok(())
    }

    async fn carry_out_effects(&mut self) -> Result<(), CoreError> {
        while let Some(effect) = self.model.poll_effect() {
            match effect {
                Effect::Route(change) => {
                    let [stop, start] = [change.stop, change.start].map(|list| {
                        list.into_iter()
                            .map(|point| Crosspoint {
                                stream: point.stream,
                                subscriber: point.subscriber,
                            })
                            .collect()
                    });
                    self.order(Order::Route { stop, start }).await?;
                }
                Effect::CloseDevice { device, reason } => {
                    self.devices.close(device, reason);
                    self.order(Order::CloseDevice { device }).await?;
                }
            }
        }
        Ok(())
    }

    async fn order(&self, order: Order) -> Result<(), CoreError> {
        self.orders
            .send(order)
            .await
            .map_err(|_| CoreError::MediaPlaneEnded)
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

impl crosspoint_http::Control for CoreHandle {
    async fn execute(&self, command: Command) -> Result<Reply, Refusal> {
        CoreHandle::execute(self, command).await
    }

    async fn ask(&self, query: Query) -> Result<Reply, Refusal> {
        CoreHandle::ask(self, query).await
    }
}
