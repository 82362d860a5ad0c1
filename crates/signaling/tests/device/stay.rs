//! From the first frame to the end, good or bad.

use crosspoint_model::CloseReason;
use crosspoint_signaling::{
    CALLS_WAITING_MAX, Confidential, ConnectionId, Input, MALFORMED_IN_A_ROW_MAX, Output, Path,
    PublishAnswer, RESUME_WINDOW, Side,
};
use serde_json::json;

use crate::scene::{LEAVE, Scene, camera, subscribe_offer, words};

#[test]
fn a_whole_stay_goes_as_clients_expect() {
    let mut scene = Scene::attached();
    scene.call(1, 1, "setMediaPreferences", &json!({ "protocol": "WEBRTC" }));
    scene.expect(&["1: reply 1 {}"]);
    scene.offer(1, 2);
    scene.expect(&["apply offer2 cam=camera mic=-"]);
    scene.media_publishes(Ok(camera()));
    scene.expect(&["published camera:{\"AUDIO\", \"VIDEO\"}", "1: reply 2 answer"]);
    scene.handle(subscribe_offer(7));
    scene.expect(&["1: sdpOffer 7"]);
    scene.answer(1, 3);
    scene.expect(&["apply answer3"]);
    scene.media_takes_answer(Ok(()));
    scene.expect(&["1: reply 3 {}"]);
    scene.frame(1, LEAVE);
    scene.expect(&["1: close 1000", "gone Left"]);
}

#[test]
fn an_offer_is_taken_without_media_preferences() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.expect(&["apply offer1 cam=camera mic=-"]);
}

#[test]
fn close_code_1000_is_goodbye() {
    let mut scene = Scene::attached();
    scene.detach(1, Some(1000));
    scene.expect(&["gone Left"]);
}

#[test]
fn leave_as_a_call_is_answered_first_and_overtakes_what_waits() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.ping(1, 2);
    scene.outputs();
    scene.call(1, 3, "leave", &json!({}));
    scene.expect(&["1: reply 3 {}", "1: close 1000", "gone Left"]);
}

#[test]
fn late_answer_after_leave_is_ignored() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    scene.outputs();
    scene.frame(1, LEAVE);
    scene.expect(&["1: close 1000", "gone Left"]);
    scene.media_publishes(Ok(camera()));
    scene.expect(&[]);
}

#[test]
fn after_the_end_nothing_comes_out() {
    for last in [Input::Close(CloseReason::Replaced), Input::ServerStopping] {
        let mut scene = Scene::attached();
        scene.handle(last);
        scene.outputs();
        scene.ping(1, 1);
        scene.pong(1, 1);
        scene.detach(1, None);
        scene.attach(2);
        scene.handle(subscribe_offer(1));
        scene.path(Side::Publish, Path::Up);
        scene.path(Side::Publish, Path::Down);
        scene.handle(Input::Close(CloseReason::ParticipantEnded));
        scene.handle(Input::ServerStopping);
        scene.pass(RESUME_WINDOW);
        scene.expect(&[]);
        assert_eq!(scene.device.poll_timeout(), None);
    }
}

#[test]
fn a_device_that_the_core_closes_does_not_come_back() {
    for reason in [CloseReason::ParticipantEnded, CloseReason::Replaced] {
        let mut scene = Scene::attached();
        scene.handle(Input::Close(reason));
        scene.expect(&["1: close 1000", "gone Closed"]);
    }
    let mut scene = Scene::new();
    scene.handle(Input::Close(CloseReason::ParticipantEnded));
    scene.expect(&["gone Closed"]);
}

#[test]
fn a_server_that_stops_sends_devices_to_the_next_one() {
    let mut scene = Scene::attached();
    scene.handle(Input::ServerStopping);
    scene.expect(&["1: close 1012"]);
    let mut scene = Scene::new();
    scene.handle(Input::ServerStopping);
    scene.expect(&[]);
    assert_eq!(scene.device.poll_timeout(), None);
}

#[test]
fn too_many_waiting_calls_end_the_device() {
    let mut scene = Scene::attached();
    scene.offer(1, 1);
    let calls = u64::try_from(CALLS_WAITING_MAX).expect("small");
    for call in 0..calls {
        scene.ping(1, 2 + call);
    }
    scene.expect(&["apply offer1 cam=camera mic=-"]);
    scene.ping(1, 100);
    scene.expect(&["1: close 1008", "gone Lost"]);
}

#[test]
fn a_malformed_frame_gets_an_error_and_the_socket_stays() {
    let mut scene = Scene::attached();
    scene.frame(1, "{");
    scene.frame(1, "[]");
    scene.ping(1, 1);
    scene.expect(&["1: reply null error -32700", "1: reply null error -32600", "1: reply 1 {}"]);
}

#[test]
fn too_many_malformed_frames_in_a_row_end_the_device() {
    let mut scene = Scene::attached();
    for _ in 0..MALFORMED_IN_A_ROW_MAX {
        scene.frame(1, "{");
    }
    scene.call(1, 1, "fly", &json!({}));
    for _ in 0..MALFORMED_IN_A_ROW_MAX {
        scene.frame(1, "{");
    }
    assert!(scene.outputs().iter().all(|output| !matches!(output, Output::CloseSocket { .. })));
    scene.frame(1, "{");
    scene.expect(&["1: close 1008", "gone Lost"]);
}

#[test]
fn diagnostics_leave_no_trace() {
    let mut scene = Scene::attached();
    scene.frame(1, r#"{"jsonrpc":"2.0","method":"deviceDiagnostics","params":{"logs":["secret"]}}"#);
    scene.expect(&[]);
    scene.call(1, 1, "deviceDiagnostics", &json!({ "logs": ["secret"] }));
    let outputs = scene.outputs();
    assert_eq!(words(&outputs[0]), "1: reply 1 {}");
    assert!(!format!("{:?}", scene.device).contains("secret"));
    let text = Confidential::from("secret");
    let input = Input::Frame { connection: ConnectionId(1), text };
    assert!(!format!("{input:?}").contains("secret"));
}

#[test]
fn passwords_in_sdps_do_not_show_in_debug() {
    let mut scene = Scene::attached();
    scene.call(1, 1, "offerSdp", &json!({ "sdpOffer": "secret" }));
    scene.call(1, 2, "answerSdp", &json!({ "sdpAnswer": "secret" }));
    let shown = format!("{:?} {:?}", scene.outputs(), scene.device);
    assert!(shown.contains("<6 bytes>") && !shown.contains("secret"), "{shown}");
    let sdp = Confidential::from("secret");
    scene.media_publishes(Ok(PublishAnswer { sdp, streams: Vec::new() }));
    let shown = format!("{:?} {:?}", scene.outputs(), scene.device);
    assert!(!shown.contains("secret"), "{shown}");
}
