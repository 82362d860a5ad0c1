//! What is taken as a body, and what is wrong with others.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, header};
use crosspoint_http::BODY_LEN_MAX;
use futures_util::stream;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, US, request};

const NOTHING_GIVEN: [&str; 9] =
    ["", " ", "\r\n", "null", "{}", "[]", " {} ", "\t[ ]\n", r#"{"unknown":1,"tag":null}"#];

/// Every operation that takes a body, on a fresh stage, with this body.
async fn everywhere(body: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    let stage = Stage::new();
    let session = stage.session().await;
    let participant = stage.member(&session).await;
    for (method, path) in [
        ("POST", "/sessions".to_owned()),
        ("POST", "/participants".to_owned()),
        ("PUT", format!("/sessions/{session}/participants/{participant}")),
        ("PUT", format!("/sessions/{session}/participants/{participant}/subscriptions")),
        ("PUT", format!("/sessions/{session}/subscriptions")),
    ] {
        answers.push(stage.by(US, method, &path, body.to_owned()).await);
    }
    answers
}

#[tokio::test]
async fn nothing_given_has_many_forms() {
    for body in NOTHING_GIVEN.into_iter().filter(|body| !body.contains("unknown")) {
        for answer in everywhere(body).await {
            assert!(matches!(answer.status, 200 | 204), "{body:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_content_type_says_nothing() {
    let stage = Stage::new();
    for content_type in [
        None,
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("application/x-www-form-urlencoded"),
        Some("text/plain"),
        Some("multipart/form-data; boundary=x"),
        Some("garbage"),
        Some(""),
    ] {
        for (body, tag) in [("", None), ("null", None), (r#"{"tag":"x"}"#, Some("x"))] {
            let mut request = request("POST", "/accounts/9900000/sessions", Some(US), body);
            if let Some(content_type) = content_type {
                request
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
            }
            request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
            let answer = stage.send(request).await.is(200);
            assert_eq!(answer.json().get("tag").and_then(Value::as_str), tag);
        }
    }
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_everywhere() {
    let deep = |open: &str| open.repeat(BODY_LEN_MAX / open.len());
    let surrogate = r#"{"tag":"\ud800"}"#;
    for body in [
        "not JSON",
        "{",
        "}",
        "[",
        "{\"tag\":}",
        "{\"tag\":\"x\"",
        "{} {}",
        "nul",
        "NULL",
        "'x'",
        "{tag:\"x\"}",
        "{\"tag\":\"x\",}",
        "\u{feff}{}",
        "\0",
        "--",
        "1e999",
        surrogate,
        &deep("["),
        &deep("{\"a\":"),
        &format!("{}{}", "[".repeat(200), "]".repeat(200)),
    ] {
        for answer in everywhere(body).await {
            answer.names(400, "the body is not valid JSON");
        }
    }
    for body in ["true", "false", "0", "1.5", "\"text\"", "\"\"", "[1]", "[{}]", "[null]"] {
        for answer in everywhere(body).await {
            answer.names(400, "the body must be a JSON object");
        }
    }
}

#[tokio::test]
async fn bytes_that_are_no_utf_8_are_refused() {
    let stage = Stage::new();
    let body: &[u8] = b"{\"tag\":\"\xff\"}";
    stage.by(US, "POST", "/sessions", body).await.names(400, "not valid JSON");
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_named() {
    let stage = Stage::new();
    let session = stage.session().await;
    let participant = stage.member(&session).await;
    let wrong = |field: &str, right: &str| -> Vec<(Value, String)> {
        let values = [json!(1), json!(true), json!("x"), json!({}), json!([])];
        let values = values.into_iter().filter(|value| match right {
            "a string" => !value.is_string(),
            _ => !value.is_array(),
        });
        values.map(|value| (json!({ field: value }), format!("{field} must be {right}"))).collect()
    };
    let subscriptions = [wrong("sessionId", "a string"), wrong("participants", "an array")].concat();
    let participants = [
        wrong("tag", "a string"),
        wrong("callbackUrl", "a string"),
        wrong("deviceApiVersion", "a string"),
        wrong("publishPermissions", "an array"),
    ];
    for (method, path, cases) in [
        ("POST", "/sessions".to_owned(), wrong("tag", "a string")),
        ("POST", "/participants".to_owned(), participants.concat()),
        ("PUT", format!("/sessions/{session}/participants/{participant}"), subscriptions.clone()),
        ("PUT", format!("/sessions/{session}/participants/{participant}/subscriptions"), subscriptions),
    ] {
        for (body, sentence) in cases {
            stage.tell(method, &path, &body).await.names(400, sentence);
        }
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_null_is_absent() {
    let stage = Stage::new();
    let body = json!({
        "id": "mine", "sessions": 5, "subscriptions": "x", "token": null, "participant_ids": [null], "tag": null,
        "callbackUrl": null, "publishPermissions": null, "deviceApiVersion": null, "more": { "deep": [[[]]] },
    });
    let answer = stage.tell("POST", "/participants", &body).await.is(200);
    let participant = &answer.json()["participant"];
    assert_ne!(participant["id"], "mine");
    assert_eq!(participant["sessions"], json!([]));
    assert_eq!(participant["subscriptions"], json!({}));
    assert_eq!(participant["publishPermissions"], json!([]));
    assert!(participant.get("tag").is_none() && participant.get("callbackUrl").is_none());
    let answer = stage.tell("POST", "/sessions", &json!({ "id": 7, "tag": null, "x": null })).await.is(200);
    assert!(answer.json().get("tag").is_none());
}

#[tokio::test]
async fn of_a_field_that_is_given_twice_the_last_counts() {
    let stage = Stage::new();
    for (body, tag) in [(r#"{"tag":"a","tag":"b"}"#, Some("b")), (r#"{"tag":"a","tag":null}"#, None)] {
        let answer = stage.by(US, "POST", "/sessions", body).await.is(200);
        assert_eq!(answer.json().get("tag").and_then(Value::as_str), tag);
    }
}

/// A body of this length that is good but for its length.
fn sized(len: usize) -> String {
    format!("{{\"tag\":\"x\"{}}}", " ".repeat(len - 11))
}

#[tokio::test]
async fn a_body_may_have_64_kib_and_no_more() {
    assert_eq!(sized(BODY_LEN_MAX).len(), 65_536);
    for answer in everywhere(&sized(BODY_LEN_MAX)).await {
        // The matrix knows no member of the name `tag`.
        assert!(matches!(answer.status, 200 | 204 | 400), "{answer:?}");
    }
    for body in [sized(BODY_LEN_MAX + 1), sized(1 << 20), " ".repeat(BODY_LEN_MAX + 1)] {
        for answer in everywhere(&body).await {
            answer.names(413, BODY_LEN_MAX);
        }
    }
}

fn streamed(method: &str, path: &str, pieces: usize) -> Request<Body> {
    let piece = Bytes::from_static(&[b' '; 1_024]);
    let pieces = stream::iter((0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    request(method, path, Some(US), Body::from_stream(pieces))
}

#[tokio::test]
async fn a_body_of_unknown_length_is_bounded_too() {
    let stage = Stage::new();
    let path = "/accounts/9900000/sessions";
    stage.send(streamed("POST", path, 64)).await.is(200);
    let answer = stage.send(streamed("POST", path, 65)).await.names(413, BODY_LEN_MAX);
    assert_eq!(answer.header("connection"), None, "all of it came, so the connection can go on");
    let endless = stage.send(streamed("POST", path, usize::MAX)).await.is(413);
    assert_eq!(endless.header("connection"), Some("close"));
}

#[tokio::test]
async fn an_announced_length_is_believed_before_anything_is_read() {
    let stage = Stage::new();
    for (length, status) in
        [("65536", 200), ("65537", 413), ("18446744073709551615", 413), ("x", 200), ("-1", 200)]
    {
        let mut request = request("POST", "/accounts/9900000/sessions", Some(US), "");
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static(length));
        stage.send(request).await.is(status);
    }
}

#[tokio::test]
async fn bodies_where_none_belongs_are_ignored_within_bounds() {
    let stage = Stage::new();
    let session = stage.session().await;
    for body in ["not JSON", "a=b&c=d", "null", &sized(BODY_LEN_MAX + 1)] {
        stage.by(US, "GET", &format!("/sessions/{session}"), body.to_owned()).await.is(200);
    }
    let path = format!("/accounts/9900000/sessions/{session}");
    let answer = stage.send(streamed("DELETE", &path, usize::MAX)).await.is(204);
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up() {
    let stage = Stage::new();
    let session = stage.session().await;
    let never = || Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let path = format!("/accounts/9900000/sessions/{session}");
    for (method, path, user, status) in [
        ("POST", "/accounts/9900000/sessions", Some(US), 408),
        ("POST", "/accounts/9900000/sessions", None, 401),
        ("GET", path.as_str(), Some(US), 200),
    ] {
        let answer = stage.send(request(method, path, user, never())).await.is(status);
        assert_eq!(answer.header("connection"), Some("close"), "{method}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let stage = Stage::new();
    let broken = stream::iter([Ok(Bytes::from_static(b"{}")), Err(std::io::Error::other("gone"))]);
    let path = "/accounts/9900000/sessions";
    stage.send(request("POST", path, Some(US), Body::from_stream(broken))).await.names(400, "the body");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_leave_to_send_gets_the_answer_at_once() {
    let stage = Stage::new();
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let mut request = request("POST", "/accounts/9900000/sessions", None, never);
    request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    let begun = tokio::time::Instant::now();
    let answer = stage.send(request).await.is(401);
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(begun.elapsed().as_millis(), 0);
}
