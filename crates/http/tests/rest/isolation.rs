//! What one account has, another can neither see, nor change, nor name.

use axum::body::Body;
use serde_json::json;

use crate::stage::{Stage, THEM, US};

#[tokio::test]
async fn what_is_of_another_account_is_not_there() {
    let stage = Stage::new();
    let session = stage.session().await;
    let participant = stage.member(&session).await;
    let own_session = stage.session_of(THEM).await;
    let own = stage.participant_of(THEM).await;
    stage
        .by(THEM, "PUT", &format!("/sessions/{own_session}/participants/{own}"), Body::empty())
        .await
        .is(204);
    stage.commands();
    for (method, path) in [
        ("GET", format!("/sessions/{session}")),
        ("DELETE", format!("/sessions/{session}")),
        ("GET", format!("/sessions/{session}/participants")),
        ("PUT", format!("/sessions/{session}/participants/{participant}")),
        ("PUT", format!("/sessions/{session}/participants/{own}")),
        ("PUT", format!("/sessions/{own_session}/participants/{participant}")),
        ("DELETE", format!("/sessions/{session}/participants/{participant}")),
        ("DELETE", format!("/sessions/{own_session}/participants/{participant}")),
        ("GET", format!("/sessions/{session}/participants/{participant}/subscriptions")),
        ("GET", format!("/sessions/{own_session}/participants/{participant}/subscriptions")),
        ("PUT", format!("/sessions/{session}/participants/{participant}/subscriptions")),
        ("PUT", format!("/sessions/{own_session}/participants/{participant}/subscriptions")),
        ("GET", format!("/sessions/{session}/subscriptions")),
        ("PUT", format!("/sessions/{session}/subscriptions")),
        ("GET", format!("/participants/{participant}")),
        ("DELETE", format!("/participants/{participant}")),
        ("GET", format!("/participants/{participant}/streams")),
    ] {
        stage.by(THEM, method, &path, Body::empty()).await.is(404);
    }
    stage.ask("GET", &format!("/sessions/{session}")).await.says(&json!({
        "id": session, "participant_ids": [participant],
    }));
}

#[tokio::test]
async fn a_participant_of_another_account_cannot_be_listed() {
    let stage = Stage::new();
    let session = stage.session_of(THEM).await;
    let own = stage.participant_of(THEM).await;
    let foreign = stage.participant().await;
    let member = format!("/sessions/{session}/participants/{own}");
    let list = json!({ "participants": [{ "participantId": own }, { "participantId": foreign }] });
    stage.by(THEM, "PUT", &member, list.to_string()).await.names(400, &foreign);
    stage.by(THEM, "PUT", &format!("{member}/subscriptions"), list.to_string()).await.names(400, &foreign);
    stage.by(THEM, "PUT", &member, Body::empty()).await.is(204);
    let matrix = format!("/sessions/{session}/subscriptions");
    let row_of = |id: &str| json!({ id: list.clone() }).to_string();
    stage.by(THEM, "PUT", &matrix, row_of(&own)).await.names(400, &foreign);
    stage.by(THEM, "PUT", &matrix, row_of(&foreign)).await.names(400, &foreign);
    stage.by(THEM, "GET", &format!("{member}/subscriptions"), Body::empty()).await.says(&json!({}));
}

#[tokio::test]
async fn a_foreign_id_reads_like_one_that_nobody_has() {
    let stage = Stage::new();
    let foreign = stage.session_of(THEM).await;
    let path = format!("/sessions/{foreign}");
    let before = stage.by(US, "GET", &path, Body::empty()).await.names(404, &foreign).error();
    stage.by(THEM, "DELETE", &path, Body::empty()).await.is(204);
    let after = stage.by(US, "GET", &path, Body::empty()).await.names(404, &foreign).error();
    assert_eq!(before, after);
}
