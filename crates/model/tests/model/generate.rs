//! Random sequences of steps.
//!
//! A slot belongs to the account of its parity, and most steps keep to that, so that accounts have something to lose;
//! the others try foreign ids.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::steps::{ACCOUNTS, ALIASES, DEVICES, PARTICIPANTS, Published, Ref, SESSIONS, STREAMS, Step, Wish};

/// Some of the steps that set a scene, then up to `steps_max` steps of every kind.
pub(crate) fn sequence(steps_max: usize) -> impl Strategy<Value = Vec<Step>> {
    let scene = scene();
    let chosen = prop_oneof![
        1 => vec(proptest::bool::weighted(0.5), scene.len()),
        5 => vec(proptest::bool::weighted(0.95), scene.len()),
    ];
    (chosen, vec(step(), 1..=steps_max)).prop_map(move |(chosen, steps)| {
        let opening = scene.iter().zip(chosen).filter(|(_, chosen)| *chosen);
        opening.map(|(step, _)| step.clone()).chain(steps).collect()
    })
}

/// Everything that can exist, made in the order in which it can be used.
fn scene() -> Vec<Step> {
    let sessions = (0..SESSIONS).map(|slot| Step::CreateSession { account: slot % ACCOUNTS, slot });
    let participants =
        (0..PARTICIPANTS).map(|slot| Step::CreateParticipant { account: slot % ACCOUNTS, slot });
    let devices =
        (0..PARTICIPANTS).map(|slot| Step::Connect { participant: Ref::latest(slot), slot: slot % DEVICES });
    let streams = (0..DEVICES).map(|slot| Step::Publish {
        device: Ref::latest(slot),
        streams: vec![Published { stream: slot % STREAMS, alias: Some(slot % ALIASES), media: slot }],
    });
    // More want to be in the first session of their account than it takes.
    let members = (0..PARTICIPANTS).map(|slot| Step::Add {
        account: slot % ACCOUNTS,
        session: Ref::latest(slot % ACCOUNTS + slot / (5 * ACCOUNTS) * ACCOUNTS),
        participant: Ref::latest(slot),
        wish: Some(Wish::Everybody),
    });
    sessions.chain(participants).chain(devices).chain(streams).chain(members).collect()
}

fn step() -> impl Strategy<Value = Step> {
    (0..ACCOUNTS).prop_flat_map(|account| {
        prop_oneof![
            6 => own(account, SESSIONS).prop_map(move |slot| Step::CreateSession { account, slot }),
            1 => session(account).prop_map(move |session| Step::DeleteSession { account, session }),
            8 => own(account, PARTICIPANTS)
                .prop_map(move |slot| Step::CreateParticipant { account, slot }),
            2 => participant(account)
                .prop_map(move |participant| Step::DeleteParticipant { account, participant }),
            2 => participant(account).prop_map(move |participant| Step::Renew { account, participant }),
            18 => add(account),
            6 => (session(account), participant(account)).prop_map(move |(session, participant)| {
                Step::Remove { account, session, participant }
            }),
            14 => (session(account), participant(account), wish(account)).prop_map(
                move |(session, participant, wish)| Step::Subscribe { account, session, participant, wish }
            ),
            8 => matrix(account),
            5 => (participant(account), 0..DEVICES)
                .prop_map(|(participant, slot)| Step::Connect { participant, slot }),
            2 => (participant(account), device())
                .prop_map(|(participant, device)| Step::ConnectAgain { participant, device }),
            2 => device().prop_map(|device| Step::Gone { device }),
            16 => publish(),
            3 => (0..400_u64).prop_map(|millis| Step::Wait { millis }),
            1 => (0..400_u64).prop_map(|millis| Step::Lag { millis }),
            1 => Just(Step::Restart),
        ]
    })
}

fn add(account: u8) -> impl Strategy<Value = Step> {
    let wish = proptest::option::of(wish(account));
    (session(account), participant(account), wish).prop_map(move |(session, participant, wish)| Step::Add {
        account,
        session,
        participant,
        wish,
    })
}

fn matrix(account: u8) -> impl Strategy<Value = Step> {
    let rows = vec((participant(account), wish(account)), 0..3);
    (session(account), rows).prop_map(move |(session, mut rows)| {
        let mut seen = Vec::new();
        // The contract of the command: no subscriber twice.
        rows.retain(|(participant, _)| {
            let first = !seen.contains(participant);
            seen.push(*participant);
            first
        });
        Step::Matrix { account, session, rows }
    })
}

fn wish(account: u8) -> impl Strategy<Value = Wish> {
    let aliases = prop_oneof![2 => Just(Vec::new()), 3 => vec(0..ALIASES, 1..3)];
    prop_oneof![
        1 => Just(Wish::Nothing),
        2 => Just(Wish::Everybody),
        4 => vec((participant(account), aliases), 1..4).prop_map(Wish::Only),
    ]
}

fn session(account: u8) -> impl Strategy<Value = Ref> {
    (own(account, SESSIONS), ago()).prop_map(|(slot, ago)| Ref { slot, ago })
}

fn participant(account: u8) -> impl Strategy<Value = Ref> {
    (own(account, PARTICIPANTS), ago()).prop_map(|(slot, ago)| Ref { slot, ago })
}

fn device() -> impl Strategy<Value = Ref> {
    (0..DEVICES, ago()).prop_map(|(slot, ago)| Ref { slot, ago })
}

/// The devices draw from few stream ids, so that the same ones come back, and neighbours sometimes want the same.
fn publish() -> impl Strategy<Value = Step> {
    let published = (0..3_u8, proptest::option::weighted(0.8, 0..ALIASES), 0..3_u8);
    (device(), vec(published, 0..4)).prop_map(|(device, streams)| Step::Publish {
        device,
        streams: streams
            .into_iter()
            .map(|(nth, alias, media)| Published { stream: (device.slot + nth) % STREAMS, alias, media })
            .collect(),
    })
}

/// A slot, mostly one of the account's own.
fn own(account: u8, slots: u8) -> impl Strategy<Value = u8> {
    prop_oneof![
        30 => (0..slots / ACCOUNTS).prop_map(move |n| n * ACCOUNTS + account),
        1 => 0..slots,
    ]
}

fn ago() -> impl Strategy<Value = u8> {
    prop_oneof![20 => Just(0_u8), 1 => Just(1_u8)]
}
