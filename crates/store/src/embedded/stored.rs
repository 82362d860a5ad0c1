//! Records as they are stored: JSON objects with types of their own, converted by hand.
//!
//! JSON, because it says its field names: a later release reads what this one wrote. A new field is an `Option` or has
//! `#[serde(default)]`, and raises the format's version, so that a release that does not know it refuses the file
//! rather than forgets the field. The tests hold bytes of every version.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use crosspoint_ids::Timestamp;
use crosspoint_model::{
    Alias, CallbackUrl, Fingerprint, IdempotencyKey, IdempotencyRecord, ListedParticipant, MediaTypes,
    Membership, Outcome, ParticipantRecord, Scope, SessionRecord, StreamSelection, Subscriptions, Tag,
};
use serde::{Deserialize, Serialize};

use crate::{DeliveryRecord, DeviceRecord, LineKind, Presence};

/// A stored record that can't be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Undecodable(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    account: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    sequence: u64,
    created_at: u64,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Participant {
    account: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callback_url: Option<String>,
    publish_permissions: Vec<MediaType>,
    token: String,
    token_issued_at: u64,
    sequence: u64,
    created_at: u64,
    expires_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    membership: Option<Member>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subscriptions: Option<Subscribed>,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum MediaType {
    Audio,
    Video,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    session: String,
    since: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribed {
    session: String,
    scope: Reach,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reach {
    WholeSession,
    Listed(Vec<Listed>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    participant: String,
    streams: Streams,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Streams {
    All,
    Aliases(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Idempotency {
    account: String,
    key: String,
    fingerprint: String,
    outcome: Made,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Made {
    Session(Session),
    Participant(Box<Participant>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Device {
    participant: String,
    device: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unique_id: Option<String>,
    presence: Stay,
    lines: Vec<MediaType>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stay {
    Here,
    Gone,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivery {
    id: u64,
    account: String,
    participant: String,
    url: String,
    message_id: String,
    body: String,
    created_at: u64,
}

pub(super) fn session_bytes(record: &SessionRecord) -> Vec<u8> {
    encode(&Session::from(record))
}

pub(super) fn session(bytes: &[u8]) -> Result<SessionRecord, Undecodable> {
    decode::<Session>(bytes)?.try_into()
}

pub(super) fn participant_bytes(record: &ParticipantRecord) -> Vec<u8> {
    encode(&Participant::from(record))
}

pub(super) fn participant(bytes: &[u8]) -> Result<ParticipantRecord, Undecodable> {
    decode::<Participant>(bytes)?.try_into()
}

pub(super) fn idempotency_bytes(record: &IdempotencyRecord) -> Vec<u8> {
    let outcome = match &record.outcome {
        Outcome::Session(session) => Made::Session(session.into()),
        Outcome::Participant(participant) => Made::Participant(Box::new((&**participant).into())),
    };
    encode(&Idempotency {
        account: record.account.to_string(),
        key: record.key.as_str().to_owned(),
        fingerprint: STANDARD_NO_PAD.encode(record.fingerprint.0),
        outcome,
        expires_at: record.expires_at.as_millis(),
    })
}

pub(super) fn idempotency(bytes: &[u8]) -> Result<IdempotencyRecord, Undecodable> {
    let stored: Idempotency = decode(bytes)?;
    let fingerprint =
        STANDARD_NO_PAD.decode(&stored.fingerprint).ok().and_then(|digest| digest.try_into().ok());
    Ok(IdempotencyRecord {
        account: parse("account", &stored.account)?,
        key: IdempotencyKey::new(&stored.key).map_err(|error| Undecodable(format!("key: {error}")))?,
        fingerprint: Fingerprint(fingerprint.ok_or_else(|| Undecodable("fingerprint: not 32 bytes".into()))?),
        outcome: match stored.outcome {
            Made::Session(session) => Outcome::Session(session.try_into()?),
            Made::Participant(participant) => Outcome::Participant(Box::new((*participant).try_into()?)),
        },
        expires_at: Timestamp::from_millis(stored.expires_at),
    })
}

pub(super) fn device_bytes(record: &DeviceRecord) -> Vec<u8> {
    encode(&Device {
        participant: record.participant.to_string(),
        device: record.device.to_string(),
        unique_id: record.unique_id.clone(),
        presence: match record.presence {
            Presence::Here => Stay::Here,
            Presence::Gone => Stay::Gone,
        },
        lines: record.lines.iter().map(|line| MediaType::from(*line)).collect(),
    })
}

pub(super) fn device(bytes: &[u8]) -> Result<DeviceRecord, Undecodable> {
    let stored: Device = decode(bytes)?;
    Ok(DeviceRecord {
        participant: parse("participant", &stored.participant)?,
        device: parse("device", &stored.device)?,
        unique_id: stored.unique_id,
        presence: match stored.presence {
            Stay::Here => Presence::Here,
            Stay::Gone => Presence::Gone,
        },
        lines: stored.lines.into_iter().map(LineKind::from).collect(),
    })
}

pub(super) fn delivery_bytes(record: &DeliveryRecord) -> Vec<u8> {
    encode(&Delivery {
        id: record.id,
        account: record.account.to_string(),
        participant: record.participant.to_string(),
        url: record.url.clone(),
        message_id: record.message_id.to_string(),
        body: record.body.clone(),
        created_at: record.created_at.as_millis(),
    })
}

pub(super) fn delivery(bytes: &[u8]) -> Result<DeliveryRecord, Undecodable> {
    let stored: Delivery = decode(bytes)?;
    Ok(DeliveryRecord {
        id: stored.id,
        account: parse("account", &stored.account)?,
        participant: parse("participant", &stored.participant)?,
        url: stored.url,
        message_id: parse("message_id", &stored.message_id)?,
        body: stored.body,
        created_at: Timestamp::from_millis(stored.created_at),
    })
}

impl From<&SessionRecord> for Session {
    fn from(record: &SessionRecord) -> Self {
        Self {
            account: record.account.to_string(),
            id: record.id.to_string(),
            tag: record.tag.as_ref().map(|tag| tag.as_str().to_owned()),
            sequence: record.sequence,
            created_at: record.created_at.as_millis(),
            expires_at: record.expires_at.as_millis(),
        }
    }
}

impl TryFrom<Session> for SessionRecord {
    type Error = Undecodable;

    fn try_from(stored: Session) -> Result<Self, Undecodable> {
        Ok(Self {
            account: parse("account", &stored.account)?,
            id: parse("id", &stored.id)?,
            tag: tag(stored.tag)?,
            sequence: stored.sequence,
            created_at: Timestamp::from_millis(stored.created_at),
            expires_at: Timestamp::from_millis(stored.expires_at),
        })
    }
}

impl From<&ParticipantRecord> for Participant {
    fn from(record: &ParticipantRecord) -> Self {
        Self {
            account: record.account.to_string(),
            id: record.id.to_string(),
            tag: record.tag.as_ref().map(|tag| tag.as_str().to_owned()),
            callback_url: record.callback_url.as_ref().map(|url| url.as_str().to_owned()),
            publish_permissions: media_types(record.publish_permissions),
            token: record.token.to_string(),
            token_issued_at: record.token_issued_at.as_millis(),
            sequence: record.sequence,
            created_at: record.created_at.as_millis(),
            expires_at: record.expires_at.as_millis(),
            membership: record.membership.map(|membership| Member {
                session: membership.session.to_string(),
                since: membership.since,
            }),
            subscriptions: record.subscriptions.as_ref().map(Subscribed::from),
        }
    }
}

impl TryFrom<Participant> for ParticipantRecord {
    type Error = Undecodable;

    fn try_from(stored: Participant) -> Result<Self, Undecodable> {
        let callback_url = stored.callback_url.map(|url| CallbackUrl::new(&url)).transpose();
        Ok(Self {
            account: parse("account", &stored.account)?,
            id: parse("id", &stored.id)?,
            tag: tag(stored.tag)?,
            callback_url: callback_url.map_err(|error| Undecodable(format!("callback_url: {error}")))?,
            publish_permissions: permissions(&stored.publish_permissions),
            token: parse("token", &stored.token)?,
            token_issued_at: Timestamp::from_millis(stored.token_issued_at),
            sequence: stored.sequence,
            created_at: Timestamp::from_millis(stored.created_at),
            expires_at: Timestamp::from_millis(stored.expires_at),
            membership: stored.membership.map(Membership::try_from).transpose()?,
            subscriptions: stored.subscriptions.map(Subscriptions::try_from).transpose()?,
        })
    }
}

impl TryFrom<Member> for Membership {
    type Error = Undecodable;

    fn try_from(stored: Member) -> Result<Self, Undecodable> {
        Ok(Self { session: parse("session", &stored.session)?, since: stored.since })
    }
}

impl From<&Subscriptions> for Subscribed {
    fn from(subscriptions: &Subscriptions) -> Self {
        let scope = match &subscriptions.scope {
            Scope::WholeSession => Reach::WholeSession,
            Scope::Listed(list) => Reach::Listed(list.iter().map(Listed::from).collect()),
        };
        Self { session: subscriptions.session.to_string(), scope }
    }
}

impl TryFrom<Subscribed> for Subscriptions {
    type Error = Undecodable;

    fn try_from(stored: Subscribed) -> Result<Self, Undecodable> {
        let scope = match stored.scope {
            Reach::WholeSession => Scope::WholeSession,
            Reach::Listed(list) => {
                Scope::Listed(list.into_iter().map(ListedParticipant::try_from).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { session: parse("session", &stored.session)?, scope })
    }
}

impl From<&ListedParticipant> for Listed {
    fn from(entry: &ListedParticipant) -> Self {
        let streams = match &entry.streams {
            StreamSelection::All => Streams::All,
            StreamSelection::Aliases(aliases) => {
                Streams::Aliases(aliases.iter().map(|alias| alias.as_str().to_owned()).collect())
            }
        };
        Self { participant: entry.participant.to_string(), streams }
    }
}

impl TryFrom<Listed> for ListedParticipant {
    type Error = Undecodable;

    fn try_from(stored: Listed) -> Result<Self, Undecodable> {
        let alias = |text: &String| Alias::new(text).map_err(|error| Undecodable(format!("alias: {error}")));
        let streams = match &stored.streams {
            Streams::All => StreamSelection::All,
            Streams::Aliases(aliases) => {
                StreamSelection::Aliases(aliases.iter().map(alias).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { participant: parse("participant", &stored.participant)?, streams })
    }
}

impl From<LineKind> for MediaType {
    fn from(kind: LineKind) -> Self {
        match kind {
            LineKind::Audio => Self::Audio,
            LineKind::Video => Self::Video,
        }
    }
}

impl From<MediaType> for LineKind {
    fn from(stored: MediaType) -> Self {
        match stored {
            MediaType::Audio => Self::Audio,
            MediaType::Video => Self::Video,
        }
    }
}

fn media_types(permissions: MediaTypes) -> Vec<MediaType> {
    let all = [(MediaTypes::AUDIO, MediaType::Audio), (MediaTypes::VIDEO, MediaType::Video)];
    all.into_iter().filter(|(one, _)| permissions.contains(*one)).map(|(_, stored)| stored).collect()
}

fn permissions(stored: &[MediaType]) -> MediaTypes {
    stored.iter().fold(MediaTypes::NONE, |permissions, one| {
        permissions
            | match one {
                MediaType::Audio => MediaTypes::AUDIO,
                MediaType::Video => MediaTypes::VIDEO,
            }
    })
}

fn tag(stored: Option<String>) -> Result<Option<Tag>, Undecodable> {
    stored.map(|text| Tag::new(&text)).transpose().map_err(|error| Undecodable(format!("tag: {error}")))
}

fn parse<T: FromStr<Err: std::fmt::Display>>(field: &str, text: &str) -> Result<T, Undecodable> {
    text.parse().map_err(|error| Undecodable(format!("{field}: {error}")))
}

fn encode(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("these types have string keys and nothing that fails")
}

fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Undecodable> {
    // A place, not the parser's own words: those may quote a value, and values hold secrets.
    serde_json::from_slice(bytes).map_err(|error| {
        Undecodable(format!("not of a known form at line {}, column {}", error.line(), error.column()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{
        bare_participant, delivery as delivery_sample, device as device_sample, full_participant,
        idempotency as idempotency_sample, session as session_sample,
    };

    /// Bytes that version 1 wrote. They are never changed: what was written once is read forever.
    const SESSION_1: &str = concat!(
        r#"{"account":"9900000","id":"02020202-0202-0202-0202-020202020202","#,
        r#""tag":"Grüße \"quoted\"","sequence":1,"created_at":1700000000001,"#,
        r#""expires_at":18446744073709551615}"#,
    );
    const BARE_PARTICIPANT_1: &str = concat!(
        r#"{"account":"9900000","id":"01010101-0101-0101-0101-010101010101","#,
        r#""publish_permissions":[],"token":"65656565-6565-6565-6565-656565656565","#,
        r#""token_issued_at":3,"sequence":1,"created_at":2,"expires_at":4}"#,
    );
    const FULL_PARTICIPANT_1: &str = concat!(
        r#"{"account":"9900000","id":"01010101-0101-0101-0101-010101010101","tag":"alice","#,
        r#""callback_url":"https://example.com/callback?key=1","publish_permissions":["audio","#,
        r#""video"],"token":"65656565-6565-6565-6565-656565656565","token_issued_at":3,"#,
        r#""sequence":1,"created_at":2,"expires_at":4,"#,
        r#""membership":{"session":"01010101-0101-0101-0101-010101010101","since":2},"#,
        r#""subscriptions":{"session":"01010101-0101-0101-0101-010101010101","#,
        r#""scope":{"listed":[{"participant":"01010101-0101-0101-0101-010101010101","#,
        r#""streams":"all"},{"participant":"02020202-0202-0202-0202-020202020202","#,
        r#""streams":{"aliases":["camera",""]}}]}}}"#,
    );
    const IDEMPOTENCY_1: &str = concat!(
        r#"{"account":"9900000","key":"key-1","#,
        r#""fingerprint":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","#,
        r#""outcome":{"session":{"account":"9900000","id":"01010101-0101-0101-0101-010101010101","#,
        r#""sequence":1,"created_at":1700000000001,"expires_at":18446744073709551615}},"#,
        r#""expires_at":5}"#,
    );
    const DEVICE_1: &str = concat!(
        r#"{"participant":"01010101-0101-0101-0101-010101010101","#,
        r#""device":"33333333-3333-3333-3333-333333333333","unique_id":"unique","presence":"here","#,
        r#""lines":["audio","video"]}"#,
    );
    const DELIVERY_1: &str = concat!(
        r#"{"id":1,"account":"9900000","participant":"01010101-0101-0101-0101-010101010101","#,
        r#""url":"https://example.com/callback","#,
        r#""message_id":"01010101-0101-0101-0101-010101010101","body":"xxx","created_at":6}"#,
    );

    #[track_caller]
    fn check<T: PartialEq + std::fmt::Debug>(
        written: &str,
        record: &T,
        decode: fn(&[u8]) -> Result<T, Undecodable>,
        encode: fn(&T) -> Vec<u8>,
    ) {
        assert_eq!(String::from_utf8(encode(record)).unwrap(), written);
        assert_eq!(&decode(written.as_bytes()).unwrap(), record);
    }

    #[test]
    fn records_of_version_1_are_read_and_written_as_ever() {
        check(SESSION_1, &session_sample(2, 1), session, session_bytes);
        check(BARE_PARTICIPANT_1, &bare_participant(1, 1), participant, participant_bytes);
        check(FULL_PARTICIPANT_1, &full_participant(1, 1), participant, participant_bytes);
        let outcome = Outcome::Session(session_sample(1, 1));
        check(IDEMPOTENCY_1, &idempotency_sample(1, outcome), idempotency, idempotency_bytes);
        check(DEVICE_1, &device_sample(1, Presence::Here), device, device_bytes);
        check(DELIVERY_1, &delivery_sample(1, 3), delivery, delivery_bytes);
    }

    #[test]
    fn every_shape_comes_back() {
        for presence in [Presence::Here, Presence::Gone] {
            let record = device_sample(1, presence);
            assert_eq!(device(&device_bytes(&record)).unwrap(), record);
        }
        let outcome = Outcome::Participant(Box::new(full_participant(3, 4)));
        let record = idempotency_sample(1, outcome);
        assert_eq!(idempotency(&idempotency_bytes(&record)).unwrap(), record);
        let subscriptions = Subscriptions { session: session_sample(1, 1).id, scope: Scope::WholeSession };
        let record = ParticipantRecord { subscriptions: Some(subscriptions), ..bare_participant(1, 1) };
        assert_eq!(participant(&participant_bytes(&record)).unwrap(), record);
    }

    #[test]
    fn what_is_not_a_record_is_refused_without_quoting_it() {
        let written = String::from_utf8(session_bytes(&session_sample(1, 1))).unwrap();
        for (from, to) in [
            ("9900000", "99 00"),
            ("\"sequence\":1", "\"sequence\":-1"),
            ("\"sequence\"", "\"order\""),
            ("01010101-", "hunter2-"),
            ("}", ""),
            ("}", "}}"),
        ] {
            let changed = written.replacen(from, to, 1);
            assert_ne!(changed, written);
            let Undecodable(reason) = session(changed.as_bytes()).unwrap_err();
            assert!(!reason.contains("hunter2"), "{reason}");
        }
    }
}
