//! The binary as an operator meets it: what it prints, and how it ends.

#![expect(clippy::unwrap_used, reason = "helpers of a test may fail it")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const ANY_PORT: [&str; 4] = ["--listen", "127.0.0.1:0", "--media-listen", "127.0.0.1:0"];

/// A command whose server, if it starts one, has a new data directory.
fn crosspoint(args: &[&str]) -> Command {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("data-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let data_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CROSSPOINT_")) {
        command.env_remove(name);
    }
    command.env("CROSSPOINT_DATA_DIR", data_dir);
    command
}

fn ended(args: &[&str]) -> Output {
    crosspoint(args).output().unwrap()
}

/// Starts a server and reads its log up to the line that says where media is.
fn started(args: &[&str]) -> (Child, Vec<String>) {
    let mut server = crosspoint(args).args(ANY_PORT).spawn().unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| line.contains("media on udp and tcp")) {
        lines.push(log.next().expect("the server logs until it listens").unwrap());
    }
    // The rest is read away, so that the server never waits for its log.
    std::thread::spawn(move || log.for_each(drop));
    (server, lines)
}

fn signal(server: &Child, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), server.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_wrong_configuration_is_refused_with_a_sentence_and_exit_code_2() {
    for (args, sentence) in [
        (&["serve"][..], "no account is configured"),
        (&["serve", "--dev", "--listen", "0.0.0.0:0"], "--dev listens on loopback only"),
        (&["serve", "--account", "nonsense"], "an account must be ID:USER:PASSWORD"),
        (&["serve", "--dev", "--log", "xml"], "--log"),
        (&["serve", "--dev", "--config", "/nowhere.toml"], "/nowhere.toml can't be read"),
        (&["serve", "--no-such-flag"], "--no-such-flag"),
    ] {
        let output = ended(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(sentence), "{args:?}: {said}");
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = ended(&["serve", "--dev", "--listen", &address, "--media-listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("can't listen on {address}: ")), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn it_says_what_listens_where_and_ends_cleanly_on_either_signal() {
    for name in ["TERM", "INT"] {
        let (mut server, log) = started(&["serve", "--account", "1:user:password", "--drain", "1s"]);
        assert!(log.iter().any(|line| line.contains("REST, WebSocket and pages on http://127.0.0.1:")));
        assert!(log.iter().any(|line| line.contains("media on udp and tcp 127.0.0.1:")));
        assert!(!log.iter().any(|line| line.contains("password")));
        signal(&server, name);
        assert_eq!(server.wait().unwrap().code(), Some(0), "{name}");
    }
}
