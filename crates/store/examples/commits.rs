//! Measures durable writes: `cargo run --release -p crosspoint-store --example commits [-- DIRECTORY]`.
//!
//! Writers wait for their own write, as requests do; one thread gathers what waits and commits it at once.

#![expect(clippy::unwrap_used, reason = "a measurement may fail")]

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crosspoint_ids::{SessionId, Timestamp};
use crosspoint_model::{Change, SessionRecord};
use crosspoint_store::{EmbeddedStore, Store, Write};
use uuid::Uuid;

const WRITERS: usize = 64;
const TIME: Duration = Duration::from_secs(5);

struct Request {
    write: Write,
    done: SyncSender<()>,
}

fn main() {
    let directory = std::env::args_os()
        .nth(1)
        .map_or_else(|| std::env::temp_dir().join("crosspoint-commits"), PathBuf::from);
    let mut store = EmbeddedStore::open(&directory, [0; 32]).unwrap();
    let (requests, inbox) = sync_channel(WRITERS);
    let end = Instant::now() + TIME;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let requests = requests.clone();
            thread::spawn(move || write(writer, &requests, end))
        })
        .collect();
    drop(requests);
    let commits = group(&mut store, &inbox);
    let writes: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    let seconds = TIME.as_secs();
    println!("{WRITERS} writers: {} commits/s, {} durable writes/s", commits / seconds, writes / seconds);
    drop(store);
    let started = Instant::now();
    let records = EmbeddedStore::open(&directory, [0; 32]).unwrap().load().unwrap();
    println!("opened, checked and loaded {} sessions in {:?}", records.sessions.len(), started.elapsed());
    std::fs::remove_dir_all(&directory).unwrap();
}

/// Commits what waits until nobody is left; says how often.
fn group(store: &mut EmbeddedStore, inbox: &Receiver<Request>) -> u64 {
    let mut commits = 0;
    while let Ok(first) = inbox.recv() {
        let (writes, waiting): (Vec<_>, Vec<_>) = std::iter::once(first)
            .chain(inbox.try_iter())
            .map(|request| (request.write, request.done))
            .unzip();
        store.commit(&writes).unwrap();
        commits += 1;
        for done in waiting {
            done.send(()).unwrap();
        }
    }
    commits
}

/// Writes sessions, one after the other; says how many.
fn write(writer: usize, requests: &SyncSender<Request>, end: Instant) -> u64 {
    let (done, acknowledged) = sync_channel(1);
    let mut count = 0;
    while Instant::now() < end {
        let record = SessionRecord {
            account: "9900000".parse().unwrap(),
            id: SessionId::new(Uuid::from_u64_pair(writer as u64, count % 500)),
            tag: None,
            sequence: count,
            created_at: Timestamp::default(),
            expires_at: Timestamp::default(),
        };
        let write = Write::Model(Change::PutSession(record));
        requests.send(Request { write, done: done.clone() }).unwrap();
        acknowledged.recv().unwrap();
        count += 1;
    }
    count
}
