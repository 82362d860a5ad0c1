//! What applications are told, and in which order.

use crosspoint_ids::DeviceId;
use crosspoint_model::{CloseReason, Happening};

use crate::ids;
use crate::stage::{EVERYBODY, LIFETIME, Stage};

/// The names of the events since the last call.
fn told(stage: &mut Stage) -> Vec<String> {
    let name = |happening: &Happening| {
        let text = format!("{happening:?}");
        text.split([' ', '(']).next().unwrap_or_default().to_owned()
    };
    stage.events().iter().map(name).collect()
}

fn device_of(happening: &Happening) -> Option<DeviceId> {
    match happening {
        Happening::DeviceConnected(subject)
        | Happening::DeviceLeft(subject)
        | Happening::DeviceDisconnected(subject) => Some(subject.device),
        _ => None,
    }
}

#[test]
fn a_participants_life_is_told_in_order() {
    let mut stage = Stage::with_members(&[0]);
    assert_eq!(
        told(&mut stage),
        ["SessionCreated", "ParticipantCreated", "ParticipantAdded", "DeviceConnected", "StreamPublished"]
    );
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    assert_eq!(told(&mut stage), ["SubscriptionsChanged"]);
    stage.delete_participant(0).unwrap();
    assert_eq!(
        told(&mut stage),
        ["StreamUnpublished", "DeviceLeft", "ParticipantRemoved", "ParticipantEnded"]
    );
}

#[test]
fn a_lost_device_is_told_as_lost() {
    let mut stage = Stage::with_members(&[0]);
    stage.events();
    stage.gone(0);
    assert_eq!(told(&mut stage), ["StreamUnpublished", "DeviceDisconnected"]);
}

#[test]
fn a_device_that_is_replaced_leaves_before_the_new_one_connects() {
    let mut stage = Stage::with_members(&[0]);
    stage.events();
    stage.connect(0, 1);
    let events = stage.events();
    let devices: Vec<_> = events.iter().filter_map(device_of).collect();
    assert_eq!(devices, [ids::shown_as(0), ids::shown_as(1)]);
    assert!(matches!(
        &events[..],
        [Happening::StreamUnpublished(..), Happening::DeviceLeft(_), Happening::DeviceConnected(_)]
    ));
}

#[test]
fn a_new_token_ends_the_device_that_came_with_the_old_one() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.subscribe(0, 1, EVERYBODY).unwrap();
    stage.events();
    let outcome = stage.renew_token(0, 7).unwrap();
    assert_eq!(outcome.closed, [(0, CloseReason::TokenRenewed)]);
    assert_eq!((stage.received(0), stage.received(1)), (vec![], vec![]));
    assert_eq!(stage.participant(0).unwrap().token, ids::token(u8::MAX, 7));
    assert_eq!(told(&mut stage), ["StreamUnpublished", "DeviceLeft"]);
    assert_eq!(stage.session_of(0), Some(0), "it stays a member");
}

#[test]
fn an_expired_session_lets_its_members_go_first() {
    let mut stage = Stage::new();
    stage.create_session(0);
    stage.now = stage.now + LIFETIME / 2;
    stage.create_participant(0);
    stage.add(0, 0, None).unwrap();
    stage.events();
    stage.wait(LIFETIME / 2);
    assert_eq!(told(&mut stage), ["ParticipantRemoved", "SessionEnded"]);
}

#[test]
fn a_device_that_is_waited_for_after_a_restart_is_not_news_but_its_loss_is() {
    let mut stage = Stage::new();
    stage.create_participant(0);
    stage.events();
    assert!(stage.model.restore_device(ids::participant(0, 0), ids::device(0, 0), ids::shown_as(0)));
    assert!(!stage.model.restore_device(ids::participant(5, 0), ids::device(5, 0), ids::shown_as(5)));
    assert_eq!(stage.events(), []);
    stage.gone(0);
    assert_eq!(told(&mut stage), ["DeviceDisconnected"]);
}

#[test]
fn what_is_taken_back_is_not_told() {
    let mut stage = Stage::with_members(&[0]);
    stage.events();
    stage.model.keep();
    let delete = crosspoint_model::Command::DeleteParticipant {
        account: ids::account(0),
        participant: ids::participant(0, 0),
    };
    stage.model.apply(stage.now, delete).unwrap();
    stage.model.take_back();
    assert_eq!(stage.events(), []);
    assert_eq!(stage.gone(0), crate::stage::Outcome::default());
    assert_eq!(told(&mut stage), ["StreamUnpublished", "DeviceDisconnected"], "the device was put back");
}
