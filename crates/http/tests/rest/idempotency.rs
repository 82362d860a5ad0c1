//! The `Idempotency-Key` header.

use serde_json::{Value, json};

use crate::stage::{Answer, Stage, THEM, US, User, request};

async fn post(stage: &Stage, user: User, path: &str, key: &str, body: &Value) -> Answer {
    let path = format!("/accounts/{}{path}", user.0);
    let mut request = request("POST", &path, Some(user), body.to_string());
    request.headers_mut().insert("idempotency-key", key.parse().unwrap());
    stage.send(request).await
}

#[tokio::test]
async fn the_same_post_again_gives_the_first_answer() {
    for path in ["/sessions", "/participants"] {
        let stage = Stage::new();
        let body = json!({ "tag": "a" });
        let first = post(&stage, US, path, "key-1", &body).await.is(200).json();
        assert_eq!(post(&stage, US, path, "key-1", &body).await.is(200).json(), first);
        assert_ne!(post(&stage, US, path, "key-2", &body).await.is(200).json(), first);
        assert_ne!(post(&stage, THEM, path, "key-1", &body).await.is(200).json(), first);
        assert_eq!(stage.ask("GET", path).await.json().as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn another_request_under_the_key_is_refused() {
    let stage = Stage::new();
    post(&stage, US, "/sessions", "key", &json!({ "tag": "a" })).await.is(200);
    post(&stage, US, "/sessions", "key", &json!({ "tag": "b" })).await.names(422, "key");
    post(&stage, US, "/participants", "key", &json!({ "tag": "a" })).await.names(422, "key");
    assert_eq!(stage.ask("GET", "/participants").await.json(), json!([]));
}

#[tokio::test]
async fn a_key_that_was_not_used_up_stays_free() {
    let stage = Stage::new();
    post(&stage, US, "/sessions", "key", &json!({ "tag": "x".repeat(51) })).await.names(400, "tag");
    post(&stage, US, "/sessions", "key", &json!({ "tag": "x" })).await.is(200);
}

#[tokio::test]
async fn a_malformed_key_is_refused() {
    let stage = Stage::new();
    for key in ["", "two words", &"x".repeat(256)] {
        post(&stage, US, "/sessions", key, &json!({})).await.names(400, "Idempotency-Key");
    }
}

#[tokio::test]
async fn an_account_that_uses_too_many_keys_is_told() {
    let stage = Stage::new();
    for key in ["1", "2", "3"] {
        post(&stage, US, "/sessions", key, &json!({})).await.is(200);
    }
    post(&stage, US, "/sessions", "4", &json!({})).await.names(409, "idempotency keys");
    post(&stage, US, "/sessions", "1", &json!({})).await.is(200);
}
