//! A run of the task, as the server does it.

use std::time::Duration;

use crosspoint_ids::{ParticipantId, Timestamp};
use crosspoint_webhooks::{AddressPolicy, Config, Counts, Delivery, Finished, Limits, Outcome, Webhooks};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::receiver::within;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const ACCOUNT: &str = "9900000";

pub(crate) struct Run {
    pub(crate) webhooks: Webhooks,
    pub(crate) finished: mpsc::Receiver<Finished>,
}

/// Loopback is allowed, waits are short, attempts may take long.
pub(crate) fn config() -> Config {
    let backoff = Duration::from_millis(1);
    Config {
        secrets: [(ACCOUNT.parse().unwrap(), vec![SECRET.parse().unwrap()])].into(),
        addresses: AddressPolicy::PrivateAllowed,
        limits: Limits { backoff_first: backoff, backoff_max: backoff, ..Limits::default() },
        timeout: Duration::from_secs(60),
    }
}

/// A delivery with this id about this participant, made now.
pub(crate) fn delivery(id: u64, participant: u128, url: &str) -> Delivery {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Delivery {
        id,
        account: ACCOUNT.parse().unwrap(),
        participant: ParticipantId::new(Uuid::from_u128(participant)),
        url: url.to_owned(),
        message_id: Uuid::from_u128(u128::from(id)),
        body: format!(r#"{{"number":{id}}}"#),
        created_at: Timestamp::from_millis(now.as_millis().try_into().unwrap()),
    }
}

impl Run {
    pub(crate) fn start(config: Config) -> Self {
        Self::restore(config, Vec::new())
    }

    pub(crate) fn restore(config: Config, restored: Vec<Delivery>) -> Self {
        let (webhooks, finished) = Webhooks::start(config, restored).unwrap();
        Self { webhooks, finished }
    }

    pub(crate) async fn send(&self, delivery: Delivery) {
        within(self.webhooks.deliveries().send(delivery)).await.unwrap();
    }

    /// The next delivery that is finished, and how.
    pub(crate) async fn finished(&mut self) -> (u64, Outcome) {
        let finished = within(self.finished.recv()).await.unwrap();
        (finished.id, finished.outcome)
    }

    /// Runs the task until so many attempts have failed.
    pub(crate) async fn failures(&self, count: u64) -> Counts {
        within(async {
            while self.webhooks.counts().retried < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
        self.webhooks.counts()
    }
}
