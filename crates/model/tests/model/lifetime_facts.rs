//! Ends by time, and what a restart finds.

use std::time::Duration;

use crosspoint_ids::Timestamp;
use crosspoint_model::{
    Change, CloseReason, Membership, Model, ParticipantRecord, Query, Reply, Report, Scope, SessionRecord,
    Subscriptions,
};

use crate::ids;
use crate::stage::{EVERYBODY, LIFETIME, Outcome, Stage, limits};

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn the_next_timeout_is_the_earliest_end() {
    let mut stage = Stage::new();
    assert_eq!(stage.model.poll_timeout(), None);
    let start = stage.now;
    stage.create_session(0);
    stage.wait(MOMENT);
    stage.create_participant(0);
    assert_eq!(stage.model.poll_timeout(), Some(start + LIFETIME));
    stage.delete_session(0).unwrap();
    assert_eq!(stage.model.poll_timeout(), Some(start + MOMENT + LIFETIME));
    stage.delete_participant(0).unwrap();
    assert_eq!(stage.model.poll_timeout(), None);
}

#[test]
fn a_session_ends_by_itself_as_if_deleted() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.wait(MOMENT);
    stage.create_participant(2);
    assert_eq!(stage.wait(LIFETIME - MOMENT - MOMENT), Outcome::default(), "not yet");
    let outcome = stage.wait(MOMENT);
    let ended = [
        Change::DeleteSession(ids::session(0, 0)),
        Change::DeleteParticipant(ids::participant(0, 0)),
        Change::DeleteParticipant(ids::participant(1, 0)),
    ];
    assert_eq!(outcome.changes, ended);
    assert_eq!(outcome.routes, [(vec![(1, 0)], vec![])], "one step for all");
    let closed = [(0, CloseReason::ParticipantEnded), (1, CloseReason::ParticipantEnded)];
    assert_eq!(outcome.closed, closed);
    assert!(stage.participant(2).is_ok());
}

fn session() -> SessionRecord {
    SessionRecord {
        account: ids::account(0),
        id: ids::session(0, 0),
        tag: None,
        sequence: 40,
        created_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(10_000),
    }
}

fn participant(slot: u8, since: u64) -> ParticipantRecord {
    ParticipantRecord {
        account: ids::account(0),
        id: ids::participant(slot, 0),
        tag: None,
        callback_url: None,
        publish_permissions: ids::media_types(0),
        token: ids::token(slot, 0),
        token_issued_at: Timestamp::default(),
        sequence: u64::from(slot),
        created_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(20_000),
        membership: Some(Membership { session: ids::session(0, 0), since }),
        subscriptions: Some(Subscriptions { session: ids::session(0, 0), scope: Scope::WholeSession }),
    }
}

#[test]
fn records_may_be_restored_in_any_order_and_numbers_go_on_above_them() {
    for participants_first in [true, false] {
        let mut stage = Stage::new();
        if !participants_first {
            stage.model.restore_session(session());
        }
        stage.model.restore_participant(participant(0, 8));
        stage.model.restore_participant(participant(1, 7));
        if participants_first {
            stage.model.restore_session(session());
        }
        assert_eq!(stage.members(0), [1, 0]);
        assert_eq!(stage.model.poll_timeout(), Some(Timestamp::from_millis(10_000)));
        assert_eq!(stage.model.poll_change(), None);
        stage.create_participant(2);
        assert_eq!(stage.participant(2).unwrap().sequence, 41);
        stage.add(0, 2, None).unwrap();
        assert_eq!(stage.members(0), [1, 0, 2]);
        stage.connect(0, 0);
        stage.connect(1, 1);
        stage.publish(1, &[(1, None)]);
        assert_eq!(stage.received(0), [1]);
    }
}

#[test]
fn a_record_that_names_a_session_that_is_gone_is_in_none() {
    let mut stage = Stage::new();
    stage.model.restore_participant(participant(0, 8));
    stage.model.restore_participant(participant(1, 7));
    for (slot, stream) in [(0, 0), (1, 1)] {
        stage.connect(slot, slot);
        assert_eq!(stage.publish(slot, &[(stream, None)]), Outcome::default());
        let view = stage.participant(slot).unwrap();
        assert_eq!((view.membership, view.subscriptions), (None, None));
    }
    stage.create_session(1);
    stage.add(1, 0, None).unwrap();
    assert_eq!(stage.session_of(0), Some(1));
}

/// A broken store must not open a door between accounts.
#[test]
fn a_record_that_names_a_foreign_session_is_in_none() {
    let mut model = Model::new(limits());
    let now = Timestamp::from_millis(1);
    let mut foreign = session();
    foreign.account = ids::account(1);
    model.restore_session(foreign);
    let mut native = participant(1, 7);
    native.account = ids::account(1);
    model.restore_participant(native);
    model.restore_participant(participant(0, 8));
    for slot in [0, 1] {
        let (participant, device) = (ids::participant(slot, 0), ids::device(slot, 0));
        model.report(now, Report::DeviceConnected { participant, device, shown_as: device });
        let streams = vec![crosspoint_model::PublishedStream {
            id: ids::stream(slot),
            alias: None,
            media_types: ids::media_types(0),
        }];
        model.report(now, Report::StreamsPublished { device, streams });
    }
    assert_eq!(model.routes().count(), 0);
    let members = model.query(Query::Session { account: ids::account(1), session: ids::session(0, 0) });
    let Ok(Reply::Session(members)) = members else {
        panic!("{members:?}");
    };
    assert_eq!(members.participants, [ids::participant(1, 0)]);
}
