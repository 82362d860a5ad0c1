//! Sessions, participants and membership.

use crosspoint_model::{
    CallbackUrl, Change, Command, MatrixRow, MediaTypes, Page, PageRequest, Query, Refusal, Reply, Tag,
};

use crate::ids;
use crate::stage::{EVERYBODY, LIFETIME, Outcome, Stage, not_in, only};

#[test]
fn a_new_session_is_answered_and_written_as_it_was_asked_for() {
    let mut stage = Stage::new();
    let tag = Tag::new("a hearing").ok();
    let reply = stage.model.apply(
        stage.now,
        Command::CreateSession { account: ids::account(0), session: ids::session(0, 0), tag: tag.clone() },
    );
    let Ok(Reply::Session(session)) = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(session.record.tag, tag);
    assert_eq!(session.record.created_at, stage.now);
    assert_eq!(session.record.expires_at, stage.now + LIFETIME);
    assert_eq!(session.participants, []);
    assert_eq!(stage.model.poll_change(), Some(Change::PutSession(session.record)));
    assert_eq!(stage.model.poll_change(), None);
}

#[test]
fn a_new_participant_is_answered_and_written_as_it_was_asked_for() {
    let mut stage = Stage::new();
    let reply = stage.model.apply(
        stage.now,
        Command::CreateParticipant {
            account: ids::account(0),
            participant: ids::participant(0, 0),
            token: ids::token(0, 0),
            tag: Tag::new("judge").ok(),
            callback_url: CallbackUrl::new("https://example.com/events").ok(),
            publish_permissions: MediaTypes::AUDIO,
        },
    );
    let Ok(Reply::Participant(participant)) = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(participant.tag, Tag::new("judge").ok());
    assert_eq!(participant.callback_url, CallbackUrl::new("https://example.com/events").ok());
    assert_eq!(participant.publish_permissions, MediaTypes::AUDIO);
    assert_eq!(participant.token, ids::token(0, 0));
    assert_eq!(participant.expires_at, stage.now + LIFETIME);
    assert_eq!((participant.membership, &participant.subscriptions), (None, &None));
    assert_eq!(stage.model.poll_change(), Some(Change::PutParticipant(participant)));
    assert_eq!(stage.model.poll_change(), None);
}

#[test]
fn members_are_listed_oldest_first() {
    let mut stage = Stage::with_members(&[2, 0, 1]);
    assert_eq!(stage.members(0), [2, 0, 1]);
    stage.remove(0, 2).unwrap();
    stage.add(0, 2, None).unwrap();
    assert_eq!(stage.members(0), [0, 1, 2]);
    let reply = stage.model.query(Query::Session { account: ids::account(0), session: ids::session(0, 0) });
    let Ok(Reply::Session(session)) = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(session.participants, [0, 1, 2].map(|slot| ids::participant(slot, 0)));
}

#[test]
fn a_participant_is_in_one_session_at_most() {
    let mut stage = Stage::with_members(&[0]);
    stage.create_session(1);
    let refusal =
        Refusal::InAnotherSession { participant: ids::participant(0, 0), session: ids::session(0, 0) };
    assert_eq!(stage.add(1, 0, None), Err(refusal));
    stage.remove(0, 0).unwrap();
    stage.add(1, 0, None).unwrap();
    assert_eq!((stage.members(0), stage.members(1)), (vec![], vec![0]));
}

#[test]
fn adding_a_present_member_without_subscriptions_changes_nothing() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.subscribe(0, 0, only(&[(1, &[])])).unwrap();
    assert_eq!(stage.add(0, 0, None), Ok(Outcome::default()));
    assert_eq!(stage.subscriptions(0, 0), Ok(only(&[(1, &[])])));
}

#[test]
fn adding_a_present_member_with_subscriptions_replaces_them_and_keeps_its_place() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.subscribe(0, 0, only(&[(1, &[])])).unwrap();
    stage.add(0, 0, Some(EVERYBODY)).unwrap();
    assert_eq!(stage.subscriptions(0, 0), Ok(EVERYBODY));
    stage.add(0, 0, Some(None)).unwrap();
    assert_eq!(stage.subscriptions(0, 0), Ok(None));
    assert_eq!(stage.members(0), [0, 1]);
}

#[test]
fn a_full_session_takes_no_more_and_refuses_no_present_member() {
    let mut stage = Stage::with_members(&[0, 1, 2]);
    stage.create_participant(3);
    let full = Refusal::SessionFull { session: ids::session(0, 0), max: 3 };
    assert_eq!(stage.add(0, 3, None), Err(full));
    assert!(stage.add(0, 2, Some(EVERYBODY)).is_ok());
    stage.remove(0, 1).unwrap();
    assert!(stage.add(0, 3, None).is_ok());
}

#[test]
fn removal_drops_subscriptions_and_is_refused_for_who_is_not_a_member() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.remove(0, 0).unwrap();
    assert_eq!(stage.session_of(0), None);
    assert_eq!(stage.participant(0).unwrap().subscriptions, None);
    assert_eq!(stage.remove(0, 0), Err(not_in(0, 0)));
    stage.add(0, 0, None).unwrap();
    assert_eq!(stage.subscriptions(0, 0), Ok(None));
}

#[test]
fn the_end_of_a_session_is_one_write_and_its_members_are_in_none() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.create_session(1);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    let outcome = stage.delete_session(0).unwrap();
    assert_eq!(outcome.changes, [Change::DeleteSession(ids::session(0, 0))]);
    assert_eq!(outcome.closed, [], "devices stay connected");
    assert_eq!(stage.session_of(0), None);
    assert_eq!(stage.participant(0).unwrap().subscriptions, None);
    assert_eq!(stage.subscriptions(0, 0), Err(Refusal::NoSuchSession(ids::session(0, 0))));
    stage.add(1, 0, None).unwrap();
    assert_eq!(stage.session_of(0), Some(1));
    assert_eq!(stage.subscriptions(1, 0), Ok(None));
}

#[test]
fn the_end_of_a_participant_takes_it_out_of_its_session() {
    let mut stage = Stage::with_members(&[0, 1]);
    let outcome = stage.delete_participant(0).unwrap();
    assert_eq!(outcome.changes, [Change::DeleteParticipant(ids::participant(0, 0))]);
    assert_eq!(stage.members(0), [1]);
    let absent = Refusal::NoSuchParticipant(ids::participant(0, 0));
    assert_eq!(stage.participant(0), Err(absent.clone()));
    assert_eq!(stage.delete_participant(0), Err(absent));
}

#[test]
fn an_account_has_so_many_sessions_and_participants() {
    let mut stage = Stage::new();
    (0..3).for_each(|session| stage.create_session(session));
    (0..6).for_each(|participant| stage.create_participant(participant));
    assert_eq!(stage.try_create_session(0, 3), Err(Refusal::TooManySessions { max: 3 }));
    assert_eq!(stage.try_create_participant(0, 6), Err(Refusal::TooManyParticipants { max: 6 }));
    assert!(stage.try_create_session(1, 4).is_ok(), "another account has its own");
    assert!(stage.try_create_participant(1, 7).is_ok());
    stage.delete_session(0).unwrap();
    stage.delete_participant(0).unwrap();
    assert!(stage.try_create_session(0, 3).is_ok());
    assert!(stage.try_create_participant(0, 6).is_ok());
}

/// Every command and query that names something: what account 1 asks about the things of account 0 is refused, and
/// with the same words as if it asked about nothing.
#[test]
fn what_belongs_to_another_account_is_absent() {
    let mut stage = Stage::with_members(&[0, 1]);
    stage.subscribe(0, 0, EVERYBODY).unwrap();
    stage.try_create_session(1, 5).unwrap();
    stage.try_create_participant(1, 5).unwrap();
    let account = || ids::account(1);
    // (session, participant, what is refused first): account 1 has number 5, account 0 number 0, nobody number 9.
    for (s, p) in [(0, 0), (0, 5), (5, 0), (9, 9), (9, 5), (5, 9)] {
        let (session, participant) = (ids::session(s, 0), ids::participant(p, 0));
        let no_session = Refusal::NoSuchSession(session);
        let no_participant = Refusal::NoSuchParticipant(participant);
        let of_session = (s != 5).then_some(no_session.clone());
        let of_participant = (p != 5).then_some(no_participant.clone());
        let of_both = of_session.clone().or(of_participant.clone());
        let of_row = of_session.clone().unwrap_or(Refusal::RowOfNoMember { participant, session });
        let add = |subscriptions| Command::AddParticipant {
            account: account(),
            session,
            participant,
            subscriptions,
        };
        let remove = Command::RemoveParticipant { account: account(), session, participant };
        let subscribe =
            Command::SetSubscriptions { account: account(), session, participant, scope: EVERYBODY };
        let matrix = Command::SetMatrix {
            account: account(),
            session,
            rows: vec![MatrixRow { participant, scope: EVERYBODY }],
        };
        for command in [add(None), add(Some(only(&[(0, &[])]))), remove, subscribe] {
            assert_eq!(stage.apply(command.clone()).err(), of_both, "{command:?}");
        }
        assert_eq!(stage.apply(matrix), Err(of_row));
        if let Some(refusal) = of_session {
            let delete = Command::DeleteSession { account: account(), session };
            assert_eq!(stage.apply(delete), Err(refusal.clone()));
            for query in [
                Query::Session { account: account(), session },
                Query::Members { account: account(), session },
                Query::Matrix { account: account(), session },
            ] {
                assert_eq!(stage.model.query(query), Err(refusal.clone()));
            }
        }
        if let Some(refusal) = of_participant {
            let delete = Command::DeleteParticipant { account: account(), participant };
            assert_eq!(stage.apply(delete), Err(refusal.clone()));
            for query in [
                Query::Participant { account: account(), participant },
                Query::Streams { account: account(), participant },
            ] {
                assert_eq!(stage.model.query(query), Err(refusal.clone()));
            }
        }
        let query = Query::Subscriptions { account: account(), session, participant };
        assert_eq!(stage.model.query(query).err(), of_both);
    }
    assert_eq!(stage.members(0), [0, 1]);
    assert_eq!(stage.received(0), [1]);
}

#[test]
fn listings_are_newest_first_in_pages() {
    let mut stage = Stage::new();
    (0..5).for_each(|participant| stage.create_participant(participant));
    stage.try_create_participant(1, 9).unwrap();
    stage.delete_participant(2).unwrap();
    let page = |limit, before| {
        let reply = stage
            .model
            .query(Query::Participants { account: ids::account(0), page: PageRequest { limit, before } });
        let Ok(Reply::Participants(Page { items, next })) = reply else {
            panic!("{reply:?}");
        };
        (items.iter().map(|p| p.id).collect::<Vec<_>>(), next)
    };
    let id = |slot| ids::participant(slot, 0);
    let (first, next) = page(3, None);
    assert_eq!(first, [id(4), id(3), id(1)]);
    let (second, end) = page(3, Some(next.unwrap()));
    assert_eq!((second, end), (vec![id(0)], None));
    assert_eq!(page(4, None).1, None, "nothing more, no next page");
    let empty = stage
        .model
        .query(Query::Sessions { account: ids::account(7), page: PageRequest { limit: 3, before: None } });
    let nothing = Page { items: vec![], next: None };
    assert_eq!(empty, Ok(Reply::Sessions(nothing)));
}
