//! Who is in a session: adding, removing, reading.

use crosspoint_model::{Command, Scope};
use serde_json::json;

use crate::stage::{NOBODY, SESSION_PARTICIPANTS_MAX, Stage, US};

#[tokio::test]
async fn members_are_read_oldest_first_wherever_they_stand() {
    let stage = Stage::new();
    let session = stage.session().await;
    stage.ask("GET", &format!("/sessions/{session}/participants")).await.says(&json!([]));
    let [first, second] = [stage.participant().await, stage.participant().await];
    // The younger participant is the older member.
    for id in [&second, &first] {
        stage.ask("PUT", &format!("/sessions/{session}/participants/{id}")).await.is(204);
    }
    let view = |id: &str| {
        json!({
            "id": id, "publishPermissions": [], "sessions": [session], "subscriptions": {}, "deviceApiVersion": "V3",
        })
    };
    let members = stage.ask("GET", &format!("/sessions/{session}/participants")).await;
    members.says(&json!([view(&second), view(&first)]));
    let expected = json!({ "id": session, "participant_ids": [second, first] });
    stage.ask("GET", &format!("/sessions/{session}")).await.says(&expected);
    stage.ask("GET", &format!("/participants/{first}")).await.says(&view(&first));
}

#[tokio::test]
async fn a_participant_is_in_one_session_and_moves_by_leaving() {
    let stage = Stage::new();
    let [one, two] = [stage.session().await, stage.session().await];
    let participant = stage.member(&one).await;
    let place = |session: &str| format!("/sessions/{session}/participants/{participant}");
    stage.ask("PUT", &place(&one)).await.is(204);
    stage.ask("PUT", &place(&two)).await.names(409, &one);
    stage.ask("DELETE", &place(&two)).await.is(404);
    stage.ask("DELETE", &place(&one)).await.is(204);
    stage.ask("DELETE", &place(&one)).await.is(404);
    stage.ask("PUT", &place(&two)).await.is(204);
    let read = stage.ask("GET", &format!("/participants/{participant}")).await.is(200);
    assert_eq!(read.json()["sessions"], json!([two]));
}

#[tokio::test]
async fn ending_a_session_or_participant_ends_the_membership() {
    let stage = Stage::new();
    let session = stage.session().await;
    let [one, two] = [stage.member(&session).await, stage.member(&session).await];
    stage.ask("DELETE", &format!("/participants/{one}")).await.is(204);
    stage.ask("GET", &format!("/sessions/{session}")).await.says(&json!({
        "id": session, "participant_ids": [two],
    }));
    stage.ask("DELETE", &format!("/sessions/{session}")).await.is(204);
    let read = stage.ask("GET", &format!("/participants/{two}")).await.is(200);
    assert_eq!(read.json()["sessions"], json!([]));
    stage.ask("GET", &format!("/sessions/{session}/participants")).await.is(404);
}

#[tokio::test]
async fn a_full_session_takes_nobody_more() {
    let stage = Stage::new();
    let session = stage.session().await;
    let mut last = String::new();
    for _ in 0..SESSION_PARTICIPANTS_MAX {
        last = stage.member(&session).await;
    }
    let more = stage.participant().await;
    let place = |id: &str| format!("/sessions/{session}/participants/{id}");
    stage.ask("PUT", &place(&more)).await.names(409, SESSION_PARTICIPANTS_MAX);
    stage.ask("PUT", &place(&last)).await.is(204);
    stage.ask("DELETE", &place(&last)).await.is(204);
    stage.ask("PUT", &place(&more)).await.is(204);
}

#[tokio::test]
async fn only_a_body_that_gives_something_replaces_subscriptions() {
    let stage = Stage::new();
    let session = stage.session().await;
    let participant = stage.participant().await;
    let path = format!("/sessions/{session}/participants/{participant}");
    let whole = format!(r#"{{"sessionId":"{session}"}}"#);
    for (body, expected) in [
        ("", None),
        ("null", None),
        ("{}", None),
        ("[]", None),
        (r#"{"unknown":1}"#, None),
        (r#"{"sessionId":null,"participants":null}"#, None),
        (r#"{"participants":[]}"#, Some(None)),
        (r#"{"sessionId":"","participants":[]}"#, Some(None)),
        (r#"{"sessionId":null,"participants":[]}"#, Some(None)),
        (whole.as_str(), Some(Some(Scope::WholeSession))),
    ] {
        stage.commands();
        stage.by(US, "PUT", &path, body.to_owned()).await.is(204);
        let [Command::AddParticipant { subscriptions, .. }] = &stage.commands()[..] else { panic!("{body}") };
        assert_eq!(subscriptions, &expected, "{body}");
    }
}

#[tokio::test]
async fn an_addition_that_is_refused_leaves_nobody_behind() {
    let stage = Stage::new();
    let session = stage.session().await;
    let participant = stage.participant().await;
    let path = format!("/sessions/{session}/participants/{participant}");
    let body = json!({ "participants": [{ "participantId": NOBODY }] });
    stage.tell("PUT", &path, &body).await.names(400, NOBODY);
    stage.tell("PUT", &path, &json!({ "sessionId": NOBODY })).await.names(400, "sessionId");
    stage.ask("GET", &format!("/sessions/{session}/participants")).await.says(&json!([]));
}
