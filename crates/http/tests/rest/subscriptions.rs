//! The form of subscriptions, in and out.

use serde_json::{Value, json};

use crate::stage::{NOBODY, Stage, US};

struct Scene {
    stage: Stage,
    session: String,
    /// Who subscribes.
    subscriber: String,
    /// Another participant of the account, in no session.
    other: String,
    path: String,
}

impl Scene {
    async fn new() -> Self {
        let stage = Stage::new();
        let session = stage.session().await;
        let subscriber = stage.member(&session).await;
        let other = stage.participant().await;
        let path = format!("/sessions/{session}/participants/{subscriber}/subscriptions");
        Self { stage, session, subscriber, other, path }
    }

    /// What is written with `body` reads back as `expected`, from a state in which something else stood there.
    async fn check(&self, body: &Value, expected: &Value) {
        let before =
            json!({ "participants": [{ "participantId": self.subscriber, "streamAliases": ["before"] }] });
        self.stage.tell("PUT", &self.path, &before).await.is(204);
        self.stage.tell("PUT", &self.path, body).await.is(204);
        self.stage.ask("GET", &self.path).await.says(expected);
        let participant = self.stage.ask("GET", &format!("/participants/{}", self.subscriber)).await.is(200);
        assert_eq!(&participant.json()["subscriptions"], expected, "{body}");
    }

    async fn refuses(&self, body: &Value, name: &str) {
        let before = self.stage.ask("GET", &self.path).await.is(200).json();
        for path in [&self.path, &self.path.replace("/subscriptions", "")] {
            self.stage.tell("PUT", path, body).await.names(400, name);
        }
        self.stage.ask("GET", &self.path).await.says(&before);
    }
}

#[tokio::test]
async fn what_is_written_reads_back() {
    let scene = Scene::new().await;
    let Scene { session, subscriber, other, .. } = &scene;
    let whole = json!({ "sessionId": session });
    let one = |entry: Value| json!({ "sessionId": session, "participants": [entry] });
    let all_of_other = one(json!({ "participantId": other }));
    let two_of_other = one(json!({ "participantId": other, "streamAliases": ["camera", "screen"] }));
    for (body, expected) in [
        (json!({}), json!({})),
        (json!([]), json!({})),
        (json!(null), json!({})),
        (json!({ "participants": [] }), json!({})),
        (json!({ "sessionId": "" }), json!({})),
        (json!({ "sessionId": null, "participants": null }), json!({})),
        (whole.clone(), whole.clone()),
        (json!({ "sessionId": session, "participants": [] }), whole.clone()),
        (json!({ "sessionId": session, "participants": null }), whole),
        (json!({ "participants": [{ "participantId": other }] }), all_of_other.clone()),
        (one(json!({ "participantId": other })), all_of_other.clone()),
        (one(json!({ "participantId": other, "streamAliases": [] })), all_of_other.clone()),
        (one(json!({ "participantId": other, "streamAliases": null, "more": 1 })), all_of_other.clone()),
        (one(json!({ "participantId": other, "streamAliases": ["camera", "screen"] })), two_of_other.clone()),
        (
            json!({ "participants": [
                { "participantId": other, "streamAliases": ["camera"] },
                { "participantId": subscriber },
                { "participantId": other, "streamAliases": ["screen", "camera"] },
            ] }),
            json!({ "sessionId": session, "participants": [
                { "participantId": other, "streamAliases": ["camera", "screen"] },
                { "participantId": subscriber },
            ] }),
        ),
        (
            json!({ "participants": [
                { "participantId": other, "streamAliases": ["camera"] }, { "participantId": other },
            ] }),
            all_of_other,
        ),
    ] {
        scene.check(&body, &expected).await;
    }
}

#[tokio::test]
async fn an_empty_body_clears() {
    let scene = Scene::new().await;
    for body in ["", "null", "{}", "[]"] {
        scene.stage.tell("PUT", &scene.path, &json!({ "sessionId": scene.session })).await.is(204);
        scene.stage.by(US, "PUT", &scene.path, body).await.is(204);
        scene.stage.ask("GET", &scene.path).await.says(&json!({}));
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_changes_nothing() {
    let scene = Scene::new().await;
    let other = &scene.other;
    scene.stage.tell("PUT", &scene.path, &json!({ "sessionId": scene.session })).await.is(204);
    let entry = |entry: Value| json!({ "participants": [entry] });
    let aliases = |aliases: Value| entry(json!({ "participantId": other, "streamAliases": aliases }));
    let long = "x".repeat(9_000);
    let upper = other.to_uppercase();
    for (body, name) in [
        (json!({ "sessionId": NOBODY }), "sessionId"),
        (json!({ "sessionId": "x", "participants": [{ "participantId": other }] }), "sessionId"),
        (json!({ "sessionId": scene.session.to_uppercase() }), "sessionId"),
        (entry(json!({ "participantId": NOBODY })), NOBODY),
        (json!({ "participants": [{ "participantId": other }, { "participantId": NOBODY }] }), NOBODY),
        (entry(json!({ "participantId": "bob" })), "'bob'"),
        (entry(json!({ "participantId": "" })), "''"),
        (entry(json!({ "participantId": upper })), &upper),
        (entry(json!({ "participantId": long })), &format!("'{}…'", "x".repeat(64))),
        (entry(json!({ "participantId": null })), "participantId"),
        (entry(json!({ "participantId": 1 })), "participantId must be a string"),
        (entry(json!({})), "participantId"),
        (entry(json!(null)), "participants"),
        (entry(json!(other)), "participants"),
        (entry(json!([])), "participants"),
        (aliases(json!("camera")), "streamAliases must be an array"),
        (aliases(json!([null])), "streamAliases"),
        (aliases(json!([1])), "streamAliases"),
        (aliases(json!(["x".repeat(129)])), "streamAliases"),
        (aliases(json!(["ü".repeat(129)])), "streamAliases"),
        (aliases((0..65).map(|n| n.to_string()).collect()), "streamAliases"),
        (json!({ "participants": vec![json!({ "participantId": other }); 1_001] }), "participants"),
    ] {
        scene.refuses(&body, name).await;
    }
}

#[tokio::test]
async fn the_bounds_themselves_are_fine() {
    let scene = Scene::new().await;
    let other = &scene.other;
    let aliases: Vec<String> = (0..64).map(|n| format!("{n:ü>128}")).collect();
    let body = json!({ "participants": [{ "participantId": other, "streamAliases": aliases }] });
    let mut expected = body.clone();
    expected["sessionId"] = json!(scene.session);
    scene.check(&body, &expected).await;
    let many = json!({ "participants": vec![json!({ "participantId": other }); 1_000] });
    let merged = json!({ "sessionId": scene.session, "participants": [{ "participantId": other }] });
    scene.check(&many, &merged).await;
}

#[tokio::test]
async fn who_is_in_no_session_may_subscribe_ahead_and_who_is_in_another_may_not() {
    let scene = Scene::new().await;
    let Scene { stage, session, other, .. } = &scene;
    let ahead = format!("/sessions/{session}/participants/{other}/subscriptions");
    stage.ask("GET", &ahead).await.names(404, other);
    stage.tell("PUT", &ahead, &json!({ "sessionId": session })).await.is(204);
    stage.ask("GET", &ahead).await.says(&json!({ "sessionId": session }));
    stage.ask("PUT", &format!("/sessions/{session}/participants/{other}")).await.is(204);
    stage.ask("GET", &ahead).await.says(&json!({ "sessionId": session }));
    let elsewhere = stage.session().await;
    let elsewhere = format!("/sessions/{elsewhere}/participants/{other}/subscriptions");
    stage.tell("PUT", &elsewhere, &json!({})).await.names(404, other);
    stage.ask("GET", &elsewhere).await.is(404);
}

#[tokio::test]
async fn removal_drops_subscriptions() {
    let scene = Scene::new().await;
    scene.stage.tell("PUT", &scene.path, &json!({ "sessionId": scene.session })).await.is(204);
    scene.stage.ask("DELETE", &scene.path.replace("/subscriptions", "")).await.is(204);
    scene.stage.ask("GET", &scene.path).await.is(404);
}
