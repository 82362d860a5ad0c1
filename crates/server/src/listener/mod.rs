//! The listener: connections in, requests out to the application.
//!
//! It bounds what a stranger can hold: the time until a request's head is there, the time in which a client reads
//! nothing, the size of heads, the connections of one address and of all. It knows nothing of what requests mean.
//!
//! Invariants:
//! - no error of accepting ends it, and none makes it spin;
//! - a connection counts until its socket is closed, also after it became a WebSocket.

mod bounds;
mod connection;
mod descriptors;
mod forwarded;
mod paced;
mod tls;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use crosspoint_http::Source;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::bounds::Bounds;
use self::connection::Connections;
pub(crate) use self::descriptors::raise_descriptors;
pub(crate) use self::tls::{Tls, TlsError, TlsFiles};

/// How long accepting rests after an error that is not the connection's own, such as too many open files.
const ACCEPT_REST: Duration = Duration::from_millis(200);

/// What clients may take.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    /// Connections at one time.
    pub(crate) connections_max: usize,
    /// Connections of one source at one time. Loopback and trusted proxies may have more: many clients come through
    /// them.
    pub(crate) source_connections_max: usize,
    /// Until TLS is agreed on.
    pub(crate) handshake_time_max: Duration,
    /// From the first byte of a request's head to its last; for the first request, from the connection's begin.
    pub(crate) head_time_max: Duration,
    /// Between two requests.
    pub(crate) idle_time_max: Duration,
    /// While bytes wait that the client doesn't read.
    pub(crate) stall_time_max: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            source_connections_max: 2_000,
            handshake_time_max: Duration::from_secs(10),
            head_time_max: Duration::from_secs(10),
            idle_time_max: Duration::from_secs(75),
            stall_time_max: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
        }
    }
}

/// Serves the application until it is told to stop and all open exchanges are done.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    app: Router,
    allowance: Allowance,
    mut stop: watch::Receiver<bool>,
) {
    let bounds = Bounds::new(allowance.connections_max, allowance.source_connections_max);
    // Connections hold a receiver each, so that the sender knows when the last is done.
    let (open, held) = watch::channel(());
    let connections = Arc::new(Connections { app, tls, allowance, stop: stop.clone() });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                let source = Source::of(peer.ip());
                let bounded = !source.is_loopback() && !connections.trusts(peer.ip());
                let Some(place) = bounds.enter(source, bounded) else { continue };
                let connections = Arc::clone(&connections);
                let held = held.clone();
                tokio::spawn(async move {
                    connections.serve(socket, peer.ip(), place).await;
                    drop(held);
                });
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop((listener, held));
    open.closed().await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the other side is gone: stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Whether the client is to blame, so that the next connection may be fine.
fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests;
