//! A long time of joins, leaves and changes, during which the server's memory and descriptors must stay flat.
//!
//! Devices are simulated: WebSockets that publish and answer offers as the browser package does, without media. The server
//! makes both peer connections of each.

mod device;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use device::Device;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::arguments;
use crate::http::{Client, Request};
use crate::run::Failure;
use crate::server::{self, Server};

const MINUTES: u64 = 60;
const DEVICES: usize = 40;
const SESSION_SIZE: usize = 5;
/// How long a device stays.
const STAY_SECONDS: std::ops::Range<f64> = 2.0..20.0;
const CHANGE_EVERY: Duration = Duration::from_millis(100);
const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// An allocator keeps and splits what it once had. Half of the time lies between what is compared: in an hour, about 6,000
/// joins and 16,000 changes, so that a leak of 500 B in each join is found.
const MEMORY_TOLERANCE: f64 = 0.05;
const MEMORY_TOLERANCE_KIB: f64 = 2_048.0;
/// Devices come and go, so that the median moves by a few; every leak of one descriptor in a hundred joins passes it.
const DESCRIPTORS_TOLERANCE: f64 = 6.0;

/// What the process holds.
#[derive(Debug, Clone, Copy)]
struct Sample {
    resident_kib: f64,
    descriptors: f64,
}

/// What the threads of a soak share.
#[derive(Debug)]
struct Soak {
    server: SocketAddr,
    sessions: Vec<String>,
    joins: AtomicU64,
    changes: AtomicU64,
    ended: AtomicBool,
    /// The first thing that went wrong.
    failure: Mutex<Option<Failure>>,
}

/// `cargo xtask soak`
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    arguments::only(words, &["--minutes", "--seed"])?;
    let minutes = arguments::number(words, "--minutes")?.unwrap_or(MINUTES);
    let seed = arguments::number(words, "--seed")?.unwrap_or_else(|| fastrand::u64(..));
    println!("xtask: {minutes} minutes of joins, leaves and changes, --seed {seed} …");
    let directory = tempfile::Builder::new().prefix("crosspoint-soak-").tempdir();
    let directory = directory.map_err(|error| Failure(format!("no temporary directory: {error}")))?;
    let server = Server::start(&server::binary()?, &directory.path().join("data"))?;
    let soak = Soak::new(server.address)?;
    let samples = soak.run(server.pid(), Duration::from_secs(60 * minutes), &mut Rng::with_seed(seed))?;
    server.stop()?;
    verdict(&samples)
}

impl Soak {
    fn new(server: SocketAddr) -> Result<Self, Failure> {
        let mut client = Client::connect(server).map_err(unreachable)?;
        let count = DEVICES / SESSION_SIZE;
        let create = |_| call(&mut client, "POST", "/sessions".into(), None).map(|body| id(&body));
        let sessions = (0..count).map(create).collect::<Result<_, _>>()?;
        let (joins, changes) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self {
            server,
            sessions,
            joins,
            changes,
            ended: AtomicBool::new(false),
            failure: Mutex::new(None),
        })
    }

    /// Keeps the server busy; gives a sample for each moment.
    fn run(self, pid: u32, time: Duration, rng: &mut Rng) -> Result<Vec<Sample>, Failure> {
        let samples = thread::scope(|scope| {
            for number in 0..DEVICES {
                let (soak, mut rng) = (&self, rng.fork());
                scope.spawn(move || soak.come_and_go(number, &mut rng));
            }
            let (soak, mut rng) = (&self, rng.fork());
            scope.spawn(move || soak.note(soak.change(&mut rng)));
            let samples = self.watch(pid, time);
            self.ended.store(true, Ordering::Relaxed);
            samples
        });
        match self.failure.into_inner() {
            Ok(None) => samples,
            Ok(Some(failure)) => Err(failure),
            Err(_) => Err(Failure("a device panicked".into())),
        }
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Ends everything at the first failure.
    fn note(&self, outcome: Result<(), Failure>) {
        if let Err(what) = outcome
            && let Ok(mut failure) = self.failure.lock()
        {
            failure.get_or_insert(what);
            self.ended.store(true, Ordering::Relaxed);
        }
    }

    fn come_and_go(&self, number: usize, rng: &mut Rng) {
        let session = &self.sessions[number / SESSION_SIZE];
        while !self.has_ended() {
            self.note(self.stay(session, rng));
            self.joins.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One participant's life: made, added, connected, gone.
    fn stay(&self, session: &str, rng: &mut Rng) -> Result<(), Failure> {
        let mut client = Client::connect(self.server).map_err(unreachable)?;
        let body = json!({ "publishPermissions": ["AUDIO", "VIDEO"] });
        let made = call(&mut client, "POST", "/participants".into(), Some(body))?;
        let participant = id(&made["participant"]);
        let path = format!("/sessions/{session}/participants/{participant}");
        call(&mut client, "PUT", path, Some(json!({ "sessionId": session })))?;
        drop(client);
        let seconds = STAY_SECONDS.start + rng.f64() * (STAY_SECONDS.end - STAY_SECONDS.start);
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        let mut device = Device::connect(self.server, made["token"].as_str().unwrap_or_default())?;
        while Instant::now() < end && !self.has_ended() {
            device.listen()?;
        }
        // Some say goodbye, some are lost, some are deleted while they are there.
        if rng.bool() {
            device.leave()?;
        }
        let connected = rng.bool().then_some(device);
        let mut client = Client::connect(self.server).map_err(unreachable)?;
        call(&mut client, "DELETE", format!("/participants/{participant}"), None)?;
        drop(connected);
        Ok(())
    }

    /// Changes subscriptions until the end.
    fn change(&self, rng: &mut Rng) -> Result<(), Failure> {
        let mut client = Client::connect(self.server).map_err(unreachable)?;
        while !self.has_ended() {
            thread::sleep(CHANGE_EVERY);
            let Some(session) = rng.choice(&self.sessions) else { continue };
            let members = call(&mut client, "GET", format!("/sessions/{session}/participants"), None)?;
            let ids: Vec<String> = members.as_array().into_iter().flatten().map(id).collect();
            let Some(member) = rng.choice(&ids) else { continue };
            let path = format!("/sessions/{session}/participants/{member}/subscriptions");
            let request = Request::new("PUT", path, Some(any_subscriptions(session, &ids, rng)));
            let response = client.send(&request).map_err(unreachable)?;
            // Who was there a moment ago may be gone.
            if !matches!(response.status, 204 | 400 | 404) {
                let (status, body) = (response.status, response.body);
                return Err(Failure(format!("a change was answered with {status}: {body}")));
            }
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Samples the process until the time is over; tells how it goes once a minute.
    fn watch(&self, pid: u32, time: Duration) -> Result<Vec<Sample>, Failure> {
        let (begun, mut samples, mut told) = (Instant::now(), Vec::new(), 0);
        while begun.elapsed() < time && !self.has_ended() {
            thread::sleep(SAMPLE_EVERY);
            let sample = sample(pid)?;
            samples.push(sample);
            if begun.elapsed().as_secs() / 60 > told {
                told = begun.elapsed().as_secs() / 60;
                let Sample { resident_kib, descriptors } = sample;
                let [joins, changes] =
                    [&self.joins, &self.changes].map(|count| count.load(Ordering::Relaxed));
                println!(
                    "xtask: minute {told}: {resident_kib} KiB, {descriptors} descriptors, {joins} joins, {changes} changes"
                );
            }
        }
        Ok(samples)
    }
}

fn any_subscriptions(session: &str, members: &[String], rng: &mut Rng) -> Value {
    let listed = rng.choose_multiple(members, 3).into_iter().map(|id| json!({ "participantId": id }));
    match rng.u8(0..3) {
        0 => json!({}),
        1 => json!({ "sessionId": session }),
        _ => json!({ "sessionId": session, "participants": listed.collect::<Vec<_>>() }),
    }
}

fn sample(pid: u32) -> Result<Sample, Failure> {
    let gone = |error| Failure(format!("the server is gone: {error}"));
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).map_err(gone)?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|text| text.split_whitespace().next()?.parse().ok());
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).map_err(gone)?.count();
    Ok(Sample {
        resident_kib: resident.ok_or_else(|| Failure("the server has ended".into()))?,
        descriptors: f64::from(u32::try_from(descriptors).unwrap_or(u32::MAX)),
    })
}

/// Compares the second quarter of the time with the last; in the first, caches and pools fill.
fn verdict(samples: &[Sample]) -> Result<(), Failure> {
    let quarter = samples.len() / 4;
    let (second, last) = (&samples[quarter..2 * quarter], &samples[samples.len() - quarter..]);
    let medians = |read: fn(&Sample) -> f64| (median(second, read), median(last, read));
    let (memory, descriptors) = (medians(|sample| sample.resident_kib), medians(|sample| sample.descriptors));
    println!(
        "xtask: medians of the second and the last quarter: {} and {} KiB, {} and {} descriptors",
        memory.0, memory.1, descriptors.0, descriptors.1
    );
    if memory.1 - memory.0 > (memory.0 * MEMORY_TOLERANCE).max(MEMORY_TOLERANCE_KIB) {
        return Err(Failure("memory grows".into()));
    }
    if descriptors.1 - descriptors.0 > DESCRIPTORS_TOLERANCE {
        return Err(Failure("descriptors leak".into()));
    }
    println!("xtask: memory and descriptors are flat");
    Ok(())
}

fn median(samples: &[Sample], read: fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(read).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn call(
    client: &mut Client,
    method: &'static str,
    path: String,
    body: Option<Value>,
) -> Result<Value, Failure> {
    let request = Request::new(method, path, body);
    let response = client.send(&request).map_err(unreachable)?;
    match response.status {
        200 | 204 => Ok(response.body),
        status => {
            Err(Failure(format!("{method} {} was answered with {status}: {}", request.path, response.body)))
        }
    }
}

fn id(entry: &Value) -> String {
    entry["id"].as_str().unwrap_or_default().to_owned()
}

fn unreachable(error: std::io::Error) -> Failure {
    Failure(format!("the server does not answer: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An hour that begins with these figures and grows by these from sample to sample.
    fn check(resident_kib: f64, growth_kib: f64, growth_descriptors: f64) -> Result<(), Failure> {
        let samples: Vec<Sample> = (0..7_200)
            .map(|number| Sample {
                resident_kib: resident_kib + f64::from(number) * growth_kib + f64::from(number % 7) * 40.0,
                descriptors: 60.0 + (f64::from(number) * growth_descriptors).floor() + f64::from(number % 5),
            })
            .collect();
        verdict(&samples)
    }

    #[test]
    fn noise_is_flat_and_a_leak_is_not() {
        assert!(check(50_000.0, 0.0, 0.0).is_ok());
        assert!(check(50_000.0, -1.0, 0.0).is_ok());
        assert!(check(50_000.0, 1.0, 0.0).is_err());
        assert!(check(50_000.0, 0.0, 0.002).is_err());
    }
}
