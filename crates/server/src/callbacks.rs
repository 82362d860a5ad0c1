//! From events to callbacks: which event makes one, and the durable queue's part that is not the store's.
//!
//! A callback becomes a record, is committed with what made it happen, and is then handed over for delivery. When the
//! delivery is finished, its record is deleted.

use std::collections::HashSet;

use crosspoint_ids::{AccountId, Timestamp};
use crosspoint_model::{DeviceSubject, Event, Happening, StreamView};
use crosspoint_store::DeliveryRecord;
use crosspoint_webhooks::{
    Callback, CallbackEvent, CallbackStream, Config, Delivery, Finished, StartError, Webhooks,
};
use tokio::sync::mpsc;
use uuid::Uuid;

/// The most deliveries whose end is taken in at once.
const FINISHED_BATCH_MAX: usize = 256;

/// The way of callbacks out of the core and back.
#[derive(Debug)]
pub(crate) struct Callbacks {
    webhooks: Webhooks,
    deliveries: mpsc::Sender<Delivery>,
    finished: mpsc::Receiver<Finished>,
    id_next: u64,
    /// Accounts that hear of streams, too.
    stream_accounts: HashSet<AccountId>,
}

impl Callbacks {
    /// Starts the delivery with what was not delivered before.
    pub(crate) fn start(
        config: Config,
        stream_accounts: HashSet<AccountId>,
        restored: Vec<DeliveryRecord>,
    ) -> Result<Self, StartError> {
        let id_next = restored.iter().map(|record| record.id + 1).max().unwrap_or(1);
        let (webhooks, finished) = Webhooks::start(config, restored.into_iter().map(delivery).collect())?;
        let deliveries = webhooks.deliveries();
        Ok(Self { webhooks, deliveries, finished, id_next, stream_accounts })
    }

    /// The callback that an event makes, if its participant has a URL for it and its account wants it.
    pub(crate) fn record(&mut self, now: Timestamp, event: &Event) -> Option<DeliveryRecord> {
        let (subject, callback_event) = callback_event(&event.happening)?;
        let is_about_stream =
            matches!(callback_event, CallbackEvent::StreamPublished(_) | CallbackEvent::StreamUnpublished(_));
        if is_about_stream && !self.stream_accounts.contains(&event.account) {
            return None;
        }
        let url = subject.callback_url.as_ref()?.as_str().to_owned();
        let device = subject.device.to_string();
        let body = Callback {
            event: callback_event,
            happened_at: now,
            participant: subject.participant,
            device: &device,
            tag: subject.tag.as_ref().map(|tag| tag.as_str()),
        };
        let id = self.id_next;
        self.id_next += 1;
        Some(DeliveryRecord {
            id,
            account: event.account.clone(),
            participant: subject.participant,
            url,
            message_id: Uuid::new_v4(),
            body: body.to_json(),
            created_at: now,
        })
    }

    /// Hands over what is durable, or can't be made durable for now.
    pub(crate) async fn deliver(&self, records: Vec<DeliveryRecord>) {
        for record in records {
            // The task is only gone when the server is stopping; then the next one delivers.
            let _ = self.deliveries.send(delivery(record)).await;
        }
    }

    /// The ids of deliveries that are over; waits for one at least.
    pub(crate) async fn finished(&mut self) -> Vec<u64> {
        let mut finished = Vec::new();
        if self.finished.recv_many(&mut finished, FINISHED_BATCH_MAX).await == 0 {
            // The task has ended: there is nothing to wait for any more.
            std::future::pending::<()>().await;
        }
        finished.iter().map(|finished| finished.id).collect()
    }

    /// Ends the delivery, after a moment for what is on its way. The ids of deliveries that are over.
    pub(crate) async fn stop(self) -> Vec<u64> {
        let Self { webhooks, deliveries, mut finished, .. } = self;
        drop(deliveries);
        let gathered = async {
            let mut ids = Vec::new();
            while let Some(finished) = finished.recv().await {
                ids.push(finished.id);
            }
            ids
        };
        let ((), ids) = tokio::join!(webhooks.stop(), gathered);
        ids
    }
}

fn delivery(record: DeliveryRecord) -> Delivery {
    let DeliveryRecord { id, account, participant, url, message_id, body, created_at } = record;
    Delivery { id, account, participant, url, message_id, body, created_at }
}

fn callback_event(happening: &Happening) -> Option<(&DeviceSubject, CallbackEvent<'_>)> {
    match happening {
        Happening::DeviceConnected(subject) => Some((subject, CallbackEvent::Connect)),
        Happening::DeviceLeft(subject) => Some((subject, CallbackEvent::Leave)),
        Happening::DeviceDisconnected(subject) => Some((subject, CallbackEvent::Disconnect)),
        Happening::StreamPublished(subject, view) => {
            Some((subject, CallbackEvent::StreamPublished(stream(view))))
        }
        Happening::StreamUnpublished(subject, view) => {
            Some((subject, CallbackEvent::StreamUnpublished(stream(view))))
        }
        Happening::SessionCreated { .. }
        | Happening::SessionEnded { .. }
        | Happening::ParticipantCreated { .. }
        | Happening::ParticipantEnded { .. }
        | Happening::ParticipantAdded { .. }
        | Happening::ParticipantRemoved { .. }
        | Happening::SubscriptionsChanged { .. } => None,
    }
}

fn stream(view: &StreamView) -> CallbackStream<'_> {
    CallbackStream {
        id: view.id,
        alias: view.alias.as_ref().map(|alias| alias.as_str()),
        media_types: view.media_types,
    }
}
