//! The listener on real sockets, with bounds that are short enough to be met.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;

use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::get;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;

/// Far longer than anything takes here: what isn't there then doesn't come.
const NEVER: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);
const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
const UPGRADE: &[u8] = b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
/// A text frame "hi", masked with zeroes (RFC 6455 section 5.2).
const HI: &[u8] = b"\x81\x82\0\0\0\0hi";

struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(tls: Option<Tls>, allowance: Allowance) -> Self {
        let endless =
            || futures_util::stream::repeat(Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 65_536])));
        let app = Router::new()
            .route("/hello", get(|| async { "hello" }))
            .route(
                "/source",
                get(|Extension(source): Extension<Source>| async move { format!("{source:?}") }),
            )
            .route("/endless", get(move || async move { Body::from_stream(endless()) }))
            .route(
                "/quiet",
                get(|| async {
                    Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>())
                }),
            )
            .route(
                "/echo",
                get(|upgrade: WebSocketUpgrade| async {
                    upgrade.on_upgrade(|mut socket| async move {
                        while let Some(Ok(message)) = socket.recv().await {
                            if socket.send(message).await.is_err() {
                                return;
                            }
                        }
                    })
                }),
            );
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(serve(socket, tls, app, allowance, stopped));
        Self { address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn end(self) {
        self.stop.send_replace(true);
        timeout(NEVER, self.task).await.expect("the listener ends").unwrap();
    }
}

/// Asks for `/hello` and reads the answer.
async fn hello(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    io.write_all(HELLO).await.unwrap();
    read_until(io, b"hello").await
}

async fn read_until(io: &mut (impl AsyncRead + Unpin), end: &[u8]) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        let byte = timeout(NEVER, io.read_u8()).await.expect("an answer comes");
        read.push(byte.unwrap_or_else(|error| panic!("{error} after {}", String::from_utf8_lossy(&read))));
    }
    String::from_utf8(read).unwrap()
}

/// What still comes until the server closes the connection.
async fn until_closed(io: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut read = Vec::new();
    match timeout(NEVER, io.read_to_end(&mut read)).await.expect("the server closes the connection") {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    read
}

fn short() -> Allowance {
    Allowance {
        handshake_time_max: SHORT,
        head_time_max: SHORT,
        idle_time_max: SHORT,
        stall_time_max: SHORT,
        ..Allowance::default()
    }
}

/// With only the time until a head is there short.
fn short_head() -> Allowance {
    Allowance { head_time_max: SHORT, ..Allowance::default() }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = Server::start(None, Allowance::default()).await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        assert!(hello(&mut client).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    server.end().await;
    assert_eq!(until_closed(&mut client).await, b"");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_dropped() {
    let server = Server::start(None, short_head()).await;
    until_closed(&mut server.connect().await).await;
    server.end().await;
}

#[tokio::test]
async fn a_head_that_drips_in_is_dropped_at_its_deadline() {
    let server = Server::start(None, short_head()).await;
    let (mut read, mut write) = server.connect().await.into_split();
    let begun = Instant::now();
    let dripping = tokio::spawn(async move {
        let mut beats = tokio::time::interval(SHORT / 10);
        write.write_all(b"GET /hello HTTP/1.1\r\n").await.unwrap();
        while write.write_all(b"a: b\r\n").await.is_ok() {
            beats.tick().await;
        }
    });
    until_closed(&mut read).await;
    assert!(begun.elapsed() >= SHORT);
    dripping.abort();
    server.end().await;
}

#[tokio::test]
async fn the_second_heads_deadline_counts_from_its_first_byte() {
    let server = Server::start(None, short_head()).await;
    let mut client = server.connect().await;
    hello(&mut client).await;
    // The connection may be idle for longer than a head may take.
    assert!(timeout(SHORT * 3, client.read_u8()).await.is_err());
    hello(&mut client).await;
    client.write_all(b"GET").await.unwrap();
    let begun = Instant::now();
    until_closed(&mut client).await;
    assert!(begun.elapsed() >= SHORT / 2);
    server.end().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Server::start(None, short()).await;
    let mut client = server.connect().await;
    hello(&mut client).await;
    until_closed(&mut client).await;
    server.end().await;
}

#[tokio::test]
async fn a_large_head_or_one_of_many_lines_is_refused() {
    let server = Server::start(None, Allowance::default()).await;
    for (head, len) in [("a: b\r\n".repeat(200), 0), ("a: ".to_owned(), 64 * 1_024)] {
        let mut client = server.connect().await;
        let head = format!("GET /hello HTTP/1.1\r\n{head}{}\r\n\r\n", "x".repeat(len));
        // The server may answer before it has read all of it.
        let _ = client.write_all(head.as_bytes()).await;
        let answer = read_until(&mut client, b"\r\n").await;
        assert_eq!(answer, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
    }
    server.end().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_dropped_and_gives_its_place_back() {
    let server = Server::start(None, Allowance { connections_max: 1, ..short() }).await;
    let mut deaf = server.connect().await;
    deaf.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    admitted_in_the_end(&server).await;
    drop(deaf);
    server.end().await;
}

/// Tries until there is a place.
async fn admitted_in_the_end(server: &Server) {
    let admitted = async {
        loop {
            let mut client = server.connect().await;
            let mut answer = Vec::new();
            let request = b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            if client.write_all(request).await.is_ok()
                && client.read_to_end(&mut answer).await.is_ok()
                && answer.ends_with(b"hello")
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(NEVER, admitted).await.expect("a place becomes free");
}

#[tokio::test]
async fn one_more_than_the_most_connections_is_closed_at_once() {
    let server = Server::start(None, Allowance { connections_max: 2, ..Allowance::default() }).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    hello(&mut first).await;
    hello(&mut second).await;
    assert_eq!(until_closed(&mut server.connect().await).await, b"");
    drop(first);
    admitted_in_the_end(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_websocket_and_a_quiet_stream_outlive_all_bounds_of_requests() {
    let server = Server::start(None, Allowance { connections_max: 2, ..short() }).await;
    let mut websocket = server.connect().await;
    websocket.write_all(UPGRADE).await.unwrap();
    assert!(read_until(&mut websocket, b"\r\n\r\n").await.starts_with("HTTP/1.1 101"));
    let mut stream = server.connect().await;
    stream.write_all(b"GET /quiet HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    read_until(&mut stream, b"\r\n\r\n").await;
    // Both keep their places meanwhile.
    assert_eq!(until_closed(&mut server.connect().await).await, b"");
    assert!(timeout(SHORT * 4, stream.read_u8()).await.is_err());
    websocket.write_all(HI).await.unwrap();
    let mut echo = [0; 4];
    timeout(NEVER, websocket.read_exact(&mut echo)).await.expect("an echo comes").unwrap();
    assert_eq!(&echo, b"\x81\x02hi");
    drop(stream);
    server.end().await;
}

#[tokio::test]
async fn the_source_is_the_peer_or_what_a_trusted_proxy_says() {
    for (trusted, expected) in [(vec![], "127.0.0.1"), (vec!["127.0.0.1".parse().unwrap()], "203.0.113.1")] {
        let server =
            Server::start(None, Allowance { trusted_proxies: trusted, ..Allowance::default() }).await;
        let mut client = server.connect().await;
        let request = b"GET /source HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9, 203.0.113.1\r\n\r\n";
        client.write_all(request).await.unwrap();
        let answer = read_until(&mut client, b")").await;
        assert!(answer.ends_with(&format!("Source({expected})")), "{answer}");
        server.end().await;
    }
}

#[tokio::test]
async fn stopping_waits_for_no_idle_or_unfinished_connection() {
    let server = Server::start(None, Allowance::default()).await;
    let mut idle = server.connect().await;
    hello(&mut idle).await;
    server.end().await;
    assert_eq!(until_closed(&mut idle).await, b"");
}

/// A new certificate for localhost, written to the directory; returned is what a client has to trust.
fn write_pair(directory: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap()
}

fn files(directory: &Path) -> TlsFiles {
    TlsFiles { certificate: directory.join("cert.pem"), key: directory.join("key.pem") }
}

/// What a client says of the server when it trusts only this certificate.
async fn greet(server: &Server, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, server.connect().await).await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    Ok(hello(&mut stream).await)
}

#[tokio::test]
async fn with_a_certificate_it_speaks_tls_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let trusted = write_pair(directory.path());
    let tls = Tls::start(files(directory.path())).unwrap();
    let server = Server::start(Some(tls), short()).await;
    assert!(greet(&server, &trusted).await.unwrap().starts_with("HTTP/1.1 200 OK"));
    for garbage in [HELLO, b"\0\0\0\0", b"\x16\x03\x01\xff\xff", b""] {
        let mut client = server.connect().await;
        client.write_all(garbage).await.unwrap();
        let answer = until_closed(&mut client).await;
        assert!(!answer.starts_with(b"HTTP"), "{garbage:?}");
    }
    assert!(greet(&server, &trusted).await.is_ok());
    server.end().await;
}

#[tokio::test]
async fn a_changed_certificate_is_taken_and_a_broken_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let first = write_pair(directory.path());
    let tls = Tls::looking_every(Duration::from_millis(20), files(directory.path())).unwrap();
    let mut current = tls.current.clone();
    let server = Server::start(Some(tls), Allowance::default()).await;
    greet(&server, &first).await.unwrap();

    // The key of another certificate stays for a while: nothing changes for clients.
    let key = directory.path().join("key.pem");
    std::fs::write(&key, "broken").unwrap();
    assert!(timeout(SHORT, current.changed()).await.is_err());
    greet(&server, &first).await.unwrap();

    let second = write_pair(directory.path());
    timeout(NEVER, current.changed()).await.expect("the new pair is taken").unwrap();
    greet(&server, &second).await.unwrap();
    assert!(greet(&server, &first).await.is_err());
    server.end().await;
}

#[tokio::test]
async fn unusable_files_are_refused_with_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let check = |sentence: &str| {
        let refusal = Tls::start(files(directory.path())).map(drop).unwrap_err().to_string();
        assert!(refusal.contains(sentence) && !refusal.contains("PRIVATE"), "{refusal}");
    };
    check("cert.pem can't be read");
    write_pair(directory.path());
    let good = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    check("key.pem can't be read");
    std::fs::write(&key, std::fs::read(&certificate).unwrap()).unwrap();
    check("--tls-key holds no private key");
    write_pair(directory.path());
    std::fs::write(&key, &good).unwrap();
    check("can't be used together");
    std::fs::write(&certificate, &good).unwrap();
    check("--tls-cert holds no certificate");
}
