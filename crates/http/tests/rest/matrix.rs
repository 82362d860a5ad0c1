//! All subscriptions of a session at once.

use serde_json::{Map, Value, json};

use crate::stage::{NOBODY, Stage, US};

struct Scene {
    stage: Stage,
    session: String,
    members: [String; 2],
    /// A participant of the account in no session.
    outsider: String,
    path: String,
}

impl Scene {
    async fn new() -> Self {
        let stage = Stage::new();
        let session = stage.session().await;
        let members = [stage.member(&session).await, stage.member(&session).await];
        let outsider = stage.participant().await;
        let path = format!("/sessions/{session}/subscriptions");
        Self { stage, session, members, outsider, path }
    }

    fn rows<const N: usize>(rows: [(&str, Value); N]) -> Value {
        rows.into_iter().map(|(id, row)| (id.to_owned(), row)).collect::<Map<_, _>>().into()
    }

    async fn shows(&self, first: &Value, second: &Value) {
        let expected = Self::rows([(&self.members[0], first.clone()), (&self.members[1], second.clone())]);
        self.stage.ask("GET", &self.path).await.says(&expected);
    }
}

#[tokio::test]
async fn the_rows_that_are_named_are_replaced() {
    let scene = Scene::new().await;
    let [one, two] = &scene.members;
    let whole = json!({ "sessionId": scene.session });
    let list = json!({
        "sessionId": scene.session,
        "participants": [{ "participantId": scene.outsider, "streamAliases": ["screen"] }, { "participantId": two }],
    });
    scene.shows(&json!({}), &json!({})).await;
    for (body, first, second) in [
        (Scene::rows([(one, whole.clone()), (two, list.clone())]), &whole, &list),
        (json!({}), &whole, &list),
        (json!([]), &whole, &list),
        (json!(null), &whole, &list),
        (Scene::rows([(one, list.clone())]), &list, &list),
        (Scene::rows([(two, json!(null))]), &list, &json!({})),
        (Scene::rows([(one, json!({})), (two, whole.clone())]), &json!({}), &whole),
        (Scene::rows([(two, json!([]))]), &json!({}), &json!({})),
        (Scene::rows([(two, json!({ "participants": [] }))]), &json!({}), &json!({})),
    ] {
        scene.stage.tell("PUT", &scene.path, &body).await.is(204);
        scene.shows(first, second).await;
    }
}

#[tokio::test]
async fn one_bad_row_is_named_and_nothing_changes() {
    let scene = Scene::new().await;
    let Scene { stage, session, members: [one, two], outsider, path } = &scene;
    let whole = json!({ "sessionId": session });
    stage.tell("PUT", path, &Scene::rows([(one, whole.clone()), (two, whole.clone())])).await.is(204);
    let upper = two.to_uppercase();
    for (id, row, name) in [
        (NOBODY, json!({}), NOBODY),
        (outsider, json!({}), outsider.as_str()),
        ("bob", json!({}), "'bob'"),
        ("", json!({}), "''"),
        (&upper, json!({}), &upper),
        ("participants", json!([]), "'participants'"),
        (two, json!("x"), two),
        (two, json!(1), two),
        (two, json!([1]), two),
        (two, json!({ "sessionId": NOBODY }), two),
        (two, json!({ "sessionId": 1 }), "sessionId must be a string"),
        (two, json!({ "participants": [{ "participantId": NOBODY }] }), NOBODY),
        (two, json!({ "participants": [{ "participantId": "bob" }] }), "'bob'"),
        (two, json!({ "participants": {} }), "participants must be an array"),
    ] {
        let body = Scene::rows([(one, json!({})), (id, row)]);
        stage.tell("PUT", path, &body).await.names(400, name);
        scene.shows(&whole, &whole).await;
    }
}

#[tokio::test]
async fn of_a_row_that_is_given_twice_the_last_counts() {
    let scene = Scene::new().await;
    let one = &scene.members[0];
    let body = format!(r#"{{"{one}":{{}},"{one}":{{"sessionId":"{}"}}}}"#, scene.session);
    scene.stage.by(US, "PUT", &scene.path, body).await.is(204);
    scene.shows(&json!({ "sessionId": scene.session }), &json!({})).await;
}

#[tokio::test]
async fn a_matrix_has_a_bounded_number_of_rows() {
    let scene = Scene::new().await;
    let rows = |count: usize| -> Value {
        (0..count).map(|n| (format!("{n:036x}"), json!({}))).collect::<Map<_, _>>().into()
    };
    scene.stage.tell("PUT", &scene.path, &rows(1_000)).await.names(400, "is not a member");
    scene.stage.tell("PUT", &scene.path, &rows(1_001)).await.names(400, "1000");
}

#[tokio::test]
async fn a_session_without_members_has_an_empty_matrix() {
    let stage = Stage::new();
    let session = stage.session().await;
    let path = format!("/sessions/{session}/subscriptions");
    stage.ask("GET", &path).await.says(&json!({}));
    stage.ask("PUT", &path).await.is(204);
    stage.ask("GET", &format!("/sessions/{NOBODY}/subscriptions")).await.names(404, NOBODY);
    stage.ask("PUT", &format!("/sessions/{NOBODY}/subscriptions")).await.names(404, NOBODY);
}
