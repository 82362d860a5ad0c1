//! Devices and their streams, as they are reported.

use std::time::Duration;

use crosspoint_model::{Alias, CloseReason, PublishedStream, Query, Reply, Report, StreamView};

use crate::ids;
use crate::stage::{EVERYBODY, Outcome, Stage};

fn streams(stage: &Stage, participant: u8) -> Vec<StreamView> {
    let reply = stage
        .model
        .query(Query::Streams { account: ids::account(0), participant: ids::participant(participant, 0) });
    let Ok(Reply::Streams(streams)) = reply else {
        panic!("{reply:?}");
    };
    streams
}

/// Members 0 and 1 who receive each other.
fn pair() -> Stage {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.subscribe(0, 1, EVERYBODY).unwrap();
    stage
}

#[test]
fn a_device_for_nobody_is_closed() {
    let mut stage = pair();
    stage.delete_participant(0).unwrap();
    for (participant, device) in [(0, 7), (9, 8)] {
        let outcome = stage.connect(participant, device);
        assert_eq!(outcome.closed, [(device, CloseReason::ParticipantEnded)]);
        assert_eq!(stage.publish(device, &[(30, None)]), Outcome::default());
    }
}

#[test]
fn a_newer_device_takes_over_and_the_old_one_is_closed() {
    let mut stage = pair();
    let outcome = stage.connect(1, 5);
    let routes = (vec![(0, 1), (1, 0)], vec![(0, 5)]);
    assert_eq!(outcome.routes, [routes]);
    assert_eq!(outcome.closed, [(1, CloseReason::Replaced)]);
    let outcome = stage.publish(5, &[(6, None)]);
    assert_eq!(outcome.routes, [(vec![], vec![(6, 0)])]);
}

#[test]
fn reports_about_a_replaced_device_are_stale() {
    let mut stage = pair();
    stage.connect(1, 5);
    assert_eq!(stage.publish(1, &[(1, None)]), Outcome::default());
    assert_eq!(stage.gone(1), Outcome::default());
    assert_eq!(stage.received(5), [0]);
}

#[test]
fn a_device_that_is_reported_again_changes_nothing() {
    let mut stage = pair();
    assert_eq!(stage.connect(1, 1), Outcome::default());
    assert_eq!(stage.connect(0, 1), Outcome::default(), "nor for somebody else");
    assert_eq!(stage.received(0), [1]);
}

#[test]
fn a_device_that_is_gone_takes_its_streams_along() {
    let mut stage = pair();
    let outcome = stage.gone(1);
    assert_eq!(outcome.routes, [(vec![(0, 1), (1, 0)], vec![])]);
    assert_eq!(outcome.closed, [], "it is gone already");
    assert_eq!(streams(&stage, 1), []);
    let outcome = stage.connect(1, 2);
    assert_eq!(outcome.routes, [(vec![], vec![(0, 2)])]);
}

#[test]
fn the_device_of_a_participant_that_ends_is_closed_after_its_media_stopped() {
    // That the order holds is checked wherever effects are collected.
    let mut stage = pair();
    let outcome = stage.delete_participant(1).unwrap();
    assert_eq!(outcome.routes, [(vec![(0, 1), (1, 0)], vec![])]);
    assert_eq!(outcome.closed, [(1, CloseReason::ParticipantEnded)]);
    assert_eq!(stage.publish(1, &[(1, None)]), Outcome::default());
}

#[test]
fn a_snapshot_replaces_the_one_before() {
    let mut stage = pair();
    let outcome = stage.publish(1, &[(1, None), (2, Some("screen"))]);
    assert_eq!(outcome.routes, [(vec![], vec![(2, 0)])]);
    let outcome = stage.publish(1, &[(2, Some("screen")), (3, None)]);
    assert_eq!(outcome.routes, [(vec![(1, 0)], vec![(3, 0)])]);
    assert_eq!(stage.publish(1, &[(3, None), (2, Some("screen"))]), Outcome::default());
}

#[test]
fn a_stream_that_stays_keeps_its_place_and_time_and_takes_the_rest() {
    let mut stage = pair();
    let first = stage.now;
    stage.wait(Duration::from_secs(1));
    let second = stage.now;
    stage.report(Report::StreamsPublished {
        device: ids::device(1, 0),
        streams: vec![
            PublishedStream { id: ids::stream(2), alias: None, media_types: ids::media_types(1) },
            PublishedStream {
                id: ids::stream(1),
                alias: Alias::new("camera").ok(),
                media_types: ids::media_types(2),
            },
        ],
    });
    let expected = [
        StreamView {
            id: ids::stream(1),
            alias: Alias::new("camera").ok(),
            media_types: ids::media_types(2),
            published_at: first,
        },
        StreamView {
            id: ids::stream(2),
            alias: None,
            media_types: ids::media_types(1),
            published_at: second,
        },
    ];
    assert_eq!(streams(&stage, 1), expected);
}

#[test]
fn a_stream_of_another_device_is_never_shared() {
    let mut stage = pair();
    assert_eq!(stage.publish(0, &[(0, None), (1, Some("mine"))]), Outcome::default());
    assert_eq!(streams(&stage, 0).len(), 1);
    stage.publish(1, &[]);
    let outcome = stage.publish(0, &[(0, None), (1, Some("mine"))]);
    assert_eq!(outcome.routes, [(vec![], vec![(1, 1)])], "it is free now");
}

#[test]
fn a_stream_that_stands_twice_in_a_snapshot_is_one() {
    let mut stage = pair();
    stage.publish(1, &[(2, Some("camera")), (2, Some("screen"))]);
    let streams = streams(&stage, 1);
    assert_eq!(streams.len(), 1);
    assert_eq!(streams[0].alias, Alias::new("camera").ok());
}
