//! Sessions and participants: made, read, ended.

use crosspoint_ids::Timestamp;
use crosspoint_model::{MediaTypes, Refusal};
use crosspoint_token::TokenKey;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{LIFETIME, NOW, SECRET, Stage, US};

#[tokio::test]
async fn a_session_reads_back_as_it_was_made_and_ends() {
    let stage = Stage::new();
    for body in [json!({}), json!({ "tag": "a tag" }), json!({ "tag": "" }), json!({ "tag": "ü".repeat(50) })]
    {
        let made = stage.tell("POST", "/sessions", &body).await.is(200).json();
        let id = made["id"].as_str().unwrap();
        assert!(Uuid::try_parse(id).is_ok() && id == id.to_lowercase(), "{id}");
        let mut expected = json!({ "id": id, "participant_ids": [] });
        if let Some(tag) = body.get("tag") {
            expected["tag"] = tag.clone();
        }
        assert_eq!(made, expected);
        let path = format!("/sessions/{id}");
        stage.ask("GET", &path).await.says(&expected);
        stage.ask("DELETE", &path).await.is(204);
        stage.ask("GET", &path).await.names(404, id);
        stage.ask("DELETE", &path).await.names(404, id);
    }
}

#[tokio::test]
async fn a_participant_reads_back_as_it_was_made_and_ends() {
    let stage = Stage::new();
    let url = format!("https://app.example/{}", "x".repeat(2_048 - 20));
    for (body, expected) in [
        (json!({}), json!({ "publishPermissions": [] })),
        (
            json!({ "tag": "t", "callbackUrl": "http://app.example/cb?x=y", "publishPermissions": ["AUDIO", "VIDEO"] }),
            json!({ "tag": "t", "callbackUrl": "http://app.example/cb?x=y", "publishPermissions": ["AUDIO", "VIDEO"] }),
        ),
        (json!({ "callbackUrl": url }), json!({ "callbackUrl": url, "publishPermissions": [] })),
        (json!({ "publishPermissions": ["VIDEO"] }), json!({ "publishPermissions": ["VIDEO"] })),
        (
            json!({ "publishPermissions": ["VIDEO", "AUDIO", "VIDEO", "VIDEO"] }),
            json!({ "publishPermissions": ["AUDIO", "VIDEO"] }),
        ),
        (json!({ "deviceApiVersion": "V2" }), json!({ "publishPermissions": [] })),
        (json!({ "deviceApiVersion": "v3" }), json!({ "publishPermissions": [] })),
        (json!({ "deviceApiVersion": "v2" }), json!({ "publishPermissions": [] })),
    ] {
        let made = stage.tell("POST", "/participants", &body).await.is(200).json();
        let names: Vec<_> = made.as_object().unwrap().keys().collect();
        assert_eq!(names, ["participant", "token"]);
        let participant = made["participant"].clone();
        let id = participant["id"].as_str().unwrap().to_owned();
        let mut whole = expected;
        whole["id"] = json!(id);
        whole["sessions"] = json!([]);
        whole["subscriptions"] = json!({});
        whole["deviceApiVersion"] = json!("V3");
        assert_eq!(participant, whole);
        let path = format!("/participants/{id}");
        stage.ask("GET", &path).await.says(&whole);
        stage.ask("DELETE", &path).await.is(204);
        stage.ask("GET", &path).await.names(404, &id);
        stage.ask("DELETE", &path).await.names(404, &id);
    }
}

#[tokio::test]
async fn the_token_is_for_this_participant_and_ends_with_it() {
    let stage = Stage::new();
    let made = stage.ask("POST", "/participants").await.is(200).json();
    let token = TokenKey::new(SECRET).verify(NOW, made["token"].as_str().unwrap()).unwrap();
    assert_eq!(token.account.as_str(), US.0);
    assert_eq!(token.participant.to_string(), made["participant"]["id"].as_str().unwrap());
    let whole_seconds = |at: Timestamp| Timestamp::from_millis(at.as_secs() * 1_000);
    assert_eq!(token.issued_at, whole_seconds(NOW));
    assert_eq!(token.expires_at, whole_seconds(NOW + LIFETIME));
}

#[tokio::test]
async fn what_is_out_of_bounds_is_named_and_makes_nothing() {
    let stage = Stage::new();
    let long_url = format!("https://app.example/{}", "x".repeat(2_049 - 20));
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/sessions", json!({ "tag": "x".repeat(51) }), "tag is longer than 50"),
        ("/sessions", json!({ "tag": "ü".repeat(51) }), "tag is longer than 50"),
        ("/participants", json!({ "tag": "x".repeat(51) }), "tag is longer than 50"),
        ("/participants", json!({ "callbackUrl": long_url }), "callbackUrl is longer"),
        ("/participants", json!({ "callbackUrl": "" }), "callbackUrl is not"),
        ("/participants", json!({ "callbackUrl": "/cb" }), "callbackUrl is not"),
        ("/participants", json!({ "callbackUrl": "app.example/cb" }), "callbackUrl is not"),
        ("/participants", json!({ "callbackUrl": "ftp://app.example" }), "callbackUrl is not"),
        ("/participants", json!({ "callbackUrl": "javascript:alert(1)" }), "callbackUrl is not"),
        ("/participants", json!({ "callbackUrl": "https://" }), "callbackUrl is not"),
        ("/participants", json!({ "callbackUrl": "https:///path" }), "callbackUrl is not"),
        ("/participants", json!({ "callbackUrl": "https://a b" }), "callbackUrl is not"),
        ("/participants", json!({ "publishPermissions": ["audio"] }), "publishPermissions"),
        ("/participants", json!({ "publishPermissions": ["AUDIO", "SCREEN"] }), "publishPermissions"),
        ("/participants", json!({ "publishPermissions": [null] }), "publishPermissions"),
        ("/participants", json!({ "publishPermissions": [1] }), "publishPermissions"),
        ("/participants", json!({ "publishPermissions": [""] }), "publishPermissions"),
        ("/participants", json!({ "publishPermissions": "AUDIO" }), "publishPermissions must be an array"),
        ("/participants", json!({ "deviceApiVersion": "V1" }), "deviceApiVersion"),
        ("/participants", json!({ "deviceApiVersion": "" }), "deviceApiVersion"),
        ("/participants", json!({ "deviceApiVersion": "V33" }), "deviceApiVersion"),
    ];
    for (path, body, name) in cases {
        stage.tell("POST", path, &body).await.names(400, name);
    }
    assert_eq!(stage.commands(), []);
}

#[tokio::test]
async fn an_account_that_has_all_it_may_have_is_told_so() {
    let stage = Stage::new();
    for path in ["/sessions", "/participants"] {
        for _ in 0..50 {
            stage.ask("POST", path).await.is(200);
        }
        stage.ask("POST", path).await.names(409, 50);
    }
    let stage = Stage::new();
    stage.refuse(Refusal::TooManySessions { max: 7 });
    stage.ask("POST", "/sessions").await.names(409, 7);
}

#[tokio::test]
async fn streams_show_what_is_published_now() {
    let stage = Stage::new();
    let [plain, named] = [stage.participant().await, stage.participant().await];
    let path = |id: &str| format!("/participants/{id}/streams");
    stage.ask("GET", &path(&plain)).await.says(&json!([]));
    stage.publishes(&plain, 1, None, MediaTypes::AUDIO);
    stage.publishes(&named, 2, Some("camera"), MediaTypes::AUDIO | MediaTypes::VIDEO);
    let published_at = "2023-11-14T22:13:20.123Z";
    stage.ask("GET", &path(&plain)).await.says(&json!([
        { "id": Uuid::from_u128(1).to_string(), "mediaTypes": ["AUDIO"], "publishedAt": published_at },
    ]));
    stage.ask("GET", &path(&named)).await.says(&json!([
        { "id": Uuid::from_u128(2).to_string(), "alias": "camera", "mediaTypes": ["AUDIO", "VIDEO"], "publishedAt": published_at },
    ]));
}
