//! The one task that owns the model.
//!
//! It takes requests in batches, a *turn* each. What is true already comes first: time, reports, devices that ask to be
//! let in. Then commands: all are applied, their changes are committed together, and only then their effects go out and
//! then the answers: persist, then route, then answer. When the commit fails, the commands are taken back, and everything
//! else goes on. Nothing else writes to the model, so there is no lock.
//!
//! Who waits for whom: the core waits for the media plane to take orders, and for the store for as long as
//! [`storage`](crate::storage) says; the media plane waits for nobody. Device tasks wait for the core; the core never waits
//! for a device task.

use std::time::{Duration, Instant};

use crosspoint_ids::Timestamp;
use crosspoint_media::{Crosspoint, Order};
use crosspoint_model::{Change, Departure, Effect, Event, Happening, Model, Refusal, Reply, Report};
use crosspoint_store::{DeliveryRecord, Records, Write};
use tokio::sync::{mpsc, oneshot, watch};

use crate::admission::Admission;
use crate::callbacks::Callbacks;
use crate::clock::Clock;
use crate::device_records::DeviceRecords;
use crate::devices::Devices;
use crate::event_log::EventLog;
use crate::handle::{CoreHandle, Execute, Request};
use crate::storage::{CommitFailure, FailureOutcome, Storage};

/// The most requests of one batch, so that the first of them does not wait long.
const BATCH_MAX: usize = 256;
/// When to try again to write what is pending.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// The owner of the model.
pub(crate) struct Core {
    model: Model,
    storage: Storage,
    devices: Devices,
    device_records: DeviceRecords,
    event_log: EventLog,
    callbacks: Callbacks,
    orders: mpsc::Sender<Order>,
    requests: mpsc::Receiver<Request>,
    clock: Clock,
}

/// The media plane is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media plane ended")]
pub(crate) struct MediaPlaneEnded;

/// A command that was applied, and who waits for the answer.
type Applied = (oneshot::Sender<Result<Reply, Refusal>>, Result<Reply, Refusal>);

impl Core {
    /// Puts stored records into the model.
    pub(crate) fn new(
        mut model: Model,
        storage: Storage,
        records: Records,
        callbacks: Callbacks,
        orders: mpsc::Sender<Order>,
        clock: Clock,
    ) -> (Self, CoreHandle) {
        for record in records.sessions {
            model.restore_session(record);
        }
        for record in records.participants {
            model.restore_participant(record);
        }
        for record in records.idempotency {
            model.restore_idempotency(record);
        }
        let (handle, requests) = CoreHandle::new();
        let devices = Devices::new(orders.clone(), handle.clone(), clock);
        let device_records = DeviceRecords::new(records.devices);
        let event_log = EventLog::new(clock.now());
        let core =
            Self { model, storage, devices, device_records, event_log, callbacks, orders, requests, clock };
        (core, handle)
    }

    /// Works until `stop` turns true, then closes every device's socket.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), MediaPlaneEnded> {
        self.restore_devices().await?;
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let wake_at = self.wake_at();
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                _ = self.requests.recv_many(&mut batch, BATCH_MAX) => {}
                finished = self.callbacks.finished() => self.forget_deliveries(finished),
                () = sleep_until(wake_at) => {}
            }
            self.turn(&mut batch).await?;
        }
        // Whoever waits to tell the core something must not wait for ever while the core waits for them.
        self.requests.close();
        self.devices.stop_all().await;
        for id in self.callbacks.stop().await {
            self.storage.write_later(Write::DeleteDelivery(id));
        }
        // What can't be written now is delivered once more by the next process.
        let _ = self.storage.commit(Vec::new()).await;
        Ok(())
    }

    fn forget_deliveries(&mut self, finished: Vec<u64>) {
        for id in finished {
            self.storage.write_later(Write::DeleteDelivery(id));
        }
    }

    /// Waits for the devices that were there when the server ended: their clients come back by themselves.
    async fn restore_devices(&mut self) -> Result<(), MediaPlaneEnded> {
        let mut gone = Vec::new();
        for record in self.device_records.iter() {
            let Some(publish_permissions) = self.model.publish_permissions(record.participant) else {
                gone.push(record.participant);
                continue;
            };
            if let Some(opened) = self.devices.restore(record, publish_permissions) {
                self.model.restore_device(opened.participant, opened.device, opened.shown_as);
                self.orders.send(opened.order).await.map_err(|_| MediaPlaneEnded)?;
                self.devices.launch(opened.launch);
            }
        }
        for participant in gone {
            let write = self.device_records.forget(participant);
            write.into_iter().for_each(|write| self.storage.write_later(write));
        }
        Ok(())
    }

    fn wake_at(&self) -> Option<Instant> {
        let model = self.model.poll_timeout().map(|at| self.clock.instant(at));
        let write_again = self.storage.has_pending().then(|| Instant::now() + WRITE_AGAIN);
        model.into_iter().chain(write_again).min()
    }

    async fn turn(&mut self, batch: &mut Vec<Request>) -> Result<(), MediaPlaneEnded> {
        let now = self.clock.now();
        self.model.handle_timeout(now);
        let (mut commands, mut queries, mut layouts) = (Vec::new(), Vec::new(), Vec::new());
        for request in batch.drain(..) {
            match request {
                Request::Report(report) => self.take_report(now, report).await?,
                Request::Admit(admission) => self.admit(now, *admission).await?,
                Request::SetLines { participant, device, lines, done } => {
                    let write = self.device_records.set_lines(participant, device, lines);
                    write.into_iter().for_each(|write| self.storage.write_later(write));
                    layouts.push(done);
                }
                Request::Execute(execute) => commands.push(execute),
                Request::Ask(query, reply) => queries.push((query, reply)),
                Request::Listen { account, after, reply } => {
                    // Whoever asked may have stopped waiting.
                    let _ = reply.send(self.event_log.listen(account, after));
                }
                Request::Count(reply) => {
                    let _ = reply.send(self.devices.count());
                }
            }
        }
        let mut deliveries = self.let_happen(now).await?;
        let (answers, caused) = self.execute(now, commands).await;
        self.carry_out_effects().await?;
        deliveries.extend(caused);
        self.callbacks.deliver(deliveries).await;
        for (reply, result) in answers {
            // Whoever asked may have stopped waiting; the change stands.
            let _ = reply.send(result);
        }
        for (query, reply) in queries {
            let _ = reply.send(self.model.query(query));
        }
        for done in layouts {
            let _ = done.send(());
        }
        Ok(())
    }

    /// Carries out what is so whether it can be written or not; the writes go with the next commit. The callbacks that
    /// it causes.
    async fn let_happen(&mut self, now: Timestamp) -> Result<Vec<DeliveryRecord>, MediaPlaneEnded> {
        let mut deliveries = Vec::new();
        while let Some(change) = self.model.poll_change() {
            self.storage.write_later(Write::Model(change));
        }
        while let Some(event) = self.model.poll_event() {
            deliveries.extend(self.callbacks.record(now, &event));
            self.tell(now, event);
        }
        for delivery in &deliveries {
            self.storage.write_later(Write::PutDelivery(delivery.clone()));
        }
        self.carry_out_effects().await?;
        Ok(deliveries)
    }

    /// Applies commands and makes them durable, or takes them back. The answers, and the callbacks that they cause.
    async fn execute(
        &mut self,
        now: Timestamp,
        commands: Vec<Execute>,
    ) -> (Vec<Applied>, Vec<DeliveryRecord>) {
        let mut applied: Vec<Applied> = Vec::with_capacity(commands.len());
        for Execute { command, idempotency, reply } in commands {
            let result = match idempotency {
                Some(idempotency) => self.model.apply_once(now, idempotency, command),
                None => self.model.apply(now, command),
            };
            applied.push((reply, result));
        }
        let changes: Vec<Change> = std::iter::from_fn(|| self.model.poll_change()).collect();
        let events: Vec<Event> = std::iter::from_fn(|| self.model.poll_event()).collect();
        let deliveries: Vec<DeliveryRecord> =
            events.iter().filter_map(|event| self.callbacks.record(now, event)).collect();
        let batch = changes.iter().cloned().map(Write::Model);
        let batch = batch.chain(deliveries.iter().cloned().map(Write::PutDelivery)).collect();
        match self.storage.commit(batch).await {
            Ok(()) => {}
            // Nothing but what was pending could not be written: it stays pending.
            Err(_) if changes.is_empty() => {}
            Err(failure) => {
                self.take_back(failure, &changes, &deliveries);
                for (_, result) in &mut applied {
                    *result = Err(failure.refusal.into());
                }
                return (applied, Vec::new());
            }
        }
        self.model.keep();
        for event in events {
            self.tell(now, event);
        }
        (applied, deliveries)
    }

    fn take_back(&mut self, failure: CommitFailure, changes: &[Change], deliveries: &[DeliveryRecord]) {
        self.model.take_back();
        if failure.outcome == FailureOutcome::InDoubt {
            for change in changes {
                self.storage.write_later(Write::Model(self.model.as_it_is(change)));
            }
            for delivery in deliveries {
                self.storage.write_later(Write::DeleteDelivery(delivery.id));
            }
        }
    }

    /// Tells listeners of an event, and forgets the device of a participant that has ended.
    fn tell(&mut self, now: Timestamp, event: Event) {
        if let Happening::ParticipantEnded { participant, .. } = &event.happening {
            let write = self.device_records.forget(*participant);
            write.into_iter().for_each(|write| self.storage.write_later(write));
        }
        self.event_log.tell(now, event);
    }

    async fn take_report(&mut self, now: Timestamp, report: Report) -> Result<(), MediaPlaneEnded> {
        if let Report::DeviceGone { device, departure } = &report {
            let (device, departure) = (*device, *departure);
            if let Some(participant) = self.devices.forget(device) {
                let write = match departure {
                    Departure::Lost => self.device_records.lose(participant, device),
                    Departure::Left => self.device_records.remove(participant, device),
                };
                write.into_iter().for_each(|write| self.storage.write_later(write));
            }
            self.order(Order::CloseDevice { device }).await?;
        }
        self.model.report(now, report);
        Ok(())
    }

    async fn admit(&mut self, now: Timestamp, admission: Admission) -> Result<(), MediaPlaneEnded> {
        let lines = self.device_records.lines(admission.participant, admission.unique_id.as_deref());
        let Some(opened) = self.devices.admit(admission, lines) else {
            return Ok(());
        };
        let write =
            self.device_records.connect(opened.participant, opened.device, opened.unique_id.as_deref());
        self.storage.write_later(write);
        self.order(opened.order).await?;
        let report = Report::DeviceConnected {
            participant: opened.participant,
            device: opened.device,
            shown_as: opened.shown_as,
        };
        self.model.report(now, report);
        self.devices.launch(opened.launch);
        Ok(())
    }

    async fn carry_out_effects(&mut self) -> Result<(), MediaPlaneEnded> {
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
                    if let Some(participant) = self.devices.close(device, reason) {
                        let write = self.device_records.remove(participant, device);
                        write.into_iter().for_each(|write| self.storage.write_later(write));
                    }
                    self.order(Order::CloseDevice { device }).await?;
                }
            }
        }
        Ok(())
    }

    async fn order(&self, order: Order) -> Result<(), MediaPlaneEnded> {
        self.orders.send(order).await.map_err(|_| MediaPlaneEnded)
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
