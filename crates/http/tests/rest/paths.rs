//! What becomes of paths that no documentation shows.

use axum::body::Body;
use axum::http::Uri;

use crate::stage::{Stage, US, request};

#[tokio::test]
async fn doubled_and_trailing_slashes_change_nothing() {
    let stage = Stage::new();
    let session = stage.session().await;
    let member = stage.member(&session).await;
    let account = US.0;
    for (path, status) in [
        (format!("//accounts//{account}//sessions//{session}"), 200),
        (format!("/accounts/{account}/sessions/{session}/"), 200),
        (format!("///v1///accounts/{account}/sessions/{session}///"), 200),
        (format!("/accounts/{account}/sessions/{session}//participants"), 200),
        (format!("/accounts/{account}//participants/{member}"), 200),
        (format!("/accounts/{account}/sessions//participants"), 404),
        (format!("/accounts/{account}/sessions/{session}/participants//subscriptions"), 405),
        (format!("/accounts//sessions/{session}"), 401),
    ] {
        let answer = stage.send(request("GET", &path, Some(US), Body::empty())).await.is(status);
        assert_eq!(answer.header("location"), None, "{path}");
    }
}

#[tokio::test]
async fn what_is_no_path_of_the_api_is_not_found() {
    let stage = Stage::new();
    let session = stage.session().await;
    let account = US.0;
    for path in [
        "/".to_owned(),
        "*".to_owned(),
        "/v1".to_owned(),
        "/accounts".to_owned(),
        "/accounts/".to_owned(),
        "/favicon.ico".to_owned(),
        "/%61ccounts".to_owned(),
        format!("/v2/accounts/{account}/sessions"),
        format!("/V1/accounts/{account}/sessions"),
        format!("/v1/v1/accounts/{account}/sessions"),
        format!("/Accounts/{account}/sessions"),
        format!("/accounts/{account}"),
        format!("/accounts/{account}/"),
        format!("/accounts/{account}/calls"),
        format!("/accounts/{account}/Sessions"),
        format!("/accounts/{account}/sessions%2F{session}"),
        format!("/accounts/{account}/session%73"),
        format!("/accounts/{account}/sessions/{session}/streams"),
        format!("/accounts/{account}/sessions/{session}/participants/x/subscriptions/y"),
        format!("/accounts/{account}/../{account}/sessions"),
        format!("/accounts/{account}{}", "/sessions".repeat(2_000)),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS"] {
            stage.send(request(method, &path, Some(US), "not JSON")).await.is(404);
        }
    }
}

#[tokio::test]
async fn an_absolute_target_is_taken_by_its_path() {
    let stage = Stage::new();
    let uri: Uri = format!("http://api.example/v1/accounts/{}/sessions?x=y", US.0).parse().unwrap();
    stage.send(request("POST", &uri.to_string(), Some(US), Body::empty())).await.is(200);
}

#[tokio::test]
async fn head_is_answered_like_get() {
    let stage = Stage::new();
    let session = stage.session().await;
    let path = format!("/sessions/{session}");
    let (get, head) = (stage.ask("GET", &path).await.is(200), stage.ask("HEAD", &path).await.is(200));
    assert_eq!(get.text.len().to_string(), head.header("content-length").unwrap());
    stage.ask("HEAD", "/sessions/x").await.is(404);
    let member = format!("/sessions/{session}/participants/x");
    assert_eq!(stage.ask("HEAD", &member).await.is(405).header("allow"), Some("PUT, DELETE"));
}
