//! Helpers of the demo page. They exist with `--dev` only: they act for the development account without credentials.
//!
//! A page from elsewhere must not reach them through the developer's browser: requests must name a loopback host
//! (against DNS rebinding) and must not come from another origin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::any;
use crosspoint_ids::{AccountId, ParticipantId, SessionId, TokenId};
use crosspoint_model::{Command, MediaTypes, Participant, Query, Refusal, Reply, Scope, TAG_CHARS_MAX, Tag};
use crosspoint_token::TokenKey;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Control;
use crate::body::{Intake, Object};
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::operations::sign;
use crate::path::{participant_id, segments};
use crate::read::{self, bad};
use crate::write::{self, json_response, no_content};

/// The most rooms that are remembered; beyond that the demo starts over.
const ROOMS_MAX: usize = 1_000;

/// The demo's endpoints below `/demo/api`.
pub fn demo_router<C: Control>(control: Arc<C>, account: AccountId, tokens: TokenKey) -> Router {
    let demo = Demo { control, account, tokens, rooms: Mutex::new(HashMap::new()) };
    // A route of its own, so that a wildcard for the demo's files can't take it.
    Router::new().route("/demo/api/{*path}", any(serve::<C>)).with_state(Arc::new(demo))
}

#[derive(Debug)]
struct Demo<C> {
    control: Arc<C>,
    account: AccountId,
    tokens: TokenKey,
    /// Rooms by name. Held for a look-up only, never while waiting.
    rooms: Mutex<HashMap<String, SessionId>>,
}

async fn serve<C: Control>(State(demo): State<Arc<Demo<C>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange::begin(&parts.method);
    exchange.route = "/demo/api";
    let mut body = Intake::new(&parts.headers, body);
    let result = demo.handle(&parts, &mut body).await;
    exchange.end(result, body.discard_rest().await)
}

impl<C: Control> Demo<C> {
    async fn handle(&self, parts: &Parts, body: &mut Intake) -> Result<Response, ApiError> {
        check_origin(&parts.headers)?;
        let segments: Vec<&str> = segments(parts.uri.path()).skip(2).take(5).collect();
        match (&segments[..], parts.method.as_str()) {
            (["join"], "POST") => self.join(&body.object().await?).await,
            (["join"], _) => Err(ApiError::MethodNotAllowed(&["POST"])),
            (["rooms", room], "GET" | "HEAD") => self.look(&decoded(room)?).await,
            (["rooms", _], _) => Err(ApiError::MethodNotAllowed(&["GET"])),
            (["rooms", room, "subscriptions"], "PUT") => {
                let session = self.session_of(&decoded(room)?)?;
                let rows = read::matrix(&body.object().await?, session)?;
                self.execute(Command::SetMatrix { account: self.account.clone(), session, rows }).await
            }
            (["rooms", _, "subscriptions"], _) => Err(ApiError::MethodNotAllowed(&["PUT"])),
            (["rooms", _, "participants", participant], "DELETE") => {
                self.execute(self.delete(participant_id(participant)?)).await
            }
            (["rooms", _, "participants", _], _) => Err(ApiError::MethodNotAllowed(&["DELETE"])),
            _ => Err(ApiError::NotFound("the demo has nothing at this path".into())),
        }
    }

    async fn execute(&self, command: Command) -> Result<Response, ApiError> {
        self.control.execute(command).await?;
        Ok(no_content())
    }

    fn delete(&self, participant: ParticipantId) -> Command {
        Command::DeleteParticipant { account: self.account.clone(), participant }
    }

    async fn join(&self, object: &Object) -> Result<Response, ApiError> {
        let room = read::text(object, "room")?.map(str::trim).unwrap_or_default();
        if room.is_empty() || room.chars().count() > TAG_CHARS_MAX {
            return Err(bad(format!("room must have 1 to {TAG_CHARS_MAX} characters")));
        }
        let name = read::text(object, "name")?.map(str::trim).unwrap_or_default();
        let session = self.find_or_make(room).await?;
        let participant = self.make_participant(name).await?;
        let add = Command::AddParticipant {
            account: self.account.clone(),
            session,
            participant: participant.id,
            subscriptions: Some(Some(Scope::WholeSession)),
        };
        if let Err(refusal) = self.control.execute(add).await {
            // Nobody knows of it; if it can't be deleted now, it ends with its time.
            let _ = self.control.execute(self.delete(participant.id)).await;
            return Err(refusal.into());
        }
        let body = json!({
            "accountId": self.account.as_str(),
            "sessionId": session.to_string(),
            "participantId": participant.id.to_string(),
            "token": sign(&self.tokens, &participant),
        });
        Ok(json_response(StatusCode::OK, &body))
    }

    async fn find_or_make(&self, room: &str) -> Result<SessionId, ApiError> {
        let before = self.rooms().get(room).copied();
        if let Some(session) = before {
            match self.control.ask(Query::Session { account: self.account.clone(), session }).await {
                Ok(_) => return Ok(session),
                Err(Refusal::NoSuchSession(_)) => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        let tag = Tag::new(room).map_err(|error| bad(format!("room is {error}")))?;
        let session = SessionId::new(Uuid::new_v4());
        let create = Command::CreateSession { account: self.account.clone(), session, tag: Some(tag) };
        self.control.execute(create).await?;
        self.settle_on(room, before, session).await
    }

    /// Two who open a room at the same time must meet: the first to note its session wins, the other is deleted.
    async fn settle_on(
        &self,
        room: &str,
        before: Option<SessionId>,
        made: SessionId,
    ) -> Result<SessionId, ApiError> {
        let winner = self.note(room, before, made);
        if winner != made {
            let delete = Command::DeleteSession { account: self.account.clone(), session: made };
            self.control.execute(delete).await?;
        }
        Ok(winner)
    }

    fn note(&self, room: &str, before: Option<SessionId>, made: SessionId) -> SessionId {
        let mut rooms = self.rooms();
        let now = rooms.get(room).copied();
        if let Some(other) = now.filter(|_| now != before) {
            return other;
        }
        if rooms.len() >= ROOMS_MAX {
            rooms.clear();
        }
        rooms.insert(room.to_owned(), made);
        made
    }

    async fn make_participant(&self, name: &str) -> Result<Participant, ApiError> {
        let name: String = name.chars().take(TAG_CHARS_MAX).collect();
        let create = Command::CreateParticipant {
            account: self.account.clone(),
            participant: ParticipantId::new(Uuid::new_v4()),
            token: TokenId::new(Uuid::new_v4()),
            tag: Some(Tag::new(&name).map_err(|error| bad(format!("name is {error}")))?),
            callback_url: None,
            publish_permissions: MediaTypes::AUDIO | MediaTypes::VIDEO,
        };
        match self.control.execute(create).await? {
            Reply::Participant(participant) => Ok(participant),
            _ => Err(ApiError::Internal("no participant from making one")),
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<String, SessionId>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session_of(&self, room: &str) -> Result<SessionId, ApiError> {
        let session = self.rooms().get(room).copied();
        session.ok_or_else(|| ApiError::NotFound("there is no such room".into()))
    }

    async fn look(&self, room: &str) -> Result<Response, ApiError> {
        let session = self.session_of(room)?;
        let account = || self.account.clone();
        let members = self.control.ask(Query::Members { account: account(), session }).await?;
        let matrix = self.control.ask(Query::Matrix { account: account(), session }).await?;
        let (Reply::Members(members), Reply::Matrix(matrix)) = (members, matrix) else {
            return Err(ApiError::Internal("a room without members or matrix"));
        };
        let mut participants = Vec::with_capacity(members.len());
        for member in members {
            let query = Query::Streams { account: account(), participant: member.id };
            // One that has gone since is left out.
            let Ok(Reply::Streams(streams)) = self.control.ask(query).await else {
                continue;
            };
            participants.push(json!({
                "id": member.id.to_string(),
                "name": member.tag.as_ref().map(Tag::as_str).unwrap_or_default(),
                "streams": streams.iter().map(write::stream).collect::<Vec<Value>>(),
            }));
        }
        let body = json!({
            "accountId": self.account.as_str(),
            "sessionId": session.to_string(),
            "participants": participants,
            "subscriptions": write::matrix(&matrix),
        });
        Ok(json_response(StatusCode::OK, &body))
    }
}

/// The name of a room from a path. In a body it is trimmed, so it is here.
fn decoded(segment: &str) -> Result<String, ApiError> {
    let text = percent_encoding::percent_decode_str(segment).decode_utf8();
    text.map(|text| text.trim().to_owned()).map_err(|_| bad("the room name is not UTF-8"))
}

fn check_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    if !["localhost", "127.0.0.1", "[::1]"].contains(&name) {
        return Err(ApiError::Forbidden("the demo's helpers answer on localhost only"));
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let same = origin.is_some_and(|origin| origin.authority().is_some_and(|from| from.as_str() == host));
    if same { Ok(()) } else { Err(ApiError::Forbidden("the demo's helpers don't answer other origins")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_from_this_host_reach_the_helpers() {
        for (host, origin, allowed) in [
            (Some("localhost"), None, true),
            (Some("localhost:8080"), None, true),
            (Some("127.0.0.1:8080"), None, true),
            (Some("[::1]:8080"), None, true),
            (Some("[::1]"), None, true),
            (Some("localhost:8080"), Some("http://localhost:8080"), true),
            (Some("localhost"), Some("http://localhost"), true),
            (Some("[::1]:1"), Some("http://[::1]:1"), true),
            (None, None, false),
            (Some(""), None, false),
            (Some("evil.example"), None, false),
            (Some("evil.example:8080"), None, false),
            (Some("localhost.evil.example:8080"), None, false),
            (Some("evil.example:localhost"), None, false),
            (Some("127.0.0.2:8080"), None, false),
            (Some("::1"), None, false),
            (Some("evil.example"), Some("http://evil.example"), false),
            (Some("localhost:8080"), Some("http://evil.example"), false),
            (Some("localhost:8080"), Some("http://localhost:8081"), false),
            (Some("localhost:8080"), Some("http://127.0.0.1:8080"), false),
            (Some("localhost:8080"), Some("http://localhost:8080@evil.example"), false),
            (Some("localhost:8080"), Some("null"), false),
            (Some("localhost:8080"), Some(""), false),
        ] {
            let headers = [(header::HOST, host), (header::ORIGIN, origin)];
            let headers =
                headers.into_iter().filter_map(|(name, value)| Some((name, value?.parse().unwrap())));
            let result = check_origin(&headers.collect());
            assert_eq!(result.is_ok(), allowed, "{host:?} from {origin:?}: {result:?}");
        }
    }
}
