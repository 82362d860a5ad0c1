//! The demo page's helpers.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::routing::get;
use crosspoint_http::Control;
use crosspoint_model::{Command, MediaTypes};
use crosspoint_token::TokenKey;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Answer, NOBODY, NOW, SECRET, SESSION_PARTICIPANTS_MAX, Stage, request};

async fn call(stage: &Stage, method: &str, path: &str, body: impl Into<Body>) -> Answer {
    let mut request = request(method, path, None, body);
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost:8080"));
    stage.send(request).await
}

async fn join(stage: &Stage, room: &str, name: &str) -> Value {
    let body = json!({ "room": room, "name": name }).to_string();
    call(stage, "POST", "/demo/api/join", body).await.is(200).json()
}

fn id(joined: &Value) -> &str {
    joined["participantId"].as_str().unwrap()
}

#[tokio::test]
async fn who_joins_the_same_room_meets() {
    let stage = Stage::demo();
    let [anna, ben, other] = [
        join(&stage, "my room", "Anna").await,
        join(&stage, " my room ", "Ben").await,
        join(&stage, "x", "").await,
    ];
    assert_eq!(anna["accountId"], "9900000");
    assert_eq!(anna["sessionId"], ben["sessionId"]);
    assert_ne!(anna["sessionId"], other["sessionId"]);
    let token = TokenKey::new(SECRET).verify(NOW, anna["token"].as_str().unwrap()).unwrap();
    assert_eq!(token.participant.to_string(), id(&anna));
    stage.publishes(id(&ben), 1, Some("camera"), MediaTypes::VIDEO);
    let whole = json!({ "sessionId": anna["sessionId"] });
    call(&stage, "GET", "/demo/api/rooms/my%20room", "").await.says(&json!({
        "accountId": "9900000",
        "sessionId": anna["sessionId"],
        "participants": [
            { "id": id(&anna), "name": "Anna", "streams": [] },
            { "id": id(&ben), "name": "Ben", "streams": [{
                "id": Uuid::from_u128(1).to_string(), "alias": "camera", "mediaTypes": ["VIDEO"],
                "publishedAt": "2023-11-14T22:13:20.123Z",
            }] },
        ],
        "subscriptions": { id(&anna): whole, id(&ben): whole },
    }));
}

#[tokio::test]
async fn who_opens_a_room_at_the_same_time_meets_too() {
    let stage = Stage::demo();
    let (anna, ben) = tokio::join!(join(&stage, "r", "Anna"), join(&stage, "r", "Ben"));
    assert_eq!(anna["sessionId"], ben["sessionId"]);
    let room = call(&stage, "GET", "/demo/api/rooms/r", "").await.is(200).json();
    assert_eq!(room["participants"].as_array().unwrap().len(), 2);
    let made = |command: &Command| matches!(command, Command::CreateSession { .. });
    let ended = |command: &Command| matches!(command, Command::DeleteSession { .. });
    let commands = stage.commands();
    let count = |which: &dyn Fn(&Command) -> bool| commands.iter().filter(|command| which(command)).count();
    assert_eq!((count(&made), count(&ended)), (2, 1), "both opened it, one of the sessions is left");
}

#[tokio::test]
async fn a_room_whose_session_is_gone_is_opened_anew() {
    let stage = Stage::demo();
    let before = join(&stage, "r", "Anna").await;
    let session = before["sessionId"].as_str().unwrap().parse().unwrap();
    let account = before["accountId"].as_str().unwrap().parse().unwrap();
    stage.control.execute(Command::DeleteSession { account, session }).await.unwrap();
    call(&stage, "GET", "/demo/api/rooms/r", "").await.is(404);
    let after = join(&stage, "r", "Ben").await;
    assert_ne!(before["sessionId"], after["sessionId"]);
    let room = call(&stage, "GET", "/demo/api/rooms/r", "").await.is(200).json();
    assert_eq!(room["participants"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_matrix_of_a_room_is_read_like_that_of_a_session() {
    let stage = Stage::demo();
    let anna = join(&stage, "r", "Anna").await;
    let path = "/demo/api/rooms/r/subscriptions";
    call(&stage, "PUT", path, json!({ id(&anna): {} }).to_string()).await.is(204);
    let room = call(&stage, "GET", "/demo/api/rooms/r", "").await.is(200).json();
    assert_eq!(room["subscriptions"], json!({ id(&anna): {} }));
    call(&stage, "PUT", path, json!({ NOBODY: {} }).to_string()).await.names(400, NOBODY);
    call(&stage, "PUT", path, "not JSON").await.names(400, "JSON");
    call(&stage, "PUT", "/demo/api/rooms/none/subscriptions", "").await.is(404);
}

#[tokio::test]
async fn who_leaves_is_gone_for_good() {
    let stage = Stage::demo();
    let anna = join(&stage, "r", "Anna").await;
    let path = format!("/demo/api/rooms/r/participants/{}", id(&anna));
    call(&stage, "DELETE", &path, "whatever").await.is(204);
    call(&stage, "DELETE", &path, "").await.is(404);
    call(&stage, "DELETE", "/demo/api/rooms/r/participants/x", "").await.is(404);
    let room = call(&stage, "GET", "/demo/api/rooms/r", "").await.is(200).json();
    assert_eq!(room["participants"], json!([]));
}

#[tokio::test]
async fn names_and_rooms_are_bounded() {
    let stage = Stage::demo();
    let long = join(&stage, &"ü".repeat(50), &"ä".repeat(60)).await;
    let room =
        call(&stage, "GET", &format!("/demo/api/rooms/{}", "%C3%BC".repeat(50)), "").await.is(200).json();
    assert_eq!(room["participants"][0]["id"], id(&long));
    assert_eq!(room["participants"][0]["name"], "ä".repeat(50));
    for (body, name) in [
        (json!({}), "room"),
        (json!({ "room": "" }), "room"),
        (json!({ "room": "   " }), "room"),
        (json!({ "room": "x".repeat(51) }), "room"),
        (json!({ "room": 1 }), "room must be a string"),
        (json!({ "room": "r", "name": 1 }), "name must be a string"),
        (json!({ "room": null, "name": "x" }), "room"),
    ] {
        call(&stage, "POST", "/demo/api/join", body.to_string()).await.names(400, name);
    }
    call(&stage, "GET", "/demo/api/rooms/%FF", "").await.names(400, "UTF-8");
    call(&stage, "GET", "/demo/api/rooms/nobody%2Fhere", "").await.is(404);
}

#[tokio::test]
async fn who_finds_no_place_leaves_nothing_behind() {
    let stage = Stage::demo();
    for _ in 0..SESSION_PARTICIPANTS_MAX {
        join(&stage, "r", "").await;
    }
    // More than the account may have participants.
    for _ in 0..60 {
        call(&stage, "POST", "/demo/api/join", r#"{"room":"r"}"#).await.names(409, SESSION_PARTICIPANTS_MAX);
    }
}

#[tokio::test]
async fn only_the_developers_own_pages_are_answered() {
    let stage = Stage::demo();
    for (host, origin, status) in [
        (Some("localhost:8080"), Some("http://localhost:8080"), 200),
        (Some("evil.example"), None, 403),
        (None, None, 403),
        (Some("localhost:8080"), Some("https://evil.example"), 403),
        (Some("localhost:8080"), Some("null"), 403),
    ] {
        let mut request = request("POST", "/demo/api/join", None, r#"{"room":"r"}"#);
        for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
            request.headers_mut().extend(value.map(|value| (name, HeaderValue::from_static(value))));
        }
        let answer = stage.send(request).await.is(status);
        assert_eq!(status == 403, answer.json().get("error").is_some(), "{answer:?}");
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let stage = Stage::demo();
    for (method, path, allow) in [
        ("GET", "/demo/api/join", Some("POST")),
        ("POST", "/demo/api/rooms/r", Some("GET, HEAD")),
        ("GET", "/demo/api/rooms/r/subscriptions", Some("PUT")),
        ("GET", "/demo/api/rooms/r/participants/p", Some("DELETE")),
        ("GET", "/demo/api/rooms", None),
        ("GET", "/demo/api/rooms/r/participants", None),
        ("GET", "/demo/api/rooms/r/participants/p/more/and/more", None),
    ] {
        let answer = call(&stage, method, path, "").await.is(if allow.is_some() { 405 } else { 404 });
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

/// The server serves the page's files by such a wildcard.
#[tokio::test]
async fn a_wildcard_for_files_beside_it_takes_nothing_away() {
    let mut stage = Stage::demo();
    let files = Router::new().route("/demo", get("page")).route("/demo/{*file}", get("file"));
    stage.router = files.merge(stage.router).fallback_service(Stage::new().router);
    join(&stage, "r", "").await;
    call(&stage, "GET", "/demo/api/rooms/r", "").await.is(200);
    call(&stage, "GET", "/demo/api/rooms/none", "").await.is(404);
}
