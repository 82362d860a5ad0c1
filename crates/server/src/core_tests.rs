//! The core with a store that fails and hangs on command.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crosspoint_ids::{AccountId, SessionId, TokenId};
use crosspoint_model::{Command, Limits, MediaTypes, PageRequest, Query};
use crosspoint_store::{MemoryStore, Store, StoreError};
use uuid::Uuid;

use super::*;
use crate::storage::StoreHealth;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Works,
    Full,
    /// Fails, and does not say that it has written all the same.
    Lies,
    Hangs,
}

/// The switch of a store, and what it holds.
#[derive(Clone)]
struct Switch(Arc<(Mutex<(Mood, MemoryStore)>, Condvar)>);

impl Switch {
    fn set(&self, mood: Mood) {
        let (state, changed) = &*self.0;
        state.lock().unwrap().0 = mood;
        changed.notify_all();
    }

    fn stored_sessions(&self) -> HashSet<SessionId> {
        let (state, _) = &*self.0;
        let records = state.lock().unwrap().1.load().unwrap();
        records.sessions.iter().map(|record| record.id).collect()
    }
}

impl Store for Switch {
    fn load(&mut self) -> Result<Records, StoreError> {
        Ok(Records::default())
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        let (state, changed) = &*self.0;
        let mut state = changed.wait_while(state.lock().unwrap(), |(mood, _)| *mood == Mood::Hangs).unwrap();
        match state.0 {
            Mood::Full => Err(StoreError::Full { reason: "no room".into() }),
            Mood::Lies => {
                state.1.commit(writes).unwrap();
                Err(StoreError::Failed { reason: "who knows".into() })
            }
            Mood::Works | Mood::Hangs => state.1.commit(writes),
        }
    }
}

struct Running {
    switch: Switch,
    core: CoreHandle,
    health: watch::Receiver<StoreHealth>,
    /// Keeps the media plane's end open.
    _orders: mpsc::Receiver<Order>,
    stop: watch::Sender<bool>,
}

fn account() -> AccountId {
    "1".parse().unwrap()
}

impl Running {
    fn start() -> Self {
        let switch = Switch(Arc::new((Mutex::new((Mood::Works, MemoryStore::default())), Condvar::new())));
        let limits = Limits {
            session_participants_max: 20,
            account_sessions_max: 100,
            account_participants_max: 100,
            account_idempotency_keys_max: 100,
            lifetime: Duration::from_secs(3_600),
        };
        let (storage, health) = Storage::start(switch.clone()).unwrap();
        let callbacks = Callbacks::start(Default::default(), HashSet::new(), Vec::new()).unwrap();
        let (orders, queue) = mpsc::channel(64);
        let model = Model::new(limits);
        let (core, handle) = Core::new(model, storage, Records::default(), callbacks, orders, Clock::start());
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(core.run(stopped));
        Self { switch, core: handle, health, _orders: queue, stop }
    }

    async fn create(&self, number: u128) -> Result<Reply, Refusal> {
        use crosspoint_http::Control;
        let session = SessionId::new(Uuid::from_u128(number));
        Control::execute(&self.core, Command::CreateSession { account: account(), session, tag: None }).await
    }

    async fn sessions(&self) -> HashSet<SessionId> {
        let page = PageRequest { limit: 100, before: None };
        let Ok(Reply::Sessions(page)) = self.core.ask(Query::Sessions { account: account(), page }).await
        else {
            panic!("no page");
        };
        page.items.iter().map(|session| session.record.id).collect()
    }
}

#[tokio::test]
async fn a_full_disk_refuses_changes_serves_reads_and_heals() {
    let running = Running::start();
    running.create(1).await.unwrap();
    running.switch.set(Mood::Full);
    assert_eq!(running.create(2).await, Err(Refusal::StorageFull));
    assert_eq!(*running.health.borrow(), StoreHealth::Fails);
    assert_eq!(running.sessions().await.len(), 1, "what was refused is not there");
    running.switch.set(Mood::Works);
    running.create(3).await.unwrap();
    assert_eq!(*running.health.borrow(), StoreHealth::Works);
    assert_eq!(running.sessions().await, running.switch.stored_sessions());
}

#[tokio::test]
async fn what_was_refused_does_not_stay_even_if_it_was_written() {
    let running = Running::start();
    running.create(1).await.unwrap();
    running.switch.set(Mood::Lies);
    assert_eq!(running.create(2).await, Err(Refusal::Unavailable));
    assert_eq!(running.switch.stored_sessions().len(), 2, "the store has it");
    running.switch.set(Mood::Works);
    running.create(3).await.unwrap();
    assert_eq!(running.switch.stored_sessions(), running.sessions().await);
}

#[tokio::test]
async fn a_store_that_hangs_holds_up_nobody_for_long() {
    let running = Running::start();
    running.create(1).await.unwrap();
    running.switch.set(Mood::Hangs);
    let waiting = running.create(2);
    assert_eq!(waiting.await, Err(Refusal::Unavailable), "after the time that a commit may take");
    let second = tokio::time::timeout(Duration::from_secs(1), running.create(3)).await;
    assert_eq!(second, Ok(Err(Refusal::Unavailable)), "at once, while it still hangs");
    assert_eq!(running.sessions().await.len(), 1);
    running.switch.set(Mood::Works);
    let works_again = async {
        let mut number = 4;
        while running.create(number).await.is_err() {
            number += 1;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), works_again).await.expect("the store works again");
    assert_eq!(running.switch.stored_sessions(), running.sessions().await, "the late commit was made up for");
}

#[tokio::test]
async fn what_could_not_be_written_is_written_before_the_end() {
    let running = Running::start();
    running.switch.set(Mood::Lies);
    assert_eq!(running.create(1).await, Err(Refusal::Unavailable));
    running.switch.set(Mood::Works);
    running.stop.send_replace(true);
    let amended = async {
        while !running.switch.stored_sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), amended).await.expect("the refused session is removed");
}

#[tokio::test]
async fn a_participant_that_was_not_durable_has_no_device() {
    use crosspoint_http::Control;
    let running = Running::start();
    running.switch.set(Mood::Full);
    let participant = crosspoint_ids::ParticipantId::new(Uuid::from_u128(7));
    let create = Command::CreateParticipant {
        account: account(),
        participant,
        token: TokenId::new(Uuid::from_u128(8)),
        tag: None,
        callback_url: None,
        publish_permissions: MediaTypes::NONE,
    };
    assert_eq!(Control::execute(&running.core, create).await, Err(Refusal::StorageFull));
    let asked = running.core.ask(Query::Participant { account: account(), participant }).await;
    assert_eq!(asked, Err(Refusal::NoSuchParticipant(participant)));
}
