//! The operations: from a request that is allowed to a command or query, and from its reply to the response.

use axum::http::{StatusCode, header};
use axum::response::Response;
use crosspoint_ids::{AccountId, ParticipantId, SessionId, TokenId};
use crosspoint_model::{Command, Idempotency, Page, Participant, Query, Reply};
use crosspoint_token::{DeviceToken, TokenKey};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Control;
use crate::body::Object;
use crate::error::ApiError;
use crate::pages::{link, read_page};
use crate::path::Target;
use crate::write::{json_response, no_content};
use crate::{read, write};

const NO_SUCH_METHOD: ApiError = ApiError::Internal("a method that the route doesn't have");
const UNFIT_REPLY: ApiError = ApiError::Internal("a reply that doesn't fit the request");

/// What an account can have done.
#[derive(Debug)]
pub(crate) struct Operations<'a, C> {
    pub(crate) control: &'a C,
    pub(crate) tokens: &'a TokenKey,
    pub(crate) account: AccountId,
    /// What stands before `/accounts` in the client's paths.
    pub(crate) base: &'static str,
}

impl<C: Control> Operations<'_, C> {
    pub(crate) async fn get(self, target: Target, query: Option<&str>) -> Result<Response, ApiError> {
        let account = self.account.clone();
        let question = match target {
            Target::Sessions => {
                let page = read_page(query)?;
                return self.list(Query::Sessions { account, page }, page.limit, target).await;
            }
            Target::Participants => {
                let page = read_page(query)?;
                return self.list(Query::Participants { account, page }, page.limit, target).await;
            }
            Target::Session(session) => Query::Session { account, session },
            Target::Members(session) => Query::Members { account, session },
            Target::Matrix(session) => Query::Matrix { account, session },
            Target::Participant(participant) => Query::Participant { account, participant },
            Target::Streams(participant) => Query::Streams { account, participant },
            Target::MemberSubscriptions(session, participant) => {
                Query::Subscriptions { account, session, participant }
            }
            Target::Member(..) | Target::Token(_) | Target::Events => return Err(NO_SUCH_METHOD),
        };
        match self.control.ask(question).await? {
            Reply::Session(session) => Ok(ok(&write::session(&session))),
            Reply::Participant(participant) => Ok(ok(&write::participant(&participant))),
            Reply::Members(members) => Ok(ok(&members.iter().map(write::participant).collect())),
            Reply::Subscriptions(subscriptions) => Ok(ok(&write::subscriptions(subscriptions.as_ref()))),
            Reply::Matrix(rows) => Ok(ok(&write::matrix(&rows))),
            Reply::Streams(streams) => Ok(ok(&streams.iter().map(write::stream).collect())),
            Reply::Sessions(_) | Reply::Participants(_) | Reply::Done => Err(UNFIT_REPLY),
        }
    }

    async fn list(self, question: Query, limit: usize, target: Target) -> Result<Response, ApiError> {
        let path = format!("{}/accounts/{}{}", self.base, self.account, target.route().0);
        match self.control.ask(question).await? {
            Reply::Sessions(part) => Ok(listing(&part, write::session, &path, limit)),
            Reply::Participants(part) => Ok(listing(&part, write::participant, &path, limit)),
            _ => Err(UNFIT_REPLY),
        }
    }

    pub(crate) async fn delete(self, target: Target) -> Result<Response, ApiError> {
        let account = self.account;
        let command = match target {
            Target::Session(session) => Command::DeleteSession { account, session },
            Target::Participant(participant) => Command::DeleteParticipant { account, participant },
            Target::Member(session, participant) => {
                Command::RemoveParticipant { account, session, participant }
            }
            Target::Sessions
            | Target::Members(_)
            | Target::MemberSubscriptions(..)
            | Target::Matrix(_)
            | Target::Participants
            | Target::Streams(_)
            | Target::Token(_)
            | Target::Events => return Err(NO_SUCH_METHOD),
        };
        self.control.execute(command).await?;
        Ok(no_content())
    }

    /// POST and PUT: what has a body.
    pub(crate) async fn write(
        self,
        target: Target,
        object: &Object,
        idempotency: Option<Idempotency>,
    ) -> Result<Response, ApiError> {
        let command = self.command(target, object)?;
        let reply = match idempotency {
            Some(idempotency) => self.control.execute_once(idempotency, command).await?,
            None => self.control.execute(command).await?,
        };
        match reply {
            Reply::Done => Ok(no_content()),
            Reply::Session(session) => Ok(ok(&write::session(&session))),
            Reply::Participant(participant) => {
                let token = sign(self.tokens, &participant);
                Ok(ok(&json!({ "participant": write::participant(&participant), "token": token })))
            }
            _ => Err(UNFIT_REPLY),
        }
    }

    fn command(&self, target: Target, object: &Object) -> Result<Command, ApiError> {
        let account = self.account.clone();
        Ok(match target {
            Target::Sessions => {
                let session = SessionId::new(Uuid::new_v4());
                Command::CreateSession { account, session, tag: read::tag(object)? }
            }
            Target::Participants => {
                let read::NewParticipant { tag, callback_url, publish_permissions } =
                    read::new_participant(object)?;
                let participant = ParticipantId::new(Uuid::new_v4());
                let token = TokenId::new(Uuid::new_v4());
                Command::CreateParticipant {
                    account,
                    participant,
                    token,
                    tag,
                    callback_url,
                    publish_permissions,
                }
            }
            Target::Member(session, participant) => {
                let scope = read::scope(object, session)?;
                let subscriptions = read::gives_subscriptions(object).then_some(scope);
                Command::AddParticipant { account, session, participant, subscriptions }
            }
            Target::MemberSubscriptions(session, participant) => {
                let scope = read::scope(object, session)?;
                Command::SetSubscriptions { account, session, participant, scope }
            }
            Target::Matrix(session) => {
                Command::SetMatrix { account, session, rows: read::matrix(object, session)? }
            }
            Target::Token(participant) => {
                let token = TokenId::new(Uuid::new_v4());
                Command::RenewToken { account, participant, token }
            }
            Target::Session(_)
            | Target::Members(_)
            | Target::Participant(_)
            | Target::Streams(_)
            | Target::Events => return Err(NO_SUCH_METHOD),
        })
    }
}

fn ok(body: &Value) -> Response {
    json_response(StatusCode::OK, body)
}

/// A part of a listing, with the way to the next if there is one.
fn listing<T>(part: &Page<T>, write: impl Fn(&T) -> Value, path: &str, limit: usize) -> Response {
    let mut response = ok(&part.items.iter().map(write).collect());
    let link = part.next.and_then(|next| link(path, limit, next));
    response.headers_mut().extend(link.map(|link| (header::LINK, link)));
    response
}

/// The token that lets a participant's device in.
pub(crate) fn sign(tokens: &TokenKey, participant: &Participant) -> String {
    tokens.sign(&DeviceToken {
        account: participant.account.clone(),
        participant: participant.id,
        token: participant.token,
        issued_at: participant.token_issued_at,
        expires_at: participant.expires_at,
    })
}
