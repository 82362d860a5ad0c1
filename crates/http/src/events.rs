//! Events of an account as server-sent events (the HTML standard, section 9.2).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use crosspoint_ids::Timestamp;
use crosspoint_model::{DeviceSubject, EndCause, Event, Happening, StreamView};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::error::ApiError;
use crate::write;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How often a line is sent when nothing happens, so that nobody on the way takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Names an event, in the order of its account's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// The process that told it.
    pub epoch: u64,
    /// Its place in that process, from 1.
    pub sequence: u64,
}

/// An event with its id and time.
#[derive(Debug, Clone)]
pub struct ToldEvent {
    /// Its id.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Arc<Event>,
}

/// What a listener gets.
#[derive(Debug)]
pub struct Listening {
    /// Whether no event after the one that was named is missing.
    pub complete: bool,
    /// The latest event before the live ones.
    pub now: EventId,
    /// Events that the listener missed, oldest first.
    pub earlier: Vec<ToldEvent>,
    /// Events to come. It ends when the listener does not keep up.
    pub live: mpsc::Receiver<ToldEvent>,
}

/// Why nobody can listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListenRefusal {
    /// The account has as many listeners as it may have.
    #[error("the account already has {max} event streams open, the most allowed")]
    TooMany {
        /// How many it may have.
        max: usize,
    },
    /// The server is stopping.
    #[error("the server is stopping, try again")]
    Stopping,
}

impl From<ListenRefusal> for ApiError {
    fn from(refusal: ListenRefusal) -> Self {
        Self::NotListening(refusal)
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.epoch, self.sequence)
    }
}

impl std::str::FromStr for EventId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, sequence) = text.split_once('-').unwrap_or((text, ""));
        Ok(Self { epoch: epoch.parse()?, sequence: sequence.parse()? })
    }
}

/// The last event that a client has seen, as its browser or library repeats it.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Result<Option<EventId>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| ApiError::BadRequest("the Last-Event-ID header is no id of an event".into()))
}

/// The stream of events. It begins with one that says where it begins: `reset` when something may have been missed.
pub(crate) fn respond(listening: Listening) -> Response {
    let Listening { complete, now, earlier, live } = listening;
    let start = earlier.first().map_or(now, |first| EventId { sequence: first.id.sequence - 1, ..first.id });
    let name = if complete { "open" } else { "reset" };
    let opening = SseEvent::default().id(start.to_string()).event(name).data("{}");
    let events = stream::iter(earlier).chain(receive(live)).map(|told| sse_event(&told));
    let events = stream::once(async { opening }).chain(events).map(Ok::<_, Infallible>);
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // Reverse proxies must not gather events before they pass them on.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn receive(live: mpsc::Receiver<ToldEvent>) -> impl Stream<Item = ToldEvent> {
    stream::unfold(live, |mut live| async { Some((live.recv().await?, live)) })
}

fn sse_event(told: &ToldEvent) -> SseEvent {
    let (name, mut data) = describe(&told.event.happening);
    data.insert("timestamp".into(), write::rfc_3339(told.at).into());
    SseEvent::default().id(told.id.to_string()).event(name).data(Value::from(data).to_string())
}

fn describe(happening: &Happening) -> (&'static str, Map<String, Value>) {
    let mut data = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        data.extend(value.map(|value| (name.to_owned(), value)));
    };
    let text = |value: &dyn ToString| Some(Value::from(value.to_string()));
    let name = match happening {
        Happening::SessionCreated { session, tag } => {
            put("sessionId", text(session));
            put("tag", tag.as_ref().map(|tag| tag.as_str().into()));
            "sessionCreated"
        }
        Happening::SessionEnded { session, cause } => {
            put("sessionId", text(session));
            put("cause", Some(cause_name(*cause)));
            "sessionEnded"
        }
        Happening::ParticipantCreated { participant, tag } => {
            put("participantId", text(participant));
            put("tag", tag.as_ref().map(|tag| tag.as_str().into()));
            "participantCreated"
        }
        Happening::ParticipantEnded { participant, cause } => {
            put("participantId", text(participant));
            put("cause", Some(cause_name(*cause)));
            "participantEnded"
        }
        Happening::ParticipantAdded { session, participant } => {
            put("sessionId", text(session));
            put("participantId", text(participant));
            "participantAdded"
        }
        Happening::ParticipantRemoved { session, participant } => {
            put("sessionId", text(session));
            put("participantId", text(participant));
            "participantRemoved"
        }
        Happening::SubscriptionsChanged { session, participant, subscriptions } => {
            put("sessionId", text(session));
            put("participantId", text(participant));
            put("subscriptions", Some(write::subscriptions(subscriptions.as_ref())));
            "subscriptionsChanged"
        }
        Happening::DeviceConnected(subject) => return ("deviceConnected", device(subject)),
        Happening::DeviceLeft(subject) => return ("deviceLeft", device(subject)),
        Happening::DeviceDisconnected(subject) => return ("deviceDisconnected", device(subject)),
        Happening::StreamPublished(subject, view) => return ("streamPublished", stream_of(subject, view)),
        Happening::StreamUnpublished(subject, view) => {
            return ("streamUnpublished", stream_of(subject, view));
        }
    };
    (name, data)
}

fn cause_name(cause: EndCause) -> Value {
    match cause {
        EndCause::Deleted => json!("deleted"),
        EndCause::Expired => json!("expired"),
    }
}

fn device(subject: &DeviceSubject) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("participantId".into(), subject.participant.to_string().into());
    data.insert("deviceId".into(), subject.device.to_string().into());
    data.extend(subject.tag.as_ref().map(|tag| ("tag".to_owned(), tag.as_str().into())));
    data
}

fn stream_of(subject: &DeviceSubject, view: &StreamView) -> Map<String, Value> {
    let mut data = device(subject);
    data.insert("stream".into(), write::stream(view));
    data
}
