//! A small HTTP/1.1 client that keeps its connection, and knows a refusal from an answer that never came.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than the server ever takes.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A request, without what every request has.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// Below the account, such as `/sessions`.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    pub(crate) idempotency_key: Option<String>,
}

impl Request {
    pub(crate) fn new(method: &'static str, path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method, path: path.into(), body, idempotency_key: None }
    }
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Null when there is none.
    pub(crate) body: Value,
    /// Where the next part of a listing is, as the server says it.
    pub(crate) next: Option<String>,
}

/// A connection to the control API of account 1.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// The account of every server that these tools start, as `--account` takes it, and the header that shows it.
pub(crate) const ACCOUNT: &str = "1:u:p";
const BASE: &str = "/v1/accounts/1";
const AUTHORIZATION: &str = "Basic dTpw";

impl Client {
    pub(crate) fn connect(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request and waits for the whole response. After an error nobody knows whether it was carried out.
    pub(crate) fn send(&mut self, request: &Request) -> io::Result<Response> {
        let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
        let key = request.idempotency_key.as_ref().map(|key| format!("idempotency-key: {key}\r\n"));
        let head = format!(
            "{} {BASE}{} HTTP/1.1\r\nhost: localhost\r\nauthorization: {AUTHORIZATION}\r\n{}content-length: {}\r\n\r\n",
            request.method,
            request.path,
            key.unwrap_or_default(),
            body.len(),
        );
        self.stream.get_mut().write_all((head + &body).as_bytes())?;
        read_response(&mut self.stream)
    }

    /// All entries of a listing such as `/sessions`.
    pub(crate) fn list(&mut self, path: &str) -> io::Result<Vec<Value>> {
        let mut entries = Vec::new();
        let mut next = Some(format!("{path}?limit=1000"));
        while let Some(part) = next {
            let response = self.send(&Request::new("GET", part, None))?;
            match response.body {
                Value::Array(part) if response.status == 200 => entries.extend(part),
                other => return Err(malformed(&format!("GET {path} answered {}: {other}", response.status))),
            }
            next = response.next.map(|link| link.trim_start_matches(BASE).to_owned());
        }
        Ok(entries)
    }
}

/// Asks once, on a connection of its own, and gives the status: of `/readyz`, or of a device's upgrade, which stays
/// without a WebSocket.
pub(crate) fn status(server: SocketAddr, path: &str, headers: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")?;
    read_head(&mut BufReader::new(stream)).map(|head| head.status)
}

/// What a device's door answers to a token.
pub(crate) fn knock(server: SocketAddr, token: &str) -> io::Result<u16> {
    const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: \
                           dGhlIHNhbXBsZSBub25jZQ==\r\n";
    status(server, &format!("/v3/?token={token}&client=browser&uniqueId=crash"), UPGRADE)
}

struct Head {
    status: u16,
    length: usize,
    next: Option<String>,
}

fn read_response(stream: &mut impl BufRead) -> io::Result<Response> {
    let Head { status, length, next } = read_head(stream)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let body = match body.as_slice() {
        [] => Value::Null,
        body => serde_json::from_slice(body)?,
    };
    Ok(Response { status, body, next })
}

fn read_head(stream: &mut impl BufRead) -> io::Result<Head> {
    let first = read_line(stream)?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut head = Head { status: status.ok_or_else(|| malformed(&first))?, length: 0, next: None };
    loop {
        let line = read_line(stream)?;
        let Some((name, value)) = line.split_once(':') else {
            return Ok(head);
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => head.length = value.trim().parse().map_err(|_| malformed(&line))?,
            "link" => head.next = value.split(['<', '>']).nth(1).map(str::to_owned),
            _ => {}
        }
    }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    // A line that is cut off comes from a server that died.
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nLink: </v1/accounts/1/sessions?limit=1&after=x>; \
                           rel=\"next\"\r\n\r\n{\"id\":12}";

    #[test]
    fn a_whole_response_is_read() {
        let response = read_response(&mut &WHOLE[..]).unwrap();
        assert_eq!((response.status, response.body), (200, serde_json::json!({ "id": 12 })));
        assert_eq!(response.next.as_deref(), Some("/v1/accounts/1/sessions?limit=1&after=x"));
    }

    #[test]
    fn a_response_that_is_cut_off_anywhere_is_no_answer() {
        for len in 0..WHOLE.len() {
            let error = read_response(&mut &WHOLE[..len]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{len} bytes");
        }
    }
}
