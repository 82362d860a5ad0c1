//! Subscriptions as they are recorded and read back.

use crosspoint_model::{Change, Query, Refusal, Reply, Scope, Subscriptions};

use crate::ids;
use crate::stage::{EVERYBODY, Outcome, Stage, not_in, only};

#[test]
fn what_is_read_back_is_what_was_written() {
    let mut stage = Stage::with_members(&[0, 1]);
    assert_eq!(stage.subscriptions(0, 0), Ok(None), "a member without any");
    for scope in [EVERYBODY, only(&[(1, &["camera", "screen"]), (0, &[])]), None] {
        stage.subscribe(0, 0, scope.clone()).unwrap();
        assert_eq!(stage.subscriptions(0, 0), Ok(scope.clone()));
        let recorded = scope.map(|scope| Subscriptions { session: ids::session(0, 0), scope });
        assert_eq!(stage.participant(0).unwrap().subscriptions, recorded);
    }
}

#[test]
fn writing_the_same_again_changes_nothing() {
    let mut stage = Stage::with_members(&[0, 1]);
    assert_eq!(stage.subscribe(0, 0, None), Ok(Outcome::default()));
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    assert_eq!(stage.subscribe(0, 0, EVERYBODY), Ok(Outcome::default()));
}

#[test]
fn subscriptions_before_membership_are_kept_and_wake_on_addition() {
    let mut stage = Stage::with_members(&[1]);
    stage.create_participant(0);
    stage.connect(0, 0);
    assert_eq!(stage.subscriptions(0, 0), Err(not_in(0, 0)), "nothing recorded");
    let outcome = stage.subscribe(0, 0, EVERYBODY).unwrap();
    assert_eq!(outcome.routes, []);
    assert_eq!(stage.subscriptions(0, 0), Ok(EVERYBODY));
    assert!(stage.participant(0).unwrap().subscriptions.is_some(), "dormant ones are shown");
    let outcome = stage.add(0, 0, None).unwrap();
    assert_eq!(outcome.routes, [(vec![], vec![(1, 0)])]);
}

#[test]
fn an_addition_with_subscriptions_replaces_dormant_ones() {
    let mut stage = Stage::with_members(&[1]);
    stage.create_participant(0);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.add(0, 0, Some(None)).unwrap();
    assert_eq!(stage.subscriptions(0, 0), Ok(None));
}

#[test]
fn an_addition_elsewhere_drops_dormant_subscriptions_for_good() {
    let mut stage = Stage::with_members(&[1]);
    stage.create_participant(0);
    stage.create_session(1);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.add(1, 0, None).unwrap();
    assert_eq!(stage.participant(0).unwrap().subscriptions, None);
    stage.delete_session(1).unwrap();
    assert_eq!(stage.subscriptions(0, 0), Err(not_in(0, 0)));
}

#[test]
fn who_is_in_another_session_has_no_subscriptions_here() {
    let mut stage = Stage::with_members(&[0]);
    stage.create_session(1);
    for scope in [EVERYBODY, None] {
        assert_eq!(stage.subscribe(1, 0, scope), Err(not_in(1, 0)));
    }
    assert_eq!(stage.subscriptions(1, 0), Err(not_in(1, 0)));
}

#[test]
fn who_is_in_no_session_may_clear() {
    let mut stage = Stage::new();
    stage.create_session(0);
    stage.create_session(1);
    stage.create_participant(0);
    assert_eq!(stage.subscribe(0, 0, None), Ok(Outcome::default()));
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.subscribe(1, 0, None).unwrap();
    assert_eq!(stage.subscriptions(0, 0), Ok(EVERYBODY), "only in the session it names");
    stage.subscribe(0, 0, None).unwrap();
    assert_eq!(stage.subscriptions(0, 0), Err(not_in(0, 0)));
}

#[test]
fn dormant_subscriptions_end_with_their_session() {
    let mut stage = Stage::new();
    stage.create_session(0);
    stage.create_participant(0);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.delete_session(0).unwrap();
    assert_eq!(stage.participant(0).unwrap().subscriptions, None);
}

#[test]
fn a_list_names_only_participants_of_the_account() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.try_create_participant(1, 5).unwrap();
    for unknown in [5, 9] {
        let list = only(&[(1, &[]), (unknown, &[])]);
        let refusal = Refusal::UnknownListedParticipant(ids::participant(unknown, 0));
        assert_eq!(stage.subscribe(0, 0, list.clone()), Err(refusal.clone()));
        assert_eq!(stage.add(0, 0, Some(list.clone())), Err(refusal.clone()));
        assert_eq!(stage.set_matrix(0, vec![(0, list)]), Err(refusal));
    }
    assert_eq!(stage.subscriptions(0, 0), Ok(None));
}

#[test]
fn a_list_is_not_rewritten_when_whom_it_names_leaves_or_ends() {
    let mut stage = Stage::with_members(&[0, 1, 2]);
    let list = only(&[(1, &["camera"]), (2, &[])]);
    stage.subscribe(0, 0, list.clone()).unwrap();
    stage.remove(0, 1).unwrap();
    stage.delete_participant(2).unwrap();
    assert_eq!(stage.subscriptions(0, 0), Ok(list));
}

#[test]
fn the_matrix_shows_all_members_oldest_first() {
    let mut stage = Stage::with_members(&[1, 0]);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    let reply = stage.model.query(Query::Matrix { account: ids::account(0), session: ids::session(0, 0) });
    let everything = Subscriptions { session: ids::session(0, 0), scope: Scope::WholeSession };
    let rows = vec![(ids::participant(1, 0), None), (ids::participant(0, 0), Some(everything))];
    assert_eq!(reply, Ok(Reply::Matrix(rows)));
}

#[test]
fn the_matrix_writes_the_rows_that_differ_and_routes_once() {
    let mut stage = Stage::with_members(&[0, 1, 2]);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.subscribe(0, 1, only(&[(2, &[])])).unwrap();
    let rows = vec![(0, EVERYBODY), (1, only(&[(0, &[])])), (2, only(&[(0, &[])]))];
    let outcome = stage.set_matrix(0, rows).unwrap();
    let written: Vec<_> = outcome
        .changes
        .iter()
        .map(|change| match change {
            Change::PutParticipant(record) => record.id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(written, [ids::participant(1, 0), ids::participant(2, 0)]);
    assert_eq!(outcome.routes, [(vec![(2, 1)], vec![(0, 1), (0, 2)])]);
    assert_eq!(stage.received(0), [1, 2]);
}

#[test]
fn a_matrix_with_one_bad_row_changes_nothing() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.create_participant(2);
    let refusal = |participant| Refusal::RowOfNoMember {
        participant: ids::participant(participant, 0),
        session: ids::session(0, 0),
    };
    for bad in [2, 9] {
        let rows = vec![(0, EVERYBODY), (bad, EVERYBODY), (1, EVERYBODY)];
        assert_eq!(stage.set_matrix(0, rows), Err(refusal(bad)));
    }
    let rows = vec![(0, EVERYBODY), (1, only(&[(9, &[])]))];
    let unknown = Refusal::UnknownListedParticipant(ids::participant(9, 0));
    assert_eq!(stage.set_matrix(0, rows), Err(unknown));
    assert_eq!(stage.subscriptions(0, 0), Ok(None));
    assert_eq!(stage.received(0), []);
}

#[test]
fn a_matrix_may_name_nobody() {
    let mut stage = Stage::with_members(&[0]);
    assert_eq!(stage.set_matrix(0, vec![]), Ok(Outcome::default()));
}
