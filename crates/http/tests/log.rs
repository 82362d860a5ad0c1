//! The one log line of a request. In a process of its own, because the first use of a log line decides for all.

#![allow(clippy::unwrap_used, reason = "what a test unwraps it asserts")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use crosspoint_http::{Accounts, Control, Credential, EventId, ListenRefusal, Listening};
use crosspoint_ids::AccountId;
use crosspoint_model::{Command, Idempotency, Query, Refusal, Reply};
use crosspoint_token::TokenKey;
use serde_json::Value;
use tower::ServiceExt;
use tracing::Level;

const NOBODY: &str = "cb5054ee-a69b-41ac-9ab2-04d6370826b4";

struct Refusing;

impl Control for Refusing {
    async fn execute(&self, _: Command) -> Result<Reply, Refusal> {
        Err(Refusal::Unavailable)
    }

    async fn execute_once(&self, _: Idempotency, _: Command) -> Result<Reply, Refusal> {
        Err(Refusal::Unavailable)
    }

    async fn listen(&self, _: AccountId, _: Option<EventId>) -> Result<Listening, ListenRefusal> {
        Err(ListenRefusal::Stopping)
    }

    /// Breaks the promise that a reply fits its question.
    async fn ask(&self, _: Query) -> Result<Reply, Refusal> {
        Ok(Reply::Done)
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn take(&self) -> Vec<Value> {
        let text = String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap();
        for secret in ["hidden", "aGlkZGVu", "ZGV2", NOBODY, "tag text"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn a_request_leaves_one_line_with_the_id_of_its_answer() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(Level::DEBUG)
        .with_writer(move || writer.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let credential =
        Credential { account: "9900000".parse().unwrap(), user: "dev".into(), password: "hidden".into() };
    let router =
        crosspoint_http::router(Arc::new(Refusing), Accounts::new([credential]), TokenKey::new([0; 32]));

    let member = "/sessions/{sessionId}/participants/{participantId}";
    for (method, path, ours, level, route, status) in [
        ("POST", "/accounts/9900000/sessions".to_owned(), true, "INFO", "/sessions", 503),
        (
            "PUT",
            format!("/v1/accounts/9900000/sessions/{NOBODY}/participants/{NOBODY}"),
            true,
            "INFO",
            member,
            503,
        ),
        ("PUT", format!("/accounts/9900000/sessions/{NOBODY}x/participants/x"), true, "INFO", member, 404),
        ("BREW", "/accounts/9900000/sessions".to_owned(), true, "INFO", "/sessions", 405),
        ("POST", "/accounts/9900000/sessions".to_owned(), false, "DEBUG", "unknown", 401),
        ("GET", format!("/elsewhere/{NOBODY}"), true, "DEBUG", "unknown", 404),
        ("GET", format!("/accounts/9900000/sessions/{NOBODY}"), true, "INFO", "/sessions/{sessionId}", 500),
    ] {
        let mut request = Request::builder().method(method).uri(&path);
        if ours {
            request = request.header("authorization", "Basic ZGV2OmhpZGRlbg==");
        }
        let request = request.body(Body::from(r#"{"tag":"tag text"}"#)).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let id = response.headers()["x-request-id"].to_str().unwrap();
        let mut lines = lines.take();
        let line = lines.pop().unwrap();
        assert_eq!(line["level"], level, "{line}");
        assert_eq!(line["request"], id, "{line}");
        assert_eq!(line["route"], route, "{line}");
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line["method"], if method == "BREW" { "another" } else { method }, "{line}");
        assert_eq!(
            line.get("account").and_then(Value::as_str),
            (level == "INFO").then_some("9900000"),
            "{line}"
        );
        assert!(line["micros"].is_u64(), "{line}");
        // What broke inside stands in a line of its own, under the same id.
        let more: Vec<_> = lines.iter().map(|line| (&line["level"], &line["request"])).collect();
        if status == 500 {
            assert_eq!(more, [(&Value::from("ERROR"), &Value::from(id))]);
            let body = axum::body::Body::new(response.into_body());
            let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
            assert!(!String::from_utf8_lossy(&body).contains("reply"));
        } else {
            assert_eq!(more, []);
        }
    }
}
