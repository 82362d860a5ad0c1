//! From the model's types to JSON. Absent values are left out, never null.

use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use crosspoint_ids::{ParticipantId, Timestamp};
use crosspoint_model::{
    ListedParticipant, MediaTypes, Participant, Scope, Session, StreamSelection, StreamView, Subscriptions,
};
use serde_json::{Map, Value, json};

/// A response with a JSON body.
pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A response that says nothing but that it is done.
pub(crate) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

pub(crate) fn session(session: &Session) -> Value {
    let ids: Vec<String> = session.participants.iter().map(ToString::to_string).collect();
    let mut object = Map::new();
    object.insert("id".into(), session.record.id.to_string().into());
    if let Some(tag) = &session.record.tag {
        object.insert("tag".into(), tag.as_str().into());
    }
    object.insert("participant_ids".into(), ids.into());
    object.into()
}

pub(crate) fn participant(participant: &Participant) -> Value {
    let sessions: Vec<String> =
        participant.membership.iter().map(|member| member.session.to_string()).collect();
    let mut object = Map::new();
    object.insert("id".into(), participant.id.to_string().into());
    if let Some(url) = &participant.callback_url {
        object.insert("callbackUrl".into(), url.as_str().into());
    }
    object.insert("publishPermissions".into(), media_types(participant.publish_permissions));
    object.insert("sessions".into(), sessions.into());
    object.insert("subscriptions".into(), subscriptions(participant.subscriptions.as_ref()));
    if let Some(tag) = &participant.tag {
        object.insert("tag".into(), tag.as_str().into());
    }
    object.insert("deviceApiVersion".into(), "V3".into());
    object.into()
}

fn media_types(types: MediaTypes) -> Value {
    types.names().collect::<Vec<_>>().into()
}

pub(crate) fn subscriptions(subscriptions: Option<&Subscriptions>) -> Value {
    let Some(subscriptions) = subscriptions else {
        return json!({});
    };
    let session = subscriptions.session.to_string();
    match &subscriptions.scope {
        Scope::WholeSession => json!({ "sessionId": session }),
        Scope::Listed(list) => {
            let participants: Vec<Value> = list.iter().map(listed).collect();
            json!({ "sessionId": session, "participants": participants })
        }
    }
}

fn listed(entry: &ListedParticipant) -> Value {
    let participant = entry.participant.to_string();
    match &entry.streams {
        StreamSelection::All => json!({ "participantId": participant }),
        StreamSelection::Aliases(aliases) => {
            let aliases: Vec<&str> = aliases.iter().map(|alias| alias.as_str()).collect();
            json!({ "participantId": participant, "streamAliases": aliases })
        }
    }
}

pub(crate) fn matrix(rows: &[(ParticipantId, Option<Subscriptions>)]) -> Value {
    let rows = rows.iter().map(|(id, row)| (id.to_string(), subscriptions(row.as_ref())));
    rows.collect::<Map<_, _>>().into()
}

pub(crate) fn stream(stream: &StreamView) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), stream.id.to_string().into());
    if let Some(alias) = &stream.alias {
        object.insert("alias".into(), alias.as_str().into());
    }
    object.insert("mediaTypes".into(), media_types(stream.media_types));
    object.insert("publishedAt".into(), rfc_3339(stream.published_at).into());
    object.into()
}

pub(crate) fn rfc_3339(at: Timestamp) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(at.as_millis());
    humantime::format_rfc3339_millis(time).to_string()
}
