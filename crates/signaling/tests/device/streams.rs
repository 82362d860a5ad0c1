//! What is published and offered, and who is told.

use crosspoint_ids::{DeviceId, ParticipantId, StreamId};
use crosspoint_model::MediaTypes;
use crosspoint_signaling::{Input, Output, Path, Side, SubscribeOffer};
use serde_json::{Value, json};

use crate::scene::{Scene, camera, id, published, subscribe_offer, words};

#[test]
fn a_reply_to_an_offer_tells_all_streams_and_the_core_only_those_that_carry_something() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.outputs();
    scene.media_publishes(Ok(published(&[("mic", MediaTypes::AUDIO), ("screen", MediaTypes::NONE)])));
    let outputs = scene.outputs();
    assert_eq!(words(&outputs[0]), "published mic:{\"AUDIO\"}");
    let Output::Send { text, .. } = &outputs[1] else { panic!("{outputs:?}") };
    let (device, participant): (DeviceId, ParticipantId) = (id(1), id(2));
    let streams: [StreamId; 2] = [id(0x10), id(0x11)];
    let expected = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "result": {
            "sdpAnswer": "answer",
            "endpointId": device.to_string(),
            "streamMetadata": {
                "msid-mic": {
                    "endpointId": streams[0].to_string(),
                    "mediaTypes": ["AUDIO"],
                    "participantId": participant.to_string(),
                    "alias": "mic",
                },
                "msid-screen": {
                    "endpointId": streams[1].to_string(),
                    "mediaTypes": [],
                    "participantId": participant.to_string(),
                    "alias": "screen",
                },
            },
        },
    });
    assert_eq!(serde_json::from_str::<Value>(text.as_str()).expect("JSON"), expected);
}

#[test]
fn an_offer_of_the_server_has_no_id_and_a_map_even_without_streams() {
    let mut scene = Scene::attached();
    scene.handle(subscribe_offer(1));
    let empty = SubscribeOffer { sdp: "v=0".into(), revision: 2, streams: Vec::new() };
    scene.handle(Input::OfferReady(empty));
    let (device, stream, publisher): (DeviceId, StreamId, ParticipantId) = (id(1), id(0x20), id(0x21));
    let offer = |revision: u32, streams: Value| {
        json!({
            "jsonrpc": "2.0",
            "method": "sdpOffer",
            "params": {
                "sdpOffer": "v=0",
                "sdpRevision": revision,
                "endpointId": device.to_string(),
                "streamMetadata": streams,
            },
        })
    };
    let metadata = json!({
        "endpointId": stream.to_string(),
        "mediaTypes": ["VIDEO"],
        "participantId": publisher.to_string(),
    });
    let streams = json!({ stream.to_string(): metadata });
    assert_eq!(scene.frames(), [offer(1, streams), offer(2, json!({}))]);
}

#[test]
fn streams_that_did_not_change_are_not_told_again() {
    let mut scene = Scene::attached();
    for call in 1..=2 {
        scene.offer(1, call);
        scene.outputs();
        scene.media_publishes(Ok(camera()));
        let expected: &[&str] = match call {
            1 => &["published camera:{\"AUDIO\", \"VIDEO\"}", "1: reply 1 answer"],
            _ => &["1: reply 2 answer"],
        };
        scene.expect(expected);
    }
    scene.offer(1, 3);
    scene.outputs();
    scene.media_publishes(Ok(published(&[])));
    scene.expect(&["published", "1: reply 3 answer"]);
}

#[test]
fn nobody_looks_at_a_frozen_picture() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.outputs();
    scene.path(Side::Publish, Path::Up);
    scene.media_publishes(Ok(camera()));
    scene.outputs();
    scene.path(Side::Publish, Path::Down);
    scene.expect(&["published"]);
    scene.path(Side::Publish, Path::Down);
    scene.path(Side::Subscribe, Path::Down);
    scene.expect(&[]);
    scene.path(Side::Publish, Path::Up);
    scene.expect(&["published camera:{\"AUDIO\", \"VIDEO\"}"]);
}

#[test]
fn what_is_offered_while_the_path_is_lost_is_published_when_it_is_up() {
    let mut scene = Scene::attached();
    scene.path(Side::Publish, Path::Up);
    scene.path(Side::Publish, Path::Down);
    scene.offer(1, 1);
    scene.outputs();
    scene.media_publishes(Ok(camera()));
    scene.expect(&["1: reply 1 answer"]);
    scene.path(Side::Publish, Path::Up);
    scene.expect(&["published camera:{\"AUDIO\", \"VIDEO\"}"]);
}
