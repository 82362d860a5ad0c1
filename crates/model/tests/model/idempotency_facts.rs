//! The same command under the same key.

use std::time::Duration;

use crosspoint_ids::Timestamp;
use crosspoint_model::{
    Change, Command, Fingerprint, Idempotency, IdempotencyKey, Model, Outcome, Refusal, Reply,
};

use crate::ids;
use crate::stage::limits;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const DAY: Duration = Duration::from_secs(24 * 3_600);

fn under(key: &str, request: u8) -> Idempotency {
    Idempotency { key: IdempotencyKey::new(key).unwrap(), fingerprint: Fingerprint([request; 32]) }
}

fn create_participant(slot: u8) -> Command {
    Command::CreateParticipant {
        account: ids::account(0),
        participant: ids::participant(slot, 0),
        token: ids::token(slot, 0),
        tag: None,
        callback_url: None,
        publish_permissions: ids::media_types(0),
    }
}

fn create_session(account: u8, slot: u8) -> Command {
    Command::CreateSession { account: ids::account(account), session: ids::session(slot, 0), tag: None }
}

fn changes(model: &mut Model) -> Vec<Change> {
    model.keep();
    std::iter::from_fn(|| model.poll_change()).collect()
}

#[test]
fn the_same_request_is_answered_as_before_and_changes_nothing() {
    let mut model = Model::new(limits());
    let first = model.apply_once(NOW, under("a", 1), create_participant(0)).unwrap();
    let made = changes(&mut model);
    assert!(matches!(&made[..], [Change::PutParticipant(_), Change::PutIdempotency(_)]), "{made:?}");

    // Even when the participant is another by now, or gone.
    let account = ids::account(0);
    let renew = Command::RenewToken {
        account: account.clone(),
        participant: ids::participant(0, 0),
        token: ids::token(9, 9),
    };
    model.apply(NOW, renew).unwrap();
    model.apply(NOW, Command::DeleteParticipant { account, participant: ids::participant(0, 0) }).unwrap();
    changes(&mut model);
    assert_eq!(model.apply_once(NOW, under("a", 1), create_participant(1)), Ok(first));
    assert_eq!(changes(&mut model), []);
}

#[test]
fn another_request_under_the_key_is_refused() {
    let mut model = Model::new(limits());
    model.apply_once(NOW, under("a", 1), create_session(0, 0)).unwrap();
    let key = IdempotencyKey::new("a").unwrap();
    let refused = model.apply_once(NOW, under("a", 2), create_session(0, 1));
    assert_eq!(refused, Err(Refusal::IdempotencyKeyReused(key)));
    model.apply_once(NOW, under("a", 2), create_session(1, 1)).expect("another account has keys of its own");
}

#[test]
fn a_key_is_free_again_after_a_day() {
    let mut model = Model::new(limits());
    model.apply_once(NOW, under("a", 1), create_session(0, 0)).unwrap();
    model.handle_timeout(NOW + DAY.saturating_sub(Duration::from_millis(1)));
    changes(&mut model);
    assert_eq!(model.poll_timeout(), Some(NOW + DAY));
    model.handle_timeout(NOW + DAY);
    let key = IdempotencyKey::new("a").unwrap();
    assert_eq!(changes(&mut model), [Change::DeleteIdempotency(ids::account(0), key)]);
    let later = NOW + DAY;
    model.apply_once(later, under("a", 2), create_session(0, 1)).unwrap();
}

#[test]
fn what_is_refused_or_taken_back_leaves_the_key_free() {
    let mut model = Model::new(limits());
    let nobody = Command::DeleteSession { account: ids::account(0), session: ids::session(7, 0) };
    assert!(model.apply_once(NOW, under("a", 1), nobody).is_err());
    model.apply_once(NOW, under("a", 2), create_session(0, 0)).unwrap();
    model.take_back();
    assert_eq!(model.poll_timeout(), None);
    let reply = model.apply_once(NOW, under("a", 3), create_session(0, 1));
    assert!(matches!(reply, Ok(Reply::Session(_))), "{reply:?}");
}

#[test]
fn an_account_has_so_many_keys_and_no_more() {
    let mut model = Model::new(limits());
    let max = limits().account_idempotency_keys_max;
    for slot in 0..max {
        let slot = u8::try_from(slot).unwrap();
        model.apply_once(NOW, under(&slot.to_string(), 1), create_session(0, slot)).unwrap();
    }
    let refused = model.apply_once(NOW, under("more", 1), create_participant(0));
    assert_eq!(refused, Err(Refusal::TooManyIdempotencyKeys { max }));
    model.apply_once(NOW, under("0", 1), create_session(0, 9)).expect("known keys are answered");
}

#[test]
fn a_restored_key_answers() {
    let mut model = Model::new(limits());
    let first = model.apply_once(NOW, under("a", 1), create_session(0, 0)).unwrap();
    let record = changes(&mut model).into_iter().find_map(|change| match change {
        Change::PutIdempotency(record) => Some(record),
        _ => None,
    });
    let record = record.unwrap();
    assert!(matches!(record.outcome, Outcome::Session(_)));
    let mut model = Model::new(limits());
    model.restore_idempotency(record);
    assert_eq!(model.apply_once(NOW, under("a", 1), create_session(0, 1)), Ok(first));
}
