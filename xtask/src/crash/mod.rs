//! Kills the server with SIGKILL under load, again and again, and compares what is there with what it acknowledged.
//!
//! What was acknowledged is there, what was refused or deleted is not, a request without an answer is carried out wholly
//! or not at all, tokens work or don't as before, and the same idempotency key brings the same answer. All rounds are
//! played on one data directory.

mod state;
mod writer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value;
use state::State;
use writer::Writer;

use crate::arguments;
use crate::http::Client;
use crate::run::Failure;
use crate::server::{self, Server};

const ROUNDS: u64 = 100;
/// Enough to meet the usual mistakes, in less than a minute.
const ROUNDS_BRIEFLY: u64 = 15;
const WRITERS: usize = 24;
/// When the kill comes, after the load began.
const LOAD: std::ops::Range<u64> = 20..900;
/// One round in so many begins with kills of servers that are starting.
const STARTS_KILLED_EVERY: u64 = 3;

/// `cargo xtask crash`
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    arguments::only(words, &["--rounds", "--seed"])?;
    let rounds = arguments::number(words, "--rounds")?.unwrap_or(ROUNDS);
    let seed = arguments::number(words, "--seed")?.unwrap_or_else(|| fastrand::u64(..));
    rounds_of(rounds, seed)
}

/// A few rounds, for `cargo xtask test`.
pub(crate) fn run_briefly() -> Result<(), Failure> {
    rounds_of(ROUNDS_BRIEFLY, fastrand::u64(..))
}

fn rounds_of(rounds: u64, seed: u64) -> Result<(), Failure> {
    println!("xtask: {rounds} crashes, --seed {seed} …");
    let directory = tempfile::Builder::new().prefix("crosspoint-crash-").tempdir();
    let directory = directory.map_err(|error| Failure(format!("no temporary directory: {error}")))?;
    let outcome = Crashes::new(directory.path().join("data"), seed).and_then(|crashes| crashes.play(rounds));
    outcome.map_err(|Failure(what)| {
        let kept = directory.keep();
        Failure(format!("--seed {seed}, data kept in {}: {what}", kept.display()))
    })
}

struct Crashes {
    binary: PathBuf,
    data_dir: PathBuf,
    rng: Rng,
    writers: Vec<Writer>,
    starts_killed: u64,
    /// How long it took from the start of the process until it was ready, at its slowest.
    start_slowest: Duration,
}

impl Crashes {
    fn new(data_dir: PathBuf, seed: u64) -> Result<Self, Failure> {
        let mut rng = Rng::with_seed(seed);
        let writers = (0..WRITERS).map(|number| Writer::new(number, rng.u64(..))).collect();
        let start_slowest = Duration::from_millis(50);
        Ok(Self { binary: server::binary()?, data_dir, rng, writers, starts_killed: 0, start_slowest })
    }

    fn play(mut self, rounds: u64) -> Result<(), Failure> {
        let started = Instant::now();
        for round in 1..=rounds {
            self.round().map_err(|Failure(what)| Failure(format!("round {round}: {what}")))?;
            if round % 50 == 0 {
                println!("xtask: {round} crashes survived, {} requests acknowledged", self.acknowledged());
            }
        }
        let server = self.start()?;
        self.check(server.address)?;
        server.stop()?;
        println!(
            "xtask: {rounds} crashes under load and {} while starting: nothing lost of {} acknowledged requests, slowest \
             start {} ms, {} s",
            self.starts_killed,
            self.acknowledged(),
            self.start_slowest.as_millis(),
            started.elapsed().as_secs()
        );
        Ok(())
    }

    fn acknowledged(&self) -> usize {
        self.writers.iter().map(|writer| writer.acknowledged).sum()
    }

    fn round(&mut self) -> Result<(), Failure> {
        if self.rng.u64(..STARTS_KILLED_EVERY) == 0 {
            self.kill_starts()?;
        }
        let server = self.start()?;
        self.check(server.address)?;
        let address = server.address;
        let pause = Duration::from_millis(self.rng.u64(LOAD));
        thread::scope(|scope| {
            let writers: Vec<_> =
                self.writers.iter_mut().map(|writer| scope.spawn(move || writer.write(address))).collect();
            thread::sleep(pause);
            server.kill()?;
            writers.into_iter().try_for_each(|writer| joined(writer.join()))
        })
    }

    fn start(&mut self) -> Result<Server, Failure> {
        let begun = Instant::now();
        let server = Server::start(&self.binary, &self.data_dir)?;
        self.start_slowest = self.start_slowest.max(begun.elapsed());
        Ok(server)
    }

    /// Kills servers before or just when they get ready.
    fn kill_starts(&mut self) -> Result<(), Failure> {
        for _ in 0..self.rng.u64(1..4) {
            let mut process = server::spawn(&self.binary, &self.data_dir)?;
            let longest = u64::try_from(self.start_slowest.as_micros()).unwrap_or(u64::MAX);
            thread::sleep(Duration::from_micros(self.rng.u64(..longest)));
            let ended = process.kill().and_then(|()| process.wait());
            ended.map_err(|error| Failure(format!("the server can't be killed: {error}")))?;
            self.starts_killed += 1;
        }
        Ok(())
    }

    /// Compares everything that is there with what every writer knows.
    fn check(&mut self, server: SocketAddr) -> Result<(), Failure> {
        let mut found = self.read(server)?;
        thread::scope(|scope| {
            let mut checks = Vec::new();
            for writer in &mut self.writers {
                let mine = found.remove(&writer.prefix()).unwrap_or_default();
                checks.push(scope.spawn(move || writer.check(server, mine)));
            }
            checks.into_iter().try_for_each(|check| joined(check.join()))
        })?;
        match found.into_iter().next() {
            Some((prefix, state)) => Err(Failure(format!("nobody made what is tagged {prefix}: {state:?}"))),
            None => Ok(()),
        }
    }

    /// What is there, by writer.
    fn read(&self, server: SocketAddr) -> Result<BTreeMap<String, State>, Failure> {
        let failed = |error| Failure(format!("the restarted server can't be read: {error}"));
        let mut client = Client::connect(server).map_err(failed)?;
        let mut states: BTreeMap<String, State> = BTreeMap::new();
        for entry in client.list("/sessions").map_err(failed)? {
            states.entry(prefix(&entry)).or_default().read_session(&entry)?;
        }
        for entry in client.list("/participants").map_err(failed)? {
            states.entry(prefix(&entry)).or_default().read_participant(&entry)?;
        }
        Ok(states)
    }
}

/// Whose an entry is.
fn prefix(entry: &Value) -> String {
    let tag = entry["tag"].as_str().unwrap_or_default();
    tag.split_once('.').map_or_else(|| tag.to_owned(), |(writer, _)| format!("{writer}."))
}

fn joined(outcome: thread::Result<Result<(), Failure>>) -> Result<(), Failure> {
    outcome.unwrap_or_else(|_| Err(Failure("a writer panicked".into())))
}
