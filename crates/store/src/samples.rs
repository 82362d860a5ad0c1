//! Records and writes for tests: a few ids, so that random writes meet each other.

use crosspoint_ids::{AccountId, DeviceId, ParticipantId, SessionId, Timestamp, TokenId};
use crosspoint_model::{
    Alias, CallbackUrl, Change, Fingerprint, IdempotencyKey, IdempotencyRecord, ListedParticipant,
    MediaTypes, Membership, Outcome, ParticipantRecord, Scope, SessionRecord, StreamSelection, Subscriptions,
    Tag,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use crate::{DeliveryRecord, DeviceRecord, LineKind, Presence, Records, Write};

fn uuid(number: u8) -> Uuid {
    Uuid::from_bytes([number; 16])
}

pub(crate) fn session_id(number: u8) -> SessionId {
    SessionId::new(uuid(number))
}

pub(crate) fn participant_id(number: u8) -> ParticipantId {
    ParticipantId::new(uuid(number))
}

pub(crate) fn account() -> AccountId {
    "9900000".parse().unwrap()
}

pub(crate) fn idempotency_key(number: u8) -> IdempotencyKey {
    IdempotencyKey::new(&format!("key-{number}")).unwrap()
}

pub(crate) fn session(number: u8, sequence: u64) -> SessionRecord {
    SessionRecord {
        account: account(),
        id: session_id(number),
        tag: number.is_multiple_of(2).then(|| Tag::new("Grüße \"quoted\"").unwrap()),
        sequence,
        created_at: Timestamp::from_millis(1_700_000_000_000 + sequence),
        expires_at: Timestamp::from_millis(u64::MAX),
    }
}

/// A participant without anything optional.
pub(crate) fn bare_participant(number: u8, sequence: u64) -> ParticipantRecord {
    ParticipantRecord {
        account: account(),
        id: participant_id(number),
        tag: None,
        callback_url: None,
        publish_permissions: MediaTypes::NONE,
        token: TokenId::new(uuid(number.wrapping_add(100))),
        token_issued_at: Timestamp::from_millis(3),
        sequence,
        created_at: Timestamp::from_millis(2),
        expires_at: Timestamp::from_millis(4),
        membership: None,
        subscriptions: None,
    }
}

/// A participant with everything.
pub(crate) fn full_participant(number: u8, sequence: u64) -> ParticipantRecord {
    let listed = vec![
        ListedParticipant { participant: participant_id(1), streams: StreamSelection::All },
        ListedParticipant {
            participant: participant_id(2),
            streams: StreamSelection::Aliases(vec![Alias::new("camera").unwrap(), Alias::new("").unwrap()]),
        },
    ];
    ParticipantRecord {
        tag: Some(Tag::new("alice").unwrap()),
        callback_url: Some(CallbackUrl::new("https://example.com/callback?key=1").unwrap()),
        publish_permissions: MediaTypes::AUDIO | MediaTypes::VIDEO,
        membership: Some(Membership { session: session_id(1), since: sequence + 1 }),
        subscriptions: Some(Subscriptions { session: session_id(1), scope: Scope::Listed(listed) }),
        ..bare_participant(number, sequence)
    }
}

fn participant(number: u8, sequence: u64, shape: u8) -> ParticipantRecord {
    match shape % 3 {
        0 => bare_participant(number, sequence),
        1 => full_participant(number, sequence),
        _ => ParticipantRecord {
            publish_permissions: MediaTypes::AUDIO,
            subscriptions: Some(Subscriptions { session: session_id(shape), scope: Scope::WholeSession }),
            ..bare_participant(number, sequence)
        },
    }
}

pub(crate) fn idempotency(number: u8, outcome: Outcome) -> IdempotencyRecord {
    IdempotencyRecord {
        account: account(),
        key: idempotency_key(number),
        fingerprint: Fingerprint([number; 32]),
        outcome,
        expires_at: Timestamp::from_millis(5),
    }
}

pub(crate) fn device(number: u8, presence: Presence) -> DeviceRecord {
    DeviceRecord {
        participant: participant_id(number),
        device: DeviceId::new(uuid(number.wrapping_add(50))),
        unique_id: (presence == Presence::Here).then(|| "unique".to_owned()),
        presence,
        lines: vec![LineKind::Audio, LineKind::Video],
    }
}

pub(crate) fn delivery(id: u64, body_len: usize) -> DeliveryRecord {
    DeliveryRecord {
        id,
        account: account(),
        participant: participant_id(1),
        url: "https://example.com/callback".to_owned(),
        message_id: uuid(id.to_be_bytes()[7]),
        body: "x".repeat(body_len),
        created_at: Timestamp::from_millis(6),
    }
}

fn write() -> impl Strategy<Value = Write> {
    let model = prop_oneof![
        4 => (0..6_u8, any::<u16>()).prop_map(|(n, seq)| Change::PutSession(session(n, seq.into()))),
        2 => (0..6_u8).prop_map(|n| Change::DeleteSession(session_id(n))),
        6 => (0..8_u8, any::<u16>(), any::<u8>())
            .prop_map(|(n, seq, shape)| Change::PutParticipant(participant(n, seq.into(), shape))),
        3 => (0..8_u8).prop_map(|n| Change::DeleteParticipant(participant_id(n))),
        1 => (0..4_u8).prop_map(|n| Change::PutIdempotency(idempotency(n, Outcome::Session(session(n, 1))))),
        1 => (0..4_u8).prop_map(|n| {
            let outcome = Outcome::Participant(Box::new(full_participant(n, 1)));
            Change::PutIdempotency(idempotency(n, outcome))
        }),
        1 => (0..4_u8).prop_map(|n| Change::DeleteIdempotency(account(), idempotency_key(n))),
    ];
    let presence = prop_oneof![Just(Presence::Here), Just(Presence::Gone)];
    prop_oneof![
        8 => model.prop_map(Write::Model),
        2 => (0..8_u8, presence).prop_map(|(n, presence)| Write::PutDevice(device(n, presence))),
        1 => (0..8_u8).prop_map(|n| Write::DeleteDevice(participant_id(n))),
        2 => (0..300_u64, 0..3_000_usize).prop_map(|(id, len)| Write::PutDelivery(delivery(id, len))),
        2 => (0..300_u64).prop_map(Write::DeleteDelivery),
    ]
}

/// Random batches of writes.
pub(crate) fn batches(
    count: impl Into<proptest::collection::SizeRange>,
) -> impl Strategy<Value = Vec<Vec<Write>>> {
    vec(vec(write(), 1..8), count)
}

/// The same random batches at every call.
pub(crate) fn some_batches(count: usize) -> Vec<Vec<Write>> {
    batches(count).new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

/// Brings what has no order into one.
pub(crate) fn sorted(mut records: Records) -> Records {
    records.sessions.sort_by_key(|record| (record.sequence, record.id));
    records.participants.sort_by_key(|record| (record.sequence, record.id));
    records.idempotency.sort_by(|a, b| a.key.cmp(&b.key));
    records.devices.sort_by_key(|record| record.participant);
    records
}
