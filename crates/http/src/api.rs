//! The service: who asks, where the path leads, whether the method is there; then the operation.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use crosspoint_ids::AccountId;
use crosspoint_model::{Command, Idempotency, Query, Refusal, Reply};
use crosspoint_token::TokenKey;

use crate::accounts::Accounts;
use crate::body::Intake;
use crate::error::ApiError;
use crate::events::{self, EventId, ListenRefusal, Listening};
use crate::exchange::Exchange;
use crate::idempotency;
use crate::operations::Operations;
use crate::path::{AccountPath, Target};

/// What carries commands out and answers questions.
pub trait Control: Send + Sync + 'static {
    /// Carries a command out: durable and routed when it returns.
    fn execute(&self, command: Command) -> impl Future<Output = Result<Reply, Refusal>> + Send;

    /// Carries a command out, unless it was carried out before under the same idempotency key: then it answers as
    /// it did then.
    fn execute_once(
        &self,
        idempotency: Idempotency,
        command: Command,
    ) -> impl Future<Output = Result<Reply, Refusal>> + Send;

    /// An account's events: those after this id, then those to come.
    fn listen(
        &self,
        account: AccountId,
        after: Option<EventId>,
    ) -> impl Future<Output = Result<Listening, ListenRefusal>> + Send;

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
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange::begin(&parts.method);
    let mut body = Intake::new(&parts.headers, body);
    let result = api.handle(&parts, &mut body, &mut exchange).await;
    exchange.end(result, body.discard_rest().await)
}

impl<C: Control> Api<C> {
    /// Whoever has no credentials learns nothing, not even which paths there are below an account.
    async fn handle(
        &self,
        parts: &Parts,
        body: &mut Intake,
        exchange: &mut Exchange,
    ) -> Result<Response, ApiError> {
        let nothing = || ApiError::NotFound("there is nothing at this path".into());
        let path = AccountPath::split(parts.uri.path()).ok_or_else(nothing)?;
        let account = self.accounts.admit(path.account, &parts.headers)?;
        exchange.account = Some(account.clone());
        let target = path.target().ok_or_else(nothing)?;
        let (route, methods) = target.route();
        exchange.route = route;
        let method = if parts.method == Method::HEAD { "GET" } else { parts.method.as_str() };
        if !methods.contains(&method) {
            return Err(ApiError::MethodNotAllowed(methods));
        }
        let target = target.with_ids()?;
        let operations =
            Operations { control: &*self.control, tokens: &self.tokens, account, base: path.base };
        match method {
            "GET" if target == Target::Events => {
                let after = events::last_event_id(&parts.headers)?;
                Ok(events::respond(self.control.listen(operations.account, after).await?))
            }
            "GET" => operations.get(target, parts.uri.query()).await,
            "DELETE" => operations.delete(target).await,
            "POST" => {
                let (object, text) = body.object_and_text().await?;
                let idempotency = idempotency::read(&parts.headers, &target, &text)?;
                operations.write(target, &object, idempotency).await
            }
            _ => operations.write(target, &body.object().await?, None).await,
        }
    }
}
