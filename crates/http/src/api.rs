//! The routes: each reads, asks the [`Control`], and writes.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use crosspoint_ids::{AccountId, ParticipantId, SessionId, TokenId};
use crosspoint_model::{Command, Participant, Query, Refusal, Reply};
use crosspoint_token::{DeviceToken, TokenKey};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::body::read_object;
use crate::error::{ApiError, finish};
use crate::pages::{link_next, read_page};
use crate::path::{Target, account_id, participant_id, session_id, split_account};
use crate::write::{json_response, no_content};
use crate::{read, write};

/// What carries commands out and answers questions.
pub trait Control: Send + Sync + 'static {
    /// Carries a command out: durable and routed when it returns.
    fn execute(&self, command: Command) -> impl Future<Output = Result<Reply, Refusal>> + Send;

    /// Answers a question.
    fn ask(&self, query: Query) -> impl Future<Output = Result<Reply, Refusal>> + Send;
}

/// The control API as one service, for every path that nothing else serves.
pub fn router<C: Control>(control: Arc<C>, accounts: Accounts, tokens: TokenKey) -> Router {
    Router::new().fallback(serve::<C>).with_state(Arc::new(Api { control, accounts, tokens }))
}

#[derive(Debug)]
struct Api<C> {
    control: Arc<C>,
    accounts: Accounts,
    tokens: TokenKey,
}

async fn serve<C: Control>(State(api): State<Arc<Api<C>>>, request: Request) -> Response {
    let id = Uuid::new_v4();
    let (parts, body) = request.into_parts();
    let mut place = "unknown";
    let result = api.handle(&parts, body, &mut place).await;
    finish(result, id, parts.method.as_str(), place)
}

impl<C: Control> Api<C> {
    /// Whoever has no credentials learns nothing, not even which paths there are below an account.
    async fn handle(
        &self,
        parts: &Parts,
        body: Body,
        place: &mut &'static str,
    ) -> Result<Response, ApiError> {
        let nothing = || ApiError::NotFound("there is nothing at this path".into());
        let (account, rest) = split_account(parts.uri.path()).ok_or_else(nothing)?;
        if !self.accounts.allow(account, &parts.headers) {
            return Err(ApiError::Unauthorized);
        }
        let account = account_id(account).ok_or(ApiError::Unauthorized)?;
        let target = Target::find(&rest).ok_or_else(nothing)?;
        let (template, methods) = target.template();
        *place = template;
        let method = if parts.method == Method::HEAD { "GET" } else { parts.method.as_str() };
        if !methods.contains(&method) {
            return Err(ApiError::MethodNotAllowed(methods));
        }
        match method {
            "GET" => self.get(account, target, parts).await,
            "DELETE" => self.delete(account, target).await,
            _ => self.write(account, target, parts, body).await,
        }
    }

    async fn get(&self, account: AccountId, target: Target<'_>, parts: &Parts) -> Result<Response, ApiError> {
        let uri = &parts.uri;
        let query = match target {
            Target::Sessions => Query::Sessions { account, page: read_page(uri)? },
            Target::Participants => Query::Participants { account, page: read_page(uri)? },
            Target::Session(session) => Query::Session { account, session: session_id(session)? },
            Target::Members(session) => Query::Members { account, session: session_id(session)? },
            Target::Matrix(session) => Query::Matrix { account, session: session_id(session)? },
            Target::Participant(id) => Query::Participant { account, participant: participant_id(id)? },
            Target::Streams(id) => Query::Streams { account, participant: participant_id(id)? },
            Target::MemberSubscriptions(session, id) | Target::Member(session, id) => {
                Query::Subscriptions { account, session: session_id(session)?, participant: participant_id(id)? }
            }
        };
        let limit = match &query {
            Query::Sessions { page, .. } | Query::Participants { page, .. } => page.limit,
            _ => 0,
        };
        let ok = |body: Value| json_response(StatusCode::OK, &body);
        match self.control.ask(query).await? {
            Reply::Session(session) => Ok(ok(write::session(&session))),
            Reply::Sessions(page) => {
                Ok(link_next(ok(page.items.iter().map(write::session).collect()), uri, limit, &page))
            }
            Reply::Participant(participant) => Ok(ok(write::participant(&participant))),
            Reply::Participants(page) => {
                Ok(link_next(ok(page.items.iter().map(write::participant).collect()), uri, limit, &page))
            }
            Reply::Members(members) => Ok(ok(members.iter().map(write::participant).collect())),
            Reply::Subscriptions(subscriptions) => Ok(ok(write::subscriptions(subscriptions.as_ref()))),
            Reply::Matrix(rows) => Ok(ok(write::matrix(&rows))),
            Reply::Streams(streams) => Ok(ok(streams.iter().map(write::stream).collect())),
            Reply::Done => Err(ApiError::Internal),
        }
    }

    async fn delete(&self, account: AccountId, target: Target<'_>) -> Result<Response, ApiError> {
        let command = match target {
            Target::Session(session) => Command::DeleteSession { account, session: session_id(session)? },
            Target::Participant(id) => Command::DeleteParticipant { account, participant: participant_id(id)? },
            Target::Member(session, id) => {
                let (session, participant) = (session_id(session)?, participant_id(id)?);
                Command::RemoveParticipant { account, session, participant }
            }
            Target::Sessions
            | Target::Members(_)
            | Target::MemberSubscriptions(..)
            | Target::Matrix(_)
            | Target::Participants
            | Target::Streams(_) => return Err(ApiError::Internal),
        };
        self.control.execute(command).await?;
        Ok(no_content())
    }

    async fn write(
        &self,
        account: AccountId,
        target: Target<'_>,
        parts: &Parts,
        body: Body,
    ) -> Result<Response, ApiError> {
        let object = read_object(&parts.headers, body).await?;
        let command = match target {
            Target::Sessions => {
                let session = SessionId::new(Uuid::new_v4());
                Command::CreateSession { account, session, tag: read::tag(&object)? }
            }
            Target::Participants => {
                let read::NewParticipant { tag, callback_url, publish_permissions } = read::new_participant(&object)?;
                let participant = ParticipantId::new(Uuid::new_v4());
                let token = TokenId::new(Uuid::new_v4());
                Command::CreateParticipant { account, participant, token, tag, callback_url, publish_permissions }
            }
            Target::Member(session, id) => {
                let (session, participant) = (session_id(session)?, participant_id(id)?);
                let scope = read::scope(&object, session)?;
                let subscriptions = read::gives_subscriptions(&object).then_some(scope);
                Command::AddParticipant { account, session, participant, subscriptions }
            }
            Target::MemberSubscriptions(session, id) => {
                let (session, participant) = (session_id(session)?, participant_id(id)?);
                Command::SetSubscriptions { account, session, participant, scope: read::scope(&object, session)? }
            }
            Target::Matrix(session) => {
                let session = session_id(session)?;
                Command::SetMatrix { account, session, rows: read::matrix(&object, session)? }
            }
            Target::Session(_) | Target::Members(_) | Target::Participant(_) | Target::Streams(_) => {
                return Err(ApiError::Internal);
            }
        };
        match self.control.execute(command).await? {
            Reply::Done => Ok(no_content()),
            Reply::Session(session) => Ok(json_response(StatusCode::OK, &write::session(&session))),
            Reply::Participant(participant) => {
                let token = sign(&self.tokens, &participant);
                let body = json!({ "participant": write::participant(&participant), "token": token });
                Ok(json_response(StatusCode::OK, &body))
            }
            _ => Err(ApiError::Internal),
        }
    }
}

/// The token that lets a participant's device in.
pub(crate) fn sign(tokens: &TokenKey, participant: &Participant) -> String {
    tokens.sign(&DeviceToken {
        account: participant.account.clone(),
        participant: participant.id,
        token: participant.token,
        issued_at: participant.created_at,
        expires_at: participant.expires_at,
    })
}
