//! The stream of an account's events.

use crosspoint_model::MediaTypes;
use serde_json::{Value, json};

use crate::stage::{Answer, EPOCH, Stage, THEM, US, request};

/// The events of a stream: id, name, data.
fn events(answer: &Answer) -> Vec<(String, String, Value)> {
    let field = |block: &str, name: &str| {
        let mut lines = block.lines();
        lines.find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    let blocks = answer.text.split("\n\n").filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let data = serde_json::from_str(&field(block, "data:")).unwrap();
            (field(block, "id:"), field(block, "event:"), data)
        })
        .collect()
}

fn names(events: &[(String, String, Value)]) -> Vec<&str> {
    events.iter().map(|(_, name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn what_happens_is_told_in_order_with_its_data() {
    let stage = Stage::new();
    let session = stage.session().await;
    let participant = stage.member(&session).await;
    stage.publishes(&participant, 1, Some("camera"), MediaTypes::AUDIO);
    let body = json!({ "sessionId": session });
    let path = format!("/sessions/{session}/participants/{participant}/subscriptions");
    stage.tell("PUT", &path, &body).await.is(204);
    stage.ask("DELETE", &format!("/participants/{participant}")).await.is(204);
    let answer = stage.ask("GET", "/events").await.is(200);
    let events = events(&answer);
    assert_eq!(
        names(&events),
        [
            "open",
            "sessionCreated",
            "participantCreated",
            "participantAdded",
            "deviceConnected",
            "streamPublished",
            "subscriptionsChanged",
            "streamUnpublished",
            "deviceLeft",
            "participantRemoved",
            "participantEnded",
        ]
    );
    let time = "2023-11-14T22:13:20.123Z";
    let (id, _, added) = &events[3];
    assert_eq!(*id, format!("{EPOCH}-3"));
    assert_eq!(*added, json!({ "sessionId": session, "participantId": participant, "timestamp": time }));
    let (_, _, published) = &events[5];
    assert_eq!(published["participantId"], participant.as_str());
    assert_eq!(published["stream"]["alias"], "camera");
    let (_, _, changed) = &events[6];
    assert_eq!(changed["subscriptions"], json!({ "sessionId": session }));
    let (_, _, ended) = &events[10];
    assert_eq!(ended["cause"], "deleted");
}

#[tokio::test]
async fn nobody_hears_of_another_accounts_events() {
    let stage = Stage::new();
    stage.session().await;
    let answer = stage.by(THEM, "GET", "/events", "").await.is(200);
    assert_eq!(names(&events(&answer)), ["open"]);
}

async fn after(stage: &Stage, last: &str) -> Answer {
    let mut request = request("GET", &format!("/accounts/{}/events", US.0), Some(US), "");
    request.headers_mut().insert("last-event-id", last.parse().unwrap());
    stage.send(request).await
}

#[tokio::test]
async fn a_stream_goes_on_where_the_last_one_ended() {
    let stage = Stage::new();
    for _ in 0..3 {
        stage.session().await;
    }
    let answer = after(&stage, &format!("{EPOCH}-2")).await.is(200);
    let told = events(&answer);
    assert_eq!(names(&told), ["open", "sessionCreated"]);
    assert_eq!((told[0].0.as_str(), told[1].0.as_str()), ("7-2", "7-3"));
    let answer = after(&stage, "6-1").await.is(200);
    assert_eq!(events(&answer)[0].1, "reset", "events of another process may be missing");
    after(&stage, "nonsense").await.names(400, "Last-Event-ID");
}
