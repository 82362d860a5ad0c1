//! The service: who asks, where the path leads, whether the method is there; then the operation.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use crosspoint_model::{Command, Query, Refusal, Reply};
use crosspoint_token::TokenKey;

use crate::accounts::Accounts;
use crate::body::Intake;
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::operations::Operations;
use crate::path::AccountPath;

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
            "GET" => operations.get(target, parts.uri.query()).await,
            "DELETE" => operations.delete(target).await,
            _ => operations.write(target, &body.object().await?).await,
        }
    }
}
