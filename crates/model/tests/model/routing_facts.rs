//! Who receives what.

use crate::stage::{EVERYBODY, Stage, only};

#[test]
fn nobody_receives_anything_unasked() {
    let stage = Stage::with_members(&[0, 1, 2]);
    for device in 0..3 {
        assert_eq!(stage.received(device), []);
    }
}

#[test]
fn the_whole_session_is_all_others_now_and_later() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    assert_eq!(stage.received(0), [1], "not oneself");
    stage.create_participant(2);
    stage.connect(2, 2);
    stage.publish(2, &[(2, Some("camera"))]);
    assert_eq!(stage.received(0), [1]);
    stage.add(0, 2, None).unwrap();
    assert_eq!(stage.received(0), [1, 2]);
    stage.publish(2, &[(2, Some("camera")), (3, None)]);
    assert_eq!(stage.received(0), [1, 2, 3]);
    stage.remove(0, 1).unwrap();
    assert_eq!(stage.received(0), [2, 3]);
}

#[test]
fn a_list_is_exactly_those() {
    let mut stage = Stage::with_members(&[0, 1, 2]);
    stage.subscribe(0, 0, only(&[(1, &[])])).unwrap();
    assert_eq!(stage.received(0), [1]);
    stage.subscribe(0, 0, only(&[(2, &[])])).unwrap();
    assert_eq!(stage.received(0), [2]);
}

#[test]
fn naming_oneself_is_an_echo() {
    let mut stage = Stage::with_members(&[0]);
    stage.subscribe(0, 0, only(&[(0, &[])])).unwrap();
    assert_eq!(stage.received(0), [0]);
}

#[test]
fn aliases_choose_streams_when_they_come_change_and_go() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.subscribe(0, 0, only(&[(1, &["screen"])])).unwrap();
    assert_eq!(stage.received(0), [], "a stream without alias has none of them");
    stage.publish(1, &[(1, None), (2, Some("screen")), (3, Some("camera"))]);
    assert_eq!(stage.received(0), [2]);
    let outcome = stage.publish(1, &[(1, None), (2, Some("camera")), (3, Some("screen"))]);
    assert_eq!(outcome.routes, [(vec![(2, 0)], vec![(3, 0)])]);
    stage.publish(1, &[(1, None)]);
    assert_eq!(stage.received(0), []);
}

#[test]
fn a_listed_participant_that_is_not_there_yet_is_received_later() {
    let mut stage = Stage::with_members(&[0]);
    stage.create_participant(1);
    stage.subscribe(0, 0, only(&[(1, &[])])).unwrap();
    stage.connect(1, 1);
    stage.publish(1, &[(1, None)]);
    assert_eq!(stage.received(0), []);
    let outcome = stage.add(0, 1, None).unwrap();
    assert_eq!(outcome.routes, [(vec![], vec![(1, 0)])]);
}

#[test]
fn a_list_whose_last_participant_is_gone_never_widens() {
    let mut stage = Stage::with_members(&[0, 1, 2]);
    stage.subscribe(0, 0, only(&[(1, &[])])).unwrap();
    stage.delete_participant(1).unwrap();
    assert_eq!(stage.received(0), []);
    stage.publish(2, &[(2, None), (3, None)]);
    stage.create_participant(4);
    stage.connect(4, 4);
    stage.publish(4, &[(4, None)]);
    stage.add(0, 4, None).unwrap();
    assert_eq!(stage.received(0), []);
}

#[test]
fn only_members_of_the_same_session_exchange_media() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.create_session(1);
    stage.subscribe(0, 0, only(&[(1, &[])])).unwrap();
    assert_eq!(stage.received(0), [1]);
    stage.remove(0, 1).unwrap();
    stage.add(1, 1, Some(only(&[(0, &[])]))).unwrap();
    assert_eq!((stage.received(0), stage.received(1)), (vec![], vec![]));
}

#[test]
fn a_participant_moves_with_its_device_and_streams() {
    let mut stage = Stage::with_members(&[0, 1, 2]);
    stage.create_session(1);
    stage.remove(0, 2).unwrap();
    stage.add(1, 2, Some(EVERYBODY)).unwrap();
    stage.subscribe(0, 1, EVERYBODY).unwrap();
    assert_eq!(stage.received(1), [0]);
    let outcome = stage.remove(0, 0).unwrap();
    assert_eq!((outcome.routes, outcome.closed), (vec![(vec![(0, 1)], vec![])], vec![]));
    let outcome = stage.add(1, 0, None).unwrap();
    assert_eq!(outcome.routes, [(vec![], vec![(0, 2)])]);
}

#[test]
fn removal_stops_media_in_both_directions_as_one_step() {
    let mut stage = Stage::with_members(&[0, 1, 2]);
    for member in 0..3 {
        stage.subscribe(0, member, EVERYBODY).unwrap();
    }
    let outcome = stage.remove(0, 1).unwrap();
    let stopped = vec![(0, 1), (1, 0), (1, 2), (2, 1)];
    assert_eq!(outcome.routes, [(stopped, vec![])]);
    assert_eq!(stage.received(0), [2]);
}

#[test]
fn who_left_receives_nothing_that_comes_later() {
    for scope in [EVERYBODY, only(&[(1, &[])])] {
        let mut stage = Stage::with_members(&[0, 1]);
        stage.subscribe(0, 0, scope).unwrap();
        stage.remove(0, 0).unwrap();
        let outcome = stage.publish(1, &[(1, None), (2, None)]);
        assert_eq!(outcome.routes, []);
    }
}

#[test]
fn the_end_of_a_session_stops_its_media_as_one_step() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.subscribe(0, 1, only(&[(1, &[]), (0, &[])])).unwrap();
    let outcome = stage.delete_session(0).unwrap();
    let stopped = vec![(0, 1), (1, 0), (1, 1)];
    assert_eq!(outcome.routes, [(stopped, vec![])]);
    assert_eq!(stage.model.routes().count(), 0);
}

#[test]
fn a_change_of_subscriptions_routes_only_the_difference() {
    let mut stage = Stage::with_members(&[0, 1, 2]);
    stage.subscribe(0, 0, only(&[(1, &[])])).unwrap();
    let outcome = stage.subscribe(0, 0, EVERYBODY).unwrap();
    assert_eq!(outcome.routes, [(vec![], vec![(2, 0)])]);
    let outcome = stage.subscribe(0, 0, only(&[(1, &[]), (2, &[])])).unwrap();
    assert_eq!(outcome.routes, [], "the same streams by another way");
}
