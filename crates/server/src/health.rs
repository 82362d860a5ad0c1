//! `/livez`: the process works. `/readyz`: it takes new work.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::watch;

use crate::storage::StoreHealth;

/// Whether the server takes new devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    Draining,
}

#[derive(Debug, Clone)]
struct Readiness {
    phase: watch::Receiver<Phase>,
    store: watch::Receiver<StoreHealth>,
}

pub(crate) fn router(phase: watch::Receiver<Phase>, store: watch::Receiver<StoreHealth>) -> Router {
    let readiness = Readiness { phase, store };
    Router::new()
        // Nothing but the process itself: whoever ends it because of the disk ends calls that go on without it.
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(readiness)
}

async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, &'static str) {
    match (*readiness.phase.borrow(), *readiness.store.borrow()) {
        (Phase::Serving, StoreHealth::Works) => (StatusCode::OK, "ok\n"),
        (Phase::Draining, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        (Phase::Serving, StoreHealth::Fails) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the store takes no writes\n")
        }
    }
}
