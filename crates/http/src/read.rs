//! From JSON to the model's types. What is wrong is said with the field's name.

use crosspoint_ids::{ParticipantId, SessionId};
use crosspoint_model::{
    Alias, CallbackUrl, LIST_ENTRIES_MAX, MatrixRow, MediaTypes, STREAM_ALIASES_MAX, Scope, ScopeError, Tag,
    TextError,
};
use serde_json::Value;

use crate::body::Object;
use crate::error::ApiError;
use crate::path::quoted;

/// The most rows of a matrix; no session has more members.
const MATRIX_ROWS_MAX: usize = 1_000;

/// What a participant is made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NewParticipant {
    pub(crate) tag: Option<Tag>,
    pub(crate) callback_url: Option<CallbackUrl>,
    pub(crate) publish_permissions: MediaTypes,
}

pub(crate) fn bad(sentence: impl Into<String>) -> ApiError {
    ApiError::BadRequest(sentence.into())
}

pub(crate) fn text<'a>(object: &'a Object, field: &str) -> Result<Option<&'a str>, ApiError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("{field} must be a string"))),
    }
}

fn list<'a>(object: &'a Object, field: &str) -> Result<&'a [Value], ApiError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(bad(format!("{field} must be an array"))),
    }
}

fn out_of_bounds(field: &str) -> impl Fn(TextError) -> ApiError {
    move |error| bad(format!("{field} is {error}"))
}

pub(crate) fn tag(object: &Object) -> Result<Option<Tag>, ApiError> {
    text(object, "tag")?.map(Tag::new).transpose().map_err(out_of_bounds("tag"))
}

pub(crate) fn new_participant(object: &Object) -> Result<NewParticipant, ApiError> {
    let callback_url = text(object, "callbackUrl")?
        .map(CallbackUrl::new)
        .transpose()
        .map_err(out_of_bounds("callbackUrl"))?;
    let version = text(object, "deviceApiVersion")?;
    if version.is_some_and(|version| !["V3", "V2"].iter().any(|known| version.eq_ignore_ascii_case(known))) {
        return Err(bad("deviceApiVersion must be V3 or V2"));
    }
    let publish_permissions =
        list(object, "publishPermissions")?.iter().try_fold(MediaTypes::NONE, |all, one| {
            match one.as_str() {
                Some("AUDIO") => Ok(all | MediaTypes::AUDIO),
                Some("VIDEO") => Ok(all | MediaTypes::VIDEO),
                _ => Err(bad("publishPermissions may hold AUDIO and VIDEO only")),
            }
        })?;
    Ok(NewParticipant { tag: tag(object)?, callback_url, publish_permissions })
}

/// Whether a body says anything about subscriptions, be it that there are none.
pub(crate) fn gives_subscriptions(object: &Object) -> bool {
    ["sessionId", "participants"].iter().any(|field| object.get(*field).is_some_and(|value| !value.is_null()))
}

/// What a `Subscriptions` body asks for: an explicit list, the whole session, or `None` for nothing.
pub(crate) fn scope(object: &Object, session: SessionId) -> Result<Option<Scope>, ApiError> {
    // The reference treats an empty text as a missing one here.
    let named = text(object, "sessionId")?.filter(|named| !named.is_empty());
    if named.is_some_and(|named| named.parse() != Ok(session)) {
        return Err(bad(format!("sessionId must be {session}, the session in the path")));
    }
    let participants = list(object, "participants")?;
    if participants.len() > LIST_ENTRIES_MAX {
        return Err(bad(format!("participants has {}", ScopeError::TooManyEntries)));
    }
    let entries = participants.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let listed = Scope::listed(entries).map_err(|error| bad(format!("participants has {error}")))?;
    Ok(listed.or(named.map(|_| Scope::WholeSession)))
}

fn entry(value: &Value) -> Result<(ParticipantId, Vec<Alias>), ApiError> {
    let Value::Object(entry) = value else {
        return Err(bad("participants must hold objects with a participantId"));
    };
    let id =
        text(entry, "participantId")?.ok_or_else(|| bad("an entry of participants has no participantId"))?;
    let participant = id.parse().map_err(|_| {
        bad(format!("participants names {}, which is not a participant of this account", quoted(id)))
    })?;
    let aliases = list(entry, "streamAliases")?;
    if aliases.len() > STREAM_ALIASES_MAX {
        return Err(bad(format!("streamAliases has {}", ScopeError::TooManyAliases(participant))));
    }
    let aliases = aliases
        .iter()
        .map(|alias| match alias {
            Value::String(alias) => Alias::new(alias).map_err(out_of_bounds("an entry of streamAliases")),
            _ => Err(bad("streamAliases must hold strings")),
        })
        .collect::<Result<_, _>>()?;
    Ok((participant, aliases))
}

/// The rows of a matrix; a row of `null` is nothing.
pub(crate) fn matrix(object: &Object, session: SessionId) -> Result<Vec<MatrixRow>, ApiError> {
    if object.len() > MATRIX_ROWS_MAX {
        return Err(bad(format!("the matrix has more than {MATRIX_ROWS_MAX} rows")));
    }
    object
        .iter()
        .map(|(id, row)| {
            let participant = id
                .parse()
                .map_err(|_| bad(format!("{} is not a member of session {session}", quoted(id))))?;
            let scope = match row {
                Value::Null => Ok(None),
                Value::Array(list) if list.is_empty() => Ok(None),
                Value::Object(row) => scope(row, session),
                _ => Err(bad("a row must be an object")),
            };
            Ok(MatrixRow { participant, scope: scope.map_err(|error| in_row(participant, error))? })
        })
        .collect()
}

/// What is wrong with a row, with the name of the row.
fn in_row(participant: ParticipantId, error: ApiError) -> ApiError {
    match error {
        ApiError::BadRequest(sentence) => bad(format!("the row of {participant}: {sentence}")),
        other => other,
    }
}
