//! Small numbers as identifiers.

use std::fmt::Debug;
use std::str::FromStr;

use crosspoint_ids::{AccountId, DeviceId, ParticipantId, SessionId, StreamId, TokenId};
use crosspoint_model::{Alias, MediaTypes};

/// The id number `generation` that slot `slot` had. Ids are never reused, so a slot takes a new one for each new thing.
fn id<T: FromStr<Err: Debug>>(kind: u32, slot: u8, generation: u32) -> T {
    let text = format!("{kind:08x}-0000-4000-8000-{slot:04x}{generation:08x}");
    text.parse().unwrap()
}

pub(crate) fn session(slot: u8, generation: u32) -> SessionId {
    id(1, slot, generation)
}

pub(crate) fn participant(slot: u8, generation: u32) -> ParticipantId {
    id(2, slot, generation)
}

pub(crate) fn token(slot: u8, generation: u32) -> TokenId {
    id(3, slot, generation)
}

pub(crate) fn device(slot: u8, generation: u32) -> DeviceId {
    id(4, slot, generation)
}

/// What applications see in place of a device's own id: the same for all that a slot held.
pub(crate) fn shown_as(slot: u8) -> DeviceId {
    id(6, slot, 0)
}

pub(crate) fn stream(slot: u8) -> StreamId {
    id(5, slot, 0)
}

pub(crate) fn account(number: u8) -> AccountId {
    format!("account-{number}").parse().unwrap()
}

pub(crate) fn alias(number: u8) -> Alias {
    Alias::new(&format!("alias-{number}")).unwrap()
}

pub(crate) fn media_types(number: u8) -> MediaTypes {
    match number % 3 {
        0 => MediaTypes::AUDIO,
        1 => MediaTypes::VIDEO,
        _ => MediaTypes::AUDIO | MediaTypes::VIDEO,
    }
}
