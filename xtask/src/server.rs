//! A server process: the real binary on free loopback ports.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http::{self, ACCOUNT};
use crate::run::{Failure, cargo, root, step};

const START_MAX: Duration = Duration::from_secs(30);
const ADDRESS_MARK: &str = "REST, WebSocket and pages on http://";

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    log: Option<JoinHandle<Vec<String>>>,
}

/// The release binary, built anew, or the one that `CROSSPOINT_BIN` names.
pub(crate) fn binary() -> Result<PathBuf, Failure> {
    if let Some(binary) = std::env::var_os("CROSSPOINT_BIN") {
        return Ok(binary.into());
    }
    step("server", &mut cargo(["build", "--release", "--locked"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("release/crosspoint"))
}

/// Starts the binary; it has not got anywhere yet.
pub(crate) fn spawn(binary: &Path, data_dir: &Path) -> Result<Child, Failure> {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CROSSPOINT_"))
    {
        command.env_remove(name);
    }
    command
        .args(["serve", "--account", ACCOUNT, "--listen", "127.0.0.1:0", "--media-listen", "127.0.0.1:0"])
        // As many requests as it can take: what is loaded here is not the limit.
        .args(["--account-rate", "1000000", "--advertise", "127.0.0.1", "--drain", "1s", "--data-dir"])
        .arg(data_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Failure(format!("{} can't be run: {error}", binary.display())))
}

impl Server {
    /// Starts the binary and waits until it is ready.
    pub(crate) fn start(binary: &Path, data_dir: &Path) -> Result<Self, Failure> {
        let mut process = spawn(binary, data_dir)?;
        let stderr =
            process.stderr.take().ok_or_else(|| Failure("the server has no standard error".into()))?;
        let (found, address) = sync_channel(1);
        let log = std::thread::spawn(move || read_log(stderr, &found));
        let mut server = Self { process, address: ([127, 0, 0, 1], 0).into(), log: Some(log) };
        server.address = server.wait_for_address(&address)?;
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_for_address(&mut self, address: &Receiver<SocketAddr>) -> Result<SocketAddr, Failure> {
        match address.recv_timeout(START_MAX) {
            Ok(address) => Ok(address),
            Err(RecvTimeoutError::Timeout) => Err(self.failed("it did not listen in time")),
            Err(RecvTimeoutError::Disconnected) => Err(self.failed("it ended while starting")),
        }
    }

    fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + START_MAX;
        loop {
            match http::status(self.address, "/readyz", "") {
                Ok(200) => return Ok(()),
                answer if Instant::now() > deadline => {
                    return Err(self.failed(&format!("/readyz does not answer 200 but {answer:?}")));
                }
                _ => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// The id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends it with SIGKILL; gives its log.
    pub(crate) fn kill(mut self) -> Result<Vec<String>, Failure> {
        self.end().map(|(_, log)| log)
    }

    /// Ends it in order; fails when it does not end well.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        let kill = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        kill.map_err(|error| Failure(format!("kill can't be run: {error}")))?;
        let status = self.process.wait().map_err(|error| Failure(error.to_string()))?;
        match status.success() {
            true => Ok(()),
            false => Err(self.failed(&format!("it ended with {status}"))),
        }
    }

    fn end(&mut self) -> Result<(ExitStatus, Vec<String>), Failure> {
        // It may have ended by itself.
        let _ = self.process.kill();
        let status = self.process.wait().map_err(|error| Failure(error.to_string()))?;
        let log = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        match log.iter().find(|line| line.contains("panicked")) {
            Some(line) => Err(Failure(format!("the server panicked: {line}"))),
            None => Ok((status, log)),
        }
    }

    fn failed(&mut self, what: &str) -> Failure {
        let log = self.end().map_or_else(|Failure(panic)| panic, |(_, log)| log.join("\n"));
        Failure(format!("the server failed: {what}\n{log}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads the log to its end; keeps the last lines.
fn read_log(stderr: ChildStderr, address: &SyncSender<SocketAddr>) -> Vec<String> {
    const LINES_MAX: usize = 200;
    let mut lines = Vec::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if let Some(text) = line.split_once(ADDRESS_MARK).and_then(|(_, rest)| rest.split_whitespace().next())
            && let Ok(found) = text.parse()
        {
            // Whoever waits may have given up.
            let _ = address.try_send(found);
        }
        if lines.len() == LINES_MAX {
            lines.remove(0);
        }
        lines.push(line);
    }
    lines
}
