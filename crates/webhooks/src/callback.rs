//! The JSON that a callback posts.

use crosspoint_ids::{ParticipantId, StreamId, Timestamp};
use crosspoint_model::MediaTypes;
use serde::Serialize;

/// What a callback tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback<'a> {
    /// What happened.
    pub event: CallbackEvent<'a>,
    /// When.
    pub happened_at: Timestamp,
    /// To whom.
    pub participant: ParticipantId,
    /// The device as applications know it: its own `uniqueId` when that is a UUID, else ours.
    pub device: &'a str,
    /// The participant's tag.
    pub tag: Option<&'a str>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackEvent<'a> {
    /// A device's signalling came up.
    Connect,
    /// A device said goodbye, or the server removed it.
    Leave,
    /// A device was lost.
    Disconnect,
    /// A stream came up or changed.
    StreamPublished(CallbackStream<'a>),
    /// A stream is gone.
    StreamUnpublished(CallbackStream<'a>),
}

/// The stream that a callback is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallbackStream<'a> {
    /// Its id, as subscribers see it.
    pub id: StreamId,
    /// The name that the device gave it.
    pub alias: Option<&'a str>,
    /// What it carries, or carried last.
    pub media_types: MediaTypes,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    event: &'static str,
    /// Milliseconds since 1970 in a string: the form of the platform whose clients call us.
    timestamp: String,
    participant_id: String,
    device_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(flatten)]
    stream: Option<StreamBody<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamBody<'a> {
    stream_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<&'a str>,
    media_types: Vec<&'static str>,
}

impl Callback<'_> {
    /// The body as it is posted: absent values are left out.
    pub fn to_json(&self) -> String {
        let body = Body {
            event: self.event.name(),
            timestamp: self.happened_at.as_millis().to_string(),
            participant_id: self.participant.to_string(),
            device_id: self.device,
            tag: self.tag,
            stream: self.event.stream().map(|stream| StreamBody {
                stream_id: stream.id.to_string(),
                alias: stream.alias,
                media_types: stream.media_types.names().collect(),
            }),
        };
        serde_json::to_string(&body).expect("a body of texts serialises")
    }
}

impl<'a> CallbackEvent<'a> {
    /// The event's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "onConnect",
            Self::Leave => "onLeave",
            Self::Disconnect => "onDisconnect",
            Self::StreamPublished(_) => "onStreamPublished",
            Self::StreamUnpublished(_) => "onStreamUnpublished",
        }
    }

    fn stream(self) -> Option<CallbackStream<'a>> {
        match self {
            Self::Connect | Self::Leave | Self::Disconnect => None,
            Self::StreamPublished(stream) | Self::StreamUnpublished(stream) => Some(stream),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = "9f3cb5f0-5f6c-4d1a-a2f3-2d5d3f4fb0f1";

    fn check(event: CallbackEvent<'_>, tag: Option<&str>, expected: &str) {
        let participant = "cb5054ee-a69b-41ac-9ab2-04d6370826b4".parse().unwrap();
        let happened_at = Timestamp::from_millis(1_700_000_000_123);
        let callback = Callback { event, happened_at, participant, device: DEVICE, tag };
        assert_eq!(callback.to_json(), expected);
    }

    fn stream(alias: Option<&str>, media_types: MediaTypes) -> CallbackStream<'_> {
        CallbackStream { id: "00000000-0000-4000-8000-000000000001".parse().unwrap(), alias, media_types }
    }

    #[test]
    fn absent_values_are_left_out() {
        let rest = r#""timestamp":"1700000000123","participantId":"cb5054ee-a69b-41ac-9ab2-04d6370826b4","deviceId":"9f3cb5f0-5f6c-4d1a-a2f3-2d5d3f4fb0f1""#;
        check(CallbackEvent::Connect, None, &format!(r#"{{"event":"onConnect",{rest}}}"#));
        check(CallbackEvent::Leave, Some("a\"b"), &format!(r#"{{"event":"onLeave",{rest},"tag":"a\"b"}}"#));
        check(CallbackEvent::Disconnect, None, &format!(r#"{{"event":"onDisconnect",{rest}}}"#));
        check(
            CallbackEvent::StreamPublished(stream(Some("camera"), MediaTypes::AUDIO | MediaTypes::VIDEO)),
            Some("host"),
            &format!(
                r#"{{"event":"onStreamPublished",{rest},"tag":"host","streamId":"00000000-0000-4000-8000-000000000001","alias":"camera","mediaTypes":["AUDIO","VIDEO"]}}"#
            ),
        );
        check(
            CallbackEvent::StreamUnpublished(stream(None, MediaTypes::NONE)),
            None,
            &format!(
                r#"{{"event":"onStreamUnpublished",{rest},"streamId":"00000000-0000-4000-8000-000000000001","mediaTypes":[]}}"#
            ),
        );
    }
}
