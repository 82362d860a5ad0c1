//! The door of device API v3: who may open a WebSocket.
//!
//! Everything is decided before the upgrade, so that a refused client costs one HTTP exchange.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query as QueryString, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use crosspoint_http::{FailedLogins, Source};
use crosspoint_model::{MediaTypes, Query, Refusal, Reply};
use crosspoint_signaling::ConnectionId;
use crosspoint_signaling::rpc::FRAME_LEN_MAX;
use crosspoint_token::{DeviceToken, TokenKey};
use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::admission::Admission;
use crate::clock::Clock;
use crate::handle::CoreHandle;
use crate::health::Phase;
use crate::socket::{OUTGOING_MAX, Socket, carry};

/// The longest `uniqueId`, in bytes; clients send UUIDs.
const UNIQUE_ID_LEN_MAX: usize = 64;

/// What the door needs.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) tokens: TokenKey,
    pub(crate) core: CoreHandle,
    pub(crate) clock: Clock,
    pub(crate) phase: watch::Receiver<Phase>,
    pub(crate) connections: AtomicU64,
    pub(crate) failed_logins: FailedLogins,
    /// One for each device that may be connected.
    pub(crate) places: Arc<Semaphore>,
}

/// What a client says of itself. `client` and `sdkVersion` are not needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hello {
    #[serde(default)]
    token: String,
    unique_id: Option<String>,
}

/// Why a client is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rejection {
    BadToken,
    ParticipantGone,
    BadUniqueId,
    Unavailable,
    /// Too many bad tokens came from this source.
    TooManyAttempts {
        retry_after: Duration,
    },
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        if let Self::TooManyAttempts { retry_after } = self {
            return crosspoint_http::too_many_requests(retry_after);
        }
        let (status, text) = match self {
            Self::BadToken => (StatusCode::UNAUTHORIZED, "the token is missing or not valid\n"),
            Self::ParticipantGone => (StatusCode::FORBIDDEN, "the token's participant is gone\n"),
            Self::BadUniqueId => (StatusCode::BAD_REQUEST, "uniqueId is longer than 64 characters\n"),
            Self::TooManyAttempts { .. } | Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "the server takes no new devices now\n")
            }
        };
        (status, text).into_response()
    }
}

pub(crate) fn router(door: Arc<Door>) -> Router {
    Router::new().route("/v3", get(connect)).route("/v3/", get(connect)).with_state(door)
}

async fn connect(
    State(door): State<Arc<Door>>,
    source: Option<Extension<Source>>,
    QueryString(hello): QueryString<Hello>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Rejection> {
    let (token, publish_permissions) = door.check(&hello, source.map(|Extension(source)| source)).await?;
    let place = Arc::clone(&door.places).try_acquire_owned().map_err(|_| Rejection::Unavailable)?;
    let connection = ConnectionId(door.connections.fetch_add(1, Ordering::Relaxed));
    let upgrade = upgrade.max_message_size(FRAME_LEN_MAX).max_frame_size(FRAME_LEN_MAX);
    Ok(upgrade.on_upgrade(move |websocket| async move {
        let _place = place;
        let (outgoing, queue) = mpsc::channel(OUTGOING_MAX);
        let (reply, admitted) = oneshot::channel();
        let admission = Admission {
            participant: token.participant,
            publish_permissions,
            unique_id: hello.unique_id,
            socket: Socket { connection, outgoing },
            reply,
        };
        if door.core.admit(admission).await.is_ok()
            && let Ok(incoming) = admitted.await
        {
            carry(websocket, connection, queue, incoming).await;
        }
    }))
}

impl Door {
    async fn check(
        &self,
        hello: &Hello,
        source: Option<Source>,
    ) -> Result<(DeviceToken, MediaTypes), Rejection> {
        let verified = self.tokens.verify(self.clock.now(), &hello.token);
        let token = verified.map_err(|_| self.bad_token(source))?;
        if hello.unique_id.as_ref().is_some_and(|id| id.len() > UNIQUE_ID_LEN_MAX) {
            return Err(Rejection::BadUniqueId);
        }
        if *self.phase.borrow() == Phase::Draining {
            return Err(Rejection::Unavailable);
        }
        let query = Query::Participant { account: token.account.clone(), participant: token.participant };
        match self.core.ask(query).await {
            Ok(Reply::Participant(record)) if record.token == token.token => {
                Ok((token, record.publish_permissions))
            }
            // Ours, but replaced by a newer one: that is no guess.
            Ok(Reply::Participant(_)) => Err(Rejection::BadToken),
            Err(Refusal::NoSuchParticipant(_)) => Err(Rejection::ParticipantGone),
            Ok(_) | Err(_) => Err(Rejection::Unavailable),
        }
    }
    /// A bad token counts as a failed login. Good ones are verified first, so they pass all the same; a signature of
    /// 256 bits can't be guessed meanwhile.
    fn bad_token(&self, source: Option<Source>) -> Rejection {
        match source.map_or(Ok(()), |source| self.failed_logins.count(source)) {
            Ok(()) => Rejection::BadToken,
            Err(retry_after) => Rejection::TooManyAttempts { retry_after },
        }
    }
}
