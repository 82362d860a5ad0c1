//! The same over real sockets, byte by byte as clients were seen to write it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::{Stage, US, basic};

/// One connection to a server of its own.
struct Client {
    stream: BufReader<TcpStream>,
}

struct Response {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Client {
    async fn new(stage: &Stage) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = stage.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Each piece in a segment of its own.
    async fn write(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.stream.write_all(piece).await.unwrap();
            self.stream.flush().await.unwrap();
        }
    }

    async fn read(&mut self, method: &str) -> Response {
        let status = self.line().await;
        let status = status.split(' ').nth(1).unwrap_or_else(|| panic!("{status}")).parse().unwrap();
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        let length =
            headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        let mut body = vec![0; if method == "HEAD" { 0 } else { length }];
        self.stream.read_exact(&mut body).await.unwrap();
        Response { status, headers, body: String::from_utf8(body).unwrap() }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }

    async fn exchange(&mut self, head: &str, rest: &[&[u8]]) -> Response {
        let credentials = basic(format!("{}:{}", US.1, US.2).as_bytes());
        let method = head.split(' ').next().unwrap();
        let head = format!("{head}\r\nHost: localhost\r\nAuthorization: {credentials}\r\n\r\n");
        self.write(&[head.as_bytes()]).await;
        self.write(rest).await;
        let response = self.read(method).await;
        assert!(response.headers.contains_key("x-request-id"), "{head}");
        response
    }
}

impl Response {
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The ways in which clients were seen to write, all on one connection: none of them may end it.
#[tokio::test]
async fn whatever_clients_write_is_answered_and_the_connection_goes_on() {
    let stage = Stage::new();
    let mut client = Client::new(&stage).await;
    let base = "/v1/accounts/9900000";
    let post = format!("POST {base}/sessions HTTP/1.1");

    let head = format!("{post}\r\nContent-Type: application/json\r\nContent-Length: 0");
    let session = client.exchange(&head, &[]).await.is(200).json()["id"].as_str().unwrap().to_owned();

    let head = format!("{post}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 4");
    client.exchange(&head, &[b"null"]).await.is(200);

    let head = format!("{post}\r\nContent-Type: application/json\r\nContent-Length: 11");
    let response = client.exchange(&head, &[b"{\"tag\"", b":\"", b"x\"}"]).await.is(200);
    assert_eq!(response.json()["tag"], "x");

    client.exchange(&post, &[]).await.is(200);

    let head = format!("{post}\r\nTransfer-Encoding: chunked");
    let response =
        client.exchange(&head, &[b"6\r\n{\"tag\"\r\n", b"5\r\n:\"y\"}\r\n", b"0\r\n\r\n"]).await.is(200);
    assert_eq!(response.json()["tag"], "y");

    let head =
        format!("GET //v1//accounts//9900000/sessions/{session} HTTP/1.1\r\nContent-Type: application/json");
    client.exchange(&head, &[]).await.says_session(&session);

    let head = format!("HEAD {base}/sessions/{session} HTTP/1.1");
    let response = client.exchange(&head, &[]).await.is(200);
    assert_ne!(response.headers["content-length"], "0");

    let form = "Content-Type: application/x-www-form-urlencoded";
    let head = format!("DELETE {base}/sessions/{session} HTTP/1.1\r\n{form}\r\nContent-Length: 3");
    client.exchange(&head, &[b"a=b"]).await.is(204);

    let head = format!("DELETE {base}/sessions/{session} HTTP/1.1\r\n{form}");
    client.exchange(&head, &[]).await.is(404);

    // Whoever is refused before the body was looked at can send it all the same.
    let foreign = "POST /accounts/other/sessions HTTP/1.1\r\nContent-Length: 11";
    client.exchange(foreign, &[b"{\"tag\":", b"\"x\"}"]).await.is(401);

    let large = vec![b' '; 1 << 20];
    let head = format!("{post}\r\nContent-Length: {}", large.len());
    client.exchange(&head, &[&large]).await.is(413);

    client.exchange(&format!("GET {base}/sessions HTTP/1.1"), &[]).await.is(200);
}

impl Response {
    fn says_session(self, session: &str) {
        assert_eq!(self.is(200).json(), json!({ "id": session, "participant_ids": [] }));
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_and_the_connection_closed() {
    let stage = Stage::new();
    let mut client = Client::new(&stage).await;
    let head = "POST /accounts/9900000/sessions HTTP/1.1\r\nTransfer-Encoding: chunked";
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend_from_slice(&[b' '; 0x10000]);
    chunk.extend_from_slice(b"\r\n");
    // 16 MiB are taken in and forgotten; what comes after that is not waited for.
    let chunks: Vec<&[u8]> = std::iter::repeat_n(&chunk[..], 258).collect();
    let response = client.exchange(head, &chunks).await.is(413);
    assert_eq!(response.headers["connection"], "close");
}
