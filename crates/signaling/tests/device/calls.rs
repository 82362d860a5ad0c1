//! Calls and their replies, over one socket and several.

use crosspoint_signaling::{CALLS_LOST_MAX, ConnectionId, Input, REPLIES_KEPT_MAX};
use serde_json::json;

use crate::scene::{Scene, camera, frame_words, published, words};

#[test]
fn calls_wait_for_the_one_in_the_media_plane_and_are_answered_in_order() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.ping(1, 2);
    scene.answer(1, 3);
    scene.call(1, 4, "fly", &json!({}));
    scene.frame(1, "no JSON");
    scene.expect(&["apply offer1 cam=camera mic=-"]);
    scene.media_publishes(Ok(published(&[])));
    scene.expect(&["1: reply 1 answer", "1: reply 2 {}", "apply answer3"]);
    scene.media_takes_answer(Err("there is no offer to answer"));
    scene.expect(&["1: reply 3 error -32602", "1: reply 4 error -32601", "1: reply null error -32700"]);
}

#[test]
fn a_refused_offer_changes_nothing() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.outputs();
    scene.media_publishes(Ok(camera()));
    scene.outputs();
    scene.offer(1, 2);
    scene.outputs();
    scene.media_publishes(Err("m-line 2 has no mid"));
    let expected =
        json!({ "jsonrpc": "2.0", "id": 2, "error": { "code": -32602, "message": "m-line 2 has no mid" } });
    assert_eq!(scene.frames(), [expected]);
}

#[test]
fn a_word_of_the_media_plane_on_another_call_is_ignored() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.outputs();
    scene.media_publishes(Ok(published(&[])));
    scene.outputs();
    scene.media_publishes(Ok(camera()));
    scene.expect(&[]);
    scene.answer(1, 2);
    scene.outputs();
    scene.media_publishes(Ok(camera()));
    scene.expect(&[]);
    scene.media_takes_answer(Ok(()));
    scene.expect(&["1: reply 2 {}"]);
}

#[test]
fn a_call_pending_when_the_socket_drops_is_answered_on_the_next_one() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.outputs();
    scene.detach(1, None);
    scene.expect(&["signalling lost"]);
    scene.media_publishes(Ok(camera()));
    scene.expect(&["published camera:{\"AUDIO\", \"VIDEO\"}"]);
    scene.attach(2);
    scene.expect(&["2: reply 1 answer", "signalling up"]);
}

#[test]
fn a_call_still_in_the_media_plane_is_answered_on_the_socket_that_is_there_then() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.outputs();
    scene.detach(1, Some(1006));
    scene.attach(2);
    scene.expect(&["signalling lost", "signalling up"]);
    scene.media_publishes(Ok(published(&[])));
    scene.expect(&["2: reply 1 answer"]);
}

#[test]
fn calls_that_waited_go_on_while_no_socket_is_there() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.offer(1, 2);
    scene.ping(1, 3);
    scene.detach(1, None);
    scene.outputs();
    scene.media_publishes(Ok(published(&[])));
    scene.expect(&["apply offer2 cam=camera mic=-"]);
    scene.media_publishes(Err("no"));
    scene.expect(&[]);
    scene.attach(2);
    scene.expect(&["2: reply 1 answer", "2: reply 2 error -32602", "2: reply 3 {}", "signalling up"]);
}

#[test]
fn calls_that_were_lost_with_the_socket_are_refused_before_anything_else() {
    let mut scene = Scene::attached();
    scene.ping(1, 1);
    scene.detach(1, None);
    scene.outputs();
    scene.attach(2);
    let said: Vec<String> = scene.outputs().iter().map(words).collect();
    let refused = (2..=1 + CALLS_LOST_MAX).map(|id| format!("2: reply {id} error -32000"));
    let then = ["2: reply 1 {}", "2: ping 1", "signalling up"].map(str::to_owned);
    assert_eq!(said, refused.chain(then).collect::<Vec<_>>());
    scene.ping(2, 4);
    assert_eq!(scene.outputs().iter().map(words).next().as_deref(), Some("2: reply 4 {}"));
}

#[test]
fn a_device_of_an_earlier_server_hears_of_its_lost_calls_with_its_first_call() {
    let mut scene = Scene::attached();
    scene.ping(1, 3);
    let said: Vec<String> = scene.frames().iter().map(|frame| frame_words(&frame.to_string())).collect();
    assert_eq!(said, ["reply 1 error -32000", "reply 2 error -32000", "reply 3 {}"]);
}

#[test]
fn a_reply_that_was_lost_with_the_socket_is_sent_again() {
    let mut scene = Scene::attached();
    scene.ping(1, 1);
    scene.ping(1, 2);
    scene.ping(1, 3);
    let pings: Vec<String> =
        scene.outputs().iter().map(words).filter(|words| words.contains(": ping")).collect();
    assert_eq!(pings, ["1: ping 1", "1: ping 2", "1: ping 3"]);
    scene.pong(1, 2);
    scene.detach(1, None);
    scene.outputs();
    scene.attach(2);
    let outputs = scene.outputs();
    let resumed = outputs.iter().map(words).filter(|words| !words.ends_with("error -32000"));
    let resumed: Vec<String> = resumed.collect();
    assert_eq!(resumed, ["2: reply 3 {}", "2: ping 3", "signalling up"]);
}

#[test]
fn a_reply_that_arrived_is_not_sent_again() {
    let mut scene = Scene::attached();
    scene.ping(1, 1);
    scene.pong(1, 1);
    scene.detach(1, None);
    scene.attach(2);
    scene.expect(&["1: reply 1 {}", "signalling lost", "signalling up"]);
}

#[test]
fn a_pong_of_a_socket_that_is_gone_or_of_another_ping_confirms_nothing() {
    let mut scene = Scene::attached();
    scene.ping(1, 1);
    scene.detach(1, None);
    scene.pong(1, 1);
    scene.attach(2);
    scene.pong(1, 1);
    for payload in [vec![], vec![0xff; 7], vec![0xff; 9]] {
        scene.handle(Input::Pong { connection: ConnectionId(2), payload });
    }
    scene.outputs();
    scene.detach(2, None);
    scene.attach(3);
    scene.expect(&["signalling lost", "3: reply 1 {}", "signalling up"]);
}

#[test]
fn the_oldest_replies_are_taken_for_arrived_when_too_many_are_kept() {
    let mut scene = Scene::attached();
    let calls = u64::try_from(REPLIES_KEPT_MAX).expect("small") + 10;
    for call in 1..=calls {
        scene.ping(1, call);
    }
    scene.outputs();
    scene.detach(1, None);
    scene.attach(2);
    let frames = scene.frames();
    let replies = frames.iter().filter(|frame| frame.get("result").is_some());
    let again: Vec<u64> = replies.filter_map(|frame| frame["id"].as_u64()).collect();
    assert_eq!(again, (11..=calls).collect::<Vec<_>>());
}
