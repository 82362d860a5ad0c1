//! The one task that owns the model and the store.
//!
//! It takes requests in batches: all of a batch are applied, their changes are committed together, then effects go out
//! and then answers: persist, then route, then answer. Nothing else writes to the model, so there is no lock.
//!
//! Who waits for whom: the core waits for the media plane to take orders; the media plane waits for nobody. Device
//! tasks wait for the core; the core never waits for a device task.

use std::time::Instant;

use crosspoint_ids::Timestamp;
use crosspoint_media::{Crosspoint, Order};
use crosspoint_model::{Effect, Model, Report};
use crosspoint_store::{Store, StoreError, Write};
use tokio::sync::{mpsc, watch};

use crate::admission::Admission;
use crate::clock::Clock;
use crate::devices::Devices;
use crate::handle::{CoreHandle, Request};

/// The most requests of one batch, so that the first of them does not wait long.
const BATCH_MAX: usize = 256;

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
        let (handle, requests) = CoreHandle::new();
        let devices = Devices::new(orders.clone(), handle.clone(), clock);
        Ok((Self { model, store, devices, orders, requests, clock }, handle))
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
        // Whoever waits to tell the core something must not wait for ever while the core waits for them.
        self.requests.close();
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
        let writes: Vec<Write> = std::iter::from_fn(|| self.model.poll_change()).map(Write::Model).collect();
        if !writes.is_empty() {
            tokio::task::block_in_place(|| self.store.commit(&writes))?;
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
        let report = Report::DeviceConnected { participant: opened.participant, device: opened.device };
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
                            .map(|point| Crosspoint { stream: point.stream, subscriber: point.subscriber })
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
        self.orders.send(order).await.map_err(|_| CoreError::MediaPlaneEnded)
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
