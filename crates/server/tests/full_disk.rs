//! A disk that takes no more: changes are refused, everything else goes on.

#![expect(clippy::unwrap_used, reason = "helpers of a test may fail it")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// More sessions than fit into the room that a small database has left.
const SESSIONS_MAX: usize = 5_000;

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(data_dir: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_crosspoint"))
            .args(["serve", "--account", "1:u:p", "--listen", "127.0.0.1:0", "--media-listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(data_dir)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = log.next().expect("the server logs until it listens").unwrap();
            if let Some((_, address)) = line.split_once("pages on http://") {
                break address.parse().unwrap();
            }
        };
        // The rest is read away, so that the server never waits for its log.
        std::thread::spawn(move || log.for_each(drop));
        Self { process, address }
    }

    /// How large this process may make a file: what a full disk is to it.
    fn limit_files(&self, limit: &str) {
        let pid = self.process.id().to_string();
        let status = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={limit}:")]).status();
        assert!(status.unwrap().success());
    }

    fn request(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = body.len();
        write!(stream, "{head}\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        if status == 101 {
            return (status, String::new());
        }
        let mut response = String::new();
        reader.read_to_string(&mut response).unwrap();
        (status, response.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.request(&format!("GET {path} HTTP/1.1\r\nauthorization: Basic dTpw\r\nconnection: close"), "")
    }

    fn post(&self, path: &str, body: &str) -> (u16, String) {
        let head =
            format!("POST /accounts/1{path} HTTP/1.1\r\nauthorization: Basic dTpw\r\nconnection: close");
        self.request(&head, body)
    }

    /// What a device's door answers.
    fn knock(&self, token: &str) -> u16 {
        let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
        self.request(&format!("GET /v3/?token={token}&client=browser HTTP/1.1\r\n{upgrade}"), "").0
    }

    fn sessions(&self) -> usize {
        let (status, body) = self.get("/accounts/1/sessions?limit=1000");
        assert_eq!(status, 200);
        body.matches("\"participant_ids\"").count()
    }
}

#[test]
fn a_full_disk_refuses_changes_and_nothing_else() {
    let directory =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("full-disk-{}", std::process::id()));
    let mut server = Server::start(&directory);
    let (status, made) = server.post("/participants", "{}");
    assert_eq!(status, 200);
    let token = made.split("\"token\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

    let len = fs::metadata(directory.join("crosspoint.redb")).unwrap().len();
    server.limit_files(&len.to_string());
    let body = format!("{{\"tag\":\"{}\"}}", "x".repeat(50));
    let statuses = (0..SESSIONS_MAX).map(|_| server.post("/sessions", &body).0);
    let made = statuses.take_while(|status| *status == 200).count();
    assert!(made < SESSIONS_MAX, "the disk is never full");

    for _ in 0..3 {
        let (status, answer) = server.post("/sessions", &body);
        assert_eq!(status, 507, "{answer}");
    }
    assert_eq!(server.sessions(), made);
    assert_eq!(server.knock(&token), 101);
    assert_eq!(server.get("/livez").0, 200);
    assert_eq!(server.get("/readyz").0, 503);
    assert!(server.process.try_wait().unwrap().is_none());

    server.limit_files("unlimited");
    assert_eq!(server.post("/sessions", &body).0, 200);
    assert_eq!(server.get("/readyz").0, 200);
    drop(server);
    let server = Server::start(&directory);
    assert_eq!(server.sessions(), made + 1);
    assert_eq!(server.knock(&token), 101);
    drop(server);
    fs::remove_dir_all(directory).unwrap();
}
