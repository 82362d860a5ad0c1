//! A new token for a participant.

use crosspoint_ids::Timestamp;
use crosspoint_token::TokenKey;
use serde_json::json;

use crate::stage::{NOBODY, NOW, SECRET, Stage, THEM};

#[tokio::test]
async fn a_new_token_is_another_one_and_says_whose_it_is() {
    let stage = Stage::new();
    let made = stage.tell("POST", "/participants", &json!({ "tag": "alice" })).await.is(200).json();
    let participant = made["participant"]["id"].as_str().unwrap();
    let renewed = stage.ask("POST", &format!("/participants/{participant}/token")).await.is(200).json();
    assert_eq!(renewed["participant"], made["participant"]);
    let key = TokenKey::new(SECRET);
    let [first, second] =
        [&made, &renewed].map(|body| key.verify(NOW, body["token"].as_str().unwrap()).unwrap());
    assert_ne!(first.token, second.token);
    assert_eq!((first.participant, first.expires_at), (second.participant, second.expires_at));
    assert_eq!(second.issued_at, Timestamp::from_millis(NOW.as_secs() * 1_000));
}

#[tokio::test]
async fn nobody_and_others_participants_get_none() {
    let stage = Stage::new();
    let theirs = stage.participant_of(THEM).await;
    for participant in [NOBODY, theirs.as_str(), "nonsense"] {
        stage.ask("POST", &format!("/participants/{participant}/token")).await.names(404, participant);
    }
}
