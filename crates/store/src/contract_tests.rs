//! What every store promises, tried on each.

use crosspoint_model::{Change, Outcome};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::samples::{
    account, bare_participant, batches, delivery, device, full_participant, idempotency, idempotency_key,
    participant_id, session, session_id, sorted,
};
use crate::{EmbeddedStore, MemoryStore, Presence, Records, Store, Write};

/// A store with whatever must outlive it.
trait Subject {
    type Store: Store;
    fn new() -> Self;
    fn store(&mut self) -> &mut Self::Store;
}

struct Memory(MemoryStore);

impl Subject for Memory {
    type Store = MemoryStore;

    fn new() -> Self {
        Self(MemoryStore::default())
    }

    fn store(&mut self) -> &mut MemoryStore {
        &mut self.0
    }
}

struct Embedded {
    store: Option<EmbeddedStore>,
    directory: TempDir,
}

impl Subject for Embedded {
    type Store = EmbeddedStore;

    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let store = EmbeddedStore::open(directory.path(), [1; 32]).unwrap();
        Self { store: Some(store), directory }
    }

    fn store(&mut self) -> &mut EmbeddedStore {
        self.store.as_mut().unwrap()
    }
}

impl Embedded {
    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(EmbeddedStore::open(self.directory.path(), [2; 32]).unwrap());
    }
}

fn put(change: Change) -> Write {
    Write::Model(change)
}

fn what_was_committed_is_loaded_in_order<S: Subject>() {
    let mut subject = S::new();
    assert_eq!(subject.store().load().unwrap(), Records::default());
    // Ids, sequences and the order of writing disagree.
    subject
        .store()
        .commit(&[
            put(Change::PutSession(session(1, 300))),
            put(Change::PutSession(session(2, 2))),
            put(Change::PutParticipant(full_participant(1, 400))),
            put(Change::PutParticipant(bare_participant(2, 4))),
            Write::PutDelivery(delivery(256, 10)),
            Write::PutDelivery(delivery(2, 10)),
            Write::PutDelivery(delivery(255, 10)),
        ])
        .unwrap();
    let records = subject.store().load().unwrap();
    assert_eq!(records.sessions, [session(2, 2), session(1, 300)]);
    assert_eq!(records.participants, [bare_participant(2, 4), full_participant(1, 400)]);
    assert_eq!(records.deliveries, [delivery(2, 10), delivery(255, 10), delivery(256, 10)]);
}

fn a_record_is_replaced_and_deleted<S: Subject>() {
    let mut subject = S::new();
    let outcome = || Outcome::Participant(Box::new(full_participant(1, 1)));
    let first = [
        put(Change::PutSession(session(1, 1))),
        put(Change::PutParticipant(bare_participant(1, 1))),
        put(Change::PutIdempotency(idempotency(1, Outcome::Session(session(1, 1))))),
        Write::PutDevice(device(1, Presence::Here)),
        Write::PutDelivery(delivery(1, 1)),
    ];
    let second = [
        put(Change::PutSession(session(1, 2))),
        put(Change::PutParticipant(full_participant(1, 2))),
        put(Change::PutIdempotency(idempotency(1, outcome()))),
        Write::PutDevice(device(1, Presence::Gone)),
        Write::PutDelivery(delivery(1, 2)),
    ];
    subject.store().commit(&first).unwrap();
    subject.store().commit(&second).unwrap();
    let replaced = Records {
        sessions: vec![session(1, 2)],
        participants: vec![full_participant(1, 2)],
        idempotency: vec![idempotency(1, outcome())],
        devices: vec![device(1, Presence::Gone)],
        deliveries: vec![delivery(1, 2)],
    };
    assert_eq!(subject.store().load().unwrap(), replaced);
    subject.store().commit(&delete_all(1)).unwrap();
    assert_eq!(subject.store().load().unwrap(), Records::default());
}

fn delete_all(number: u8) -> [Write; 5] {
    [
        put(Change::DeleteSession(session_id(number))),
        put(Change::DeleteParticipant(participant_id(number))),
        put(Change::DeleteIdempotency(account(), idempotency_key(number))),
        Write::DeleteDevice(participant_id(number)),
        Write::DeleteDelivery(number.into()),
    ]
}

fn deleting_what_is_absent_does_nothing<S: Subject>() {
    let mut subject = S::new();
    subject.store().commit(&[put(Change::PutSession(session(1, 1)))]).unwrap();
    subject.store().commit(&delete_all(7)).unwrap();
    subject.store().commit(&[]).unwrap();
    assert_eq!(subject.store().load().unwrap().sessions, [session(1, 1)]);
}

fn writes_of_a_batch_keep_their_order<S: Subject>() {
    let mut subject = S::new();
    subject.store().commit(&[put(Change::PutSession(session(1, 1)))]).unwrap();
    subject
        .store()
        .commit(&[
            put(Change::DeleteSession(session_id(1))),
            put(Change::PutSession(session(1, 5))),
            put(Change::PutSession(session(2, 6))),
            put(Change::DeleteSession(session_id(2))),
        ])
        .unwrap();
    assert_eq!(subject.store().load().unwrap().sessions, [session(1, 5)]);
}

fn keys_of_accounts_are_apart<S: Subject>() {
    let mut subject = S::new();
    let mine = idempotency(1, Outcome::Session(session(1, 1)));
    let mut theirs = mine.clone();
    theirs.account = "other".parse().unwrap();
    let writes = [mine.clone(), theirs.clone()].map(|record| put(Change::PutIdempotency(record)));
    subject.store().commit(&writes).unwrap();
    subject.store().commit(&[put(Change::DeleteIdempotency(mine.account, mine.key))]).unwrap();
    assert_eq!(subject.store().load().unwrap().idempotency, [theirs]);
}

macro_rules! for_each_store {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name::<super::Memory>(); })*
        }
        mod embedded {
            $(#[test] fn $name() { super::$name::<super::Embedded>(); })*
        }
    };
}

for_each_store!(
    what_was_committed_is_loaded_in_order,
    a_record_is_replaced_and_deleted,
    deleting_what_is_absent_does_nothing,
    writes_of_a_batch_keep_their_order,
    keys_of_accounts_are_apart,
);

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_embedded_store_does_what_the_one_in_memory_does(
        batches in batches(1..40),
        reopens in proptest::collection::vec(proptest::bool::weighted(0.15), 40),
    ) {
        let mut memory = MemoryStore::default();
        let mut embedded = Embedded::new();
        for (batch, reopen) in batches.iter().zip(reopens) {
            memory.commit(batch).unwrap();
            embedded.store().commit(batch).unwrap();
            if reopen {
                embedded.reopen();
                prop_assert_eq!(sorted(embedded.store().load().unwrap()), sorted(memory.load().unwrap()));
            }
        }
        prop_assert_eq!(sorted(embedded.store().load().unwrap()), sorted(memory.load().unwrap()));
    }
}
