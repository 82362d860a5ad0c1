//! Sockets that come and go.

use std::time::Duration;

use crosspoint_signaling::{PAGE_CLOSED_WINDOW, Path, RESUME_WINDOW, Side};

use crate::scene::{Scene, subscribe_offer};

#[test]
fn a_second_socket_supersedes_the_first() {
    let mut scene = Scene::attached();
    scene.attach(2);
    scene.expect(&["1: close 1000", "signalling lost", "signalling up"]);
    scene.ping(1, 1);
    scene.detach(1, Some(1000));
    scene.expect(&[]);
    scene.ping(2, 1);
    scene.expect(&["2: reply 1 {}"]);
}

#[test]
fn a_socket_that_is_attached_twice_is_attached_once() {
    let mut scene = Scene::attached();
    scene.attach(1);
    scene.expect(&[]);
}

#[test]
fn offers_are_dropped_while_nobody_listens() {
    let mut scene = Scene::new();
    scene.handle(subscribe_offer(1));
    scene.attach(1);
    scene.expect(&["signalling up"]);
}

#[test]
fn a_device_without_a_socket_is_waited_for() {
    let second = Duration::from_secs(1);
    for (close_code, window) in [
        (None, RESUME_WINDOW),
        (Some(1005), RESUME_WINDOW),
        (Some(1006), RESUME_WINDOW),
        (Some(4000), RESUME_WINDOW),
        (Some(1001), PAGE_CLOSED_WINDOW),
    ] {
        let mut scene = Scene::attached();
        scene.detach(1, close_code);
        scene.expect(&["signalling lost"]);
        assert_eq!(scene.device.poll_timeout(), Some(scene.now + window), "{close_code:?}");
        scene.pass(window - second);
        scene.expect(&[]);
        scene.pass(second);
        scene.expect(&["gone Lost"]);
        assert_eq!(scene.device.poll_timeout(), None);
    }
}

#[test]
fn a_device_that_came_back_is_not_waited_for() {
    let mut scene = Scene::attached();
    scene.detach(1, Some(1001));
    scene.attach(2);
    assert_eq!(scene.device.poll_timeout(), None);
    scene.outputs();
    scene.pass(RESUME_WINDOW);
    scene.expect(&[]);
}

#[test]
fn a_device_whose_first_socket_never_comes_is_lost() {
    let mut scene = Scene::new();
    scene.pass(RESUME_WINDOW);
    scene.expect(&["gone Lost"]);
}

#[test]
fn a_device_without_a_network_is_waited_for_as_long_as_one_without_a_socket() {
    use Path::{Down, Up};
    use Side::{Publish, Subscribe};
    for (before, while_detached) in [
        (vec![(Publish, Up)], vec![(Publish, Down)]),
        (vec![(Publish, Up), (Subscribe, Up)], vec![(Publish, Down), (Subscribe, Down)]),
        (vec![(Publish, Up), (Publish, Down)], vec![]),
    ] {
        let mut scene = Scene::attached();
        for (side, path) in &before {
            scene.path(*side, *path);
        }
        scene.detach(1, None);
        for (side, path) in &while_detached {
            scene.path(*side, *path);
        }
        scene.pass(RESUME_WINDOW - Duration::from_millis(1));
        scene.expect(&["signalling lost"]);
        scene.pass(Duration::from_millis(1));
        scene.expect(&["gone Lost"]);
    }
}
