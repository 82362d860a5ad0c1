//! The door as a stranger meets it: the binary, real sockets, and frames made by hand.

#![expect(clippy::unwrap_used, reason = "helpers of a test may fail it")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use tempfile::TempDir;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PONG: u8 = 10;
/// The last frame of a message (RFC 6455 section 5.2).
const FIN: u8 = 0x80;

struct Server {
    process: Child,
    address: String,
    _data: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CROSSPOINT_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--account", "1:user:password"]).args(args);
        command.args(["--listen", "127.0.0.1:0", "--media-listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(data.path());
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let line = log.find(|line| line.as_ref().unwrap().contains("pages on http://"));
        let address = line.expect("the server says where it listens").unwrap();
        let address = address.rsplit("http://").next().unwrap().to_owned();
        // The rest is read away, so that the server never waits for its log.
        std::thread::spawn(move || log.for_each(drop));
        Self { process, address, _data: data }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    fn rest(&self, method: &str, path: &str, password: &str) -> Answer {
        let mut stream = self.connect();
        let basic = BASE64.encode(format!("user:{password}"));
        let request = format!(
            "{method} /accounts/1{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {basic}\r\n\
             Connection: close\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer { status: status(head), head: head.to_lowercase(), body: body.to_owned() }
    }

    /// A new participant: its id and token.
    fn participant(&self) -> (String, String) {
        let made: Value = serde_json::from_str(&self.rest("POST", "/participants", "password").body).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["participant"]["id"]), text(&made["token"]))
    }

    fn open(&self, token: &str) -> (u16, Device) {
        let mut stream = self.connect();
        let request = format!(
            "GET /v3?token={token} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        (status(&head), Device { stream, head: head.to_lowercase() })
    }

    fn admitted(&self, token: &str) -> Device {
        let (status, device) = self.open(token);
        assert_eq!(status, 101, "{}", device.head);
        device
    }
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

struct Device {
    stream: TcpStream,
    head: String,
}

impl Device {
    /// Sends a frame, masked with zeroes. The server may close before it has taken all of it.
    fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match u16::try_from(payload.len()) {
            Ok(len @ ..126) => frame.push(0x80 | len.to_be_bytes()[1]),
            Ok(len) => {
                frame.push(0x80 | 126);
                frame.extend(len.to_be_bytes());
            }
            Err(_) => {
                frame.push(0x80 | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        let _ = self.stream.write_all(&frame);
    }

    /// The next frame, or nothing when the server closed the connection.
    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.read(&mut head)?;
        let len = match head[1] {
            126 => {
                let mut len = [0; 2];
                self.read(&mut len)?;
                usize::from(u16::from_be_bytes(len))
            }
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        self.read(&mut payload)?;
        Some((head[0] & 0x0f, payload))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(buffer) {
            Ok(()) => Some(()),
            Err(error) => {
                assert!(
                    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset),
                    "the server neither answers nor closes: {error}"
                );
                None
            }
        }
    }

    fn next_of(&mut self, wanted: u8) -> Vec<u8> {
        loop {
            let (kind, payload) = self.next().expect("the connection is open");
            if kind == wanted {
                return payload;
            }
        }
    }

    /// The code that the server closes with, if it says one.
    fn close_code(&mut self) -> Option<u16> {
        while let Some((kind, payload)) = self.next() {
            if kind == CLOSE {
                return Some(u16::from_be_bytes(payload[..2].try_into().unwrap()));
            }
        }
        None
    }
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"noSuchMethod","params":{}}"#;

#[test]
fn a_fragmented_message_is_one_message() {
    let server = Server::start(&[]);
    let mut device = server.admitted(&server.participant().1);
    let (begin, end) = CALL.as_bytes().split_at(10);
    device.send(TEXT, begin);
    // A ping may come between fragments (RFC 6455 section 5.4).
    device.send(FIN | 9, b"between");
    device.send(FIN, end);
    assert_eq!(device.next_of(PONG), b"between");
    let answer: Value = serde_json::from_slice(&device.next_of(TEXT)).unwrap();
    assert_eq!(answer["id"], 1);
}

#[test]
fn an_oversized_frame_ends_the_connection() {
    let server = Server::start(&[]);
    let token = server.participant().1;
    let mut device = server.admitted(&token);
    device.send(FIN | TEXT, &vec![b' '; 1024 * 1024 + 1]);
    device.close_code();
    let mut device = server.admitted(&token);
    // A length of 2^63 - 1 of which nothing comes.
    device.stream.write_all(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0").unwrap();
    device.close_code();
    server.admitted(&token);
}

#[test]
fn fragments_that_are_too_long_together_end_the_connection() {
    let server = Server::start(&[]);
    let mut device = server.admitted(&server.participant().1);
    let fragment = vec![b' '; 256 * 1024];
    device.send(TEXT, &fragment);
    for _ in 0..8 {
        device.send(0, &fragment);
    }
    device.close_code();
}

#[test]
fn frames_that_break_the_protocol_end_the_connection() {
    let server = Server::start(&[]);
    let token = server.participant().1;
    for frame in [
        &b"\x81\x02hi"[..],
        b"\xf1\x82\0\0\0\0hi",
        b"\x83\x82\0\0\0\0hi",
        b"\x80\x82\0\0\0\0hi",
        b"\x09\x82\0\0\0\0hi",
        b"\x81\x82\0\0\0\0\xff\xff",
    ] {
        let mut device = server.admitted(&token);
        device.stream.write_all(frame).unwrap();
        device.close_code();
    }
}

#[test]
fn a_binary_frame_is_refused_with_its_code() {
    let server = Server::start(&[]);
    let mut device = server.admitted(&server.participant().1);
    device.send(FIN | BINARY, b"\0");
    assert_eq!(device.close_code(), Some(1003));
}

#[test]
fn tokens_of_nobody_and_of_the_gone_are_refused() {
    let server = Server::start(&[]);
    let other = Server::start(&[]);
    let (participant, token) = server.participant();
    let (_, foreign) = other.participant();
    for (bad, what) in [("", "none"), ("a.b.c", "garbage"), (&foreign, "another server's")] {
        assert_eq!(server.open(bad).0, 401, "{what}");
    }
    assert_eq!(server.open(&token[..token.len() - 1]).0, 401, "truncated");

    let path = format!("/participants/{participant}");
    let renewed: Value =
        serde_json::from_str(&server.rest("POST", &format!("{path}/token"), "password").body).unwrap();
    let renewed = renewed["token"].as_str().unwrap();
    assert_eq!(server.open(&token).0, 401, "replaced");
    let mut device = server.admitted(renewed);
    assert_eq!(server.rest("DELETE", &path, "password").status, 204);
    device.close_code();
    assert_eq!(server.open(renewed).0, 403, "of a deleted participant");
}

#[test]
fn bad_tokens_are_bounded_and_good_ones_pass() {
    let server = Server::start(&[]);
    let (_, token) = server.participant();
    let refused: Vec<u16> = (0..20).map(|_| server.open("bad").0).collect();
    assert_eq!(refused[..10], [401; 10]);
    let limited = server.open("bad").1;
    assert!(limited.head.starts_with("http/1.1 429"), "{}", limited.head);
    assert!(limited.head.contains("\r\nretry-after: "), "{}", limited.head);
    server.admitted(&token);
}

#[test]
fn bad_passwords_are_bounded_and_known_good_ones_pass() {
    let server = Server::start(&[]);
    server.participant();
    for _ in 0..10 {
        assert_eq!(server.rest("GET", "/participants", "wrong").status, 401);
    }
    let limited = server.rest("GET", "/participants", "wrong");
    assert_eq!(limited.status, 429);
    assert!(limited.head.contains("\r\nretry-after: "), "{}", limited.head);
    let body: Value = serde_json::from_str(&limited.body).unwrap();
    assert!(body["error"].is_string() && body["requestId"].is_string(), "{body}");
    assert_eq!(server.rest("POST", "/participants", "password").status, 200);
}

#[test]
fn one_more_device_than_allowed_is_told_so() {
    let server = Server::start(&["--max-devices", "1"]);
    let ((_, first), (_, second)) = (server.participant(), server.participant());
    let device = server.admitted(&first);
    assert_eq!(server.open(&second).0, 503);
    drop(device);
    // The place is free once the server has seen the connection's end.
    let begun = Instant::now();
    while server.open(&second).0 == 503 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the place does not become free");
        std::thread::yield_now();
    }
}

#[test]
fn a_client_that_asks_and_never_reads_is_dropped() {
    let server = Server::start(&[]);
    let mut device = server.admitted(&server.participant().1);
    device.stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut frame = vec![FIN | TEXT, 0x80 | u8::try_from(CALL.len()).unwrap()];
    frame.extend([0; 4]);
    frame.extend(CALL.as_bytes());
    let calls = frame.repeat(1_000);
    let error = loop {
        if let Err(error) = device.stream.write_all(&calls) {
            break error;
        }
    };
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
}
