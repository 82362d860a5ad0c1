//! Helpers of the demo page. They exist with `--dev` only: they act for the development account without credentials.
//!
//! A page from elsewhere must not reach them through the developer's browser: requests must name a loopback host
//! (against DNS rebinding) and must not come from another origin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use crosspoint_ids::{AccountId, ParticipantId, SessionId, TokenId};
use crosspoint_model::{
    Command, MediaTypes, Participant, Query, Refusal, Reply, Scope, Session, TAG_CHARS_MAX, Tag,
};
use crosspoint_token::TokenKey;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::{Control, sign};
use crate::body::read_object;
use crate::error::{ApiError, finish};
use crate::path::participant_id;
use crate::read::{self, bad};
use crate::write::{self, json_response, no_content};

/// The most rooms that are remembered; beyond that the demo starts over.
const ROOMS_MAX: usize = 1_000;

/// The demo's endpoints below `/demo/api`.
pub fn demo_router<C: Control>(control: Arc<C>, account: AccountId, tokens: TokenKey) -> Router {
    let demo = Demo { control, account, tokens, rooms: Mutex::new(HashMap::new()) };
    let service = Router::new().fallback(serve::<C>).with_state(Arc::new(demo));
    Router::new().nest("/demo/api", service)
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
    let id = Uuid::new_v4();
    let method = request.method().to_string();
    let result = demo.handle(request).await;
    finish(result, id, &method, "/demo/api")
}

impl<C: Control> Demo<C> {
    async fn handle(&self, request: Request) -> Result<Response, ApiError> {
        check_origin(request.headers())?;
        let (parts, body) = request.into_parts();
        let object = read_object(&parts.headers, body).await?;
        let path = parts.uri.path().to_owned();
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match (parts.method.as_str(), &segments[..]) {
            ("POST", ["join"]) => self.join(&object).await,
            ("GET", ["rooms", room]) => self.look(&decoded(room)?).await,
            ("PUT", ["rooms", room, "subscriptions"]) => {
                let session = self.session_of(&decoded(room)?)?;
                let rows = read::matrix(&object, session)?;
                let account = self.account.clone();
                self.control.execute(Command::SetMatrix { account, session, rows }).await?;
                Ok(no_content())
            }
            ("DELETE", ["rooms", _, "participants", participant]) => {
                let (account, participant) = (self.account.clone(), participant_id(participant)?);
                self.control.execute(Command::DeleteParticipant { account, participant }).await?;
                Ok(no_content())
            }
            _ => Err(ApiError::NotFound("the demo has nothing at this path".into())),
        }
    }

    async fn join(&self, object: &Map<String, Value>) -> Result<Response, ApiError> {
        let text = |field: &str| object.get(field).and_then(Value::as_str).map(str::trim).unwrap_or_default();
        let (room, name) = (text("room"), text("name"));
        if room.is_empty() || room.chars().count() > TAG_CHARS_MAX {
            return Err(bad(format!("room must have 1 to {TAG_CHARS_MAX} characters")));
        }
        let name: String = name.chars().take(TAG_CHARS_MAX).collect();
        let session = self.find_or_make(room).await?;
        let participant = self.make_participant(&name).await?;
        let add = Command::AddParticipant {
            account: self.account.clone(),
            session,
            participant: participant.id,
            subscriptions: Some(Some(Scope::WholeSession)),
        };
        self.control.execute(add).await?;
        let body = json!({
            "accountId": self.account.as_str(),
            "sessionId": session.to_string(),
            "participantId": participant.id.to_string(),
            "token": sign(&self.tokens, &participant),
        });
        Ok(json_response(StatusCode::OK, &body))
    }

    async fn find_or_make(&self, room: &str) -> Result<SessionId, ApiError> {
        if let Ok(session) = self.session_of(room) {
            match self.control.ask(Query::Session { account: self.account.clone(), session }).await {
                Ok(_) => return Ok(session),
                Err(Refusal::NoSuchSession(_)) => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        let tag = Tag::new(room).map_err(|error| bad(format!("room is {error}")))?;
        let session = SessionId::new(Uuid::new_v4());
        let create = Command::CreateSession { account: self.account.clone(), session, tag: Some(tag) };
        let Reply::Session(Session { record, .. }) = self.control.execute(create).await? else {
            return Err(ApiError::Internal);
        };
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= ROOMS_MAX {
            rooms.clear();
        }
        rooms.insert(room.to_owned(), record.id);
        Ok(record.id)
    }

    async fn make_participant(&self, name: &str) -> Result<Participant, ApiError> {
        let create = Command::CreateParticipant {
            account: self.account.clone(),
            participant: ParticipantId::new(Uuid::new_v4()),
            token: TokenId::new(Uuid::new_v4()),
            tag: Some(Tag::new(name).map_err(|error| bad(format!("name is {error}")))?),
            callback_url: None,
            publish_permissions: MediaTypes::AUDIO | MediaTypes::VIDEO,
        };
        match self.control.execute(create).await? {
            Reply::Participant(participant) => Ok(participant),
            _ => Err(ApiError::Internal),
        }
    }

    fn session_of(&self, room: &str) -> Result<SessionId, ApiError> {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.get(room).copied().ok_or_else(|| ApiError::NotFound("there is no such room".into()))
    }

    async fn look(&self, room: &str) -> Result<Response, ApiError> {
        let session = self.session_of(room)?;
        let account = || self.account.clone();
        let members = self.control.ask(Query::Members { account: account(), session }).await?;
        let matrix = self.control.ask(Query::Matrix { account: account(), session }).await?;
        let (Reply::Members(members), Reply::Matrix(matrix)) = (members, matrix) else {
            return Err(ApiError::Internal);
        };
        let mut participants = Vec::with_capacity(members.len());
        for member in members {
            let query = Query::Streams { account: account(), participant: member.id };
            let Ok(Reply::Streams(streams)) = self.control.ask(query).await else { continue };
            participants.push(json!({
                "id": member.id.to_string(),
                "name": member.tag.as_ref().map(Tag::as_str).unwrap_or_default(),
                "streams": streams.iter().map(write::stream).collect::<Vec<_>>(),
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

fn decoded(segment: &str) -> Result<String, ApiError> {
    let text = percent_encoding::percent_decode_str(segment).decode_utf8();
    text.map(Into::into).map_err(|_| bad("the room name is not UTF-8"))
}

fn check_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    if !["localhost", "127.0.0.1", "[::1]"].contains(&name) {
        return Err(ApiError::Forbidden("the demo's helpers answer on localhost only"));
    }
    let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
    let same = origin.parse::<Uri>().is_ok_and(|origin| origin.authority().is_some_and(|from| from.as_str() == host));
    if same { Ok(()) } else { Err(ApiError::Forbidden("the demo's helpers don't answer other origins")) }
}
