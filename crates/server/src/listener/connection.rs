//! One connection: TLS, then one HTTP/1 exchange after the other, then perhaps a WebSocket.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use crosspoint_http::Source;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::ServiceExt;

use super::bounds::Place;
use super::forwarded::client_address;
use super::paced::{Paced, Phase};
use super::{Allowance, Tls, stopped};

/// The most lines of a request's head.
const HEADERS_MAX: usize = 100;
/// The most bytes of a request's head, with the buffer that it is read into.
const HEAD_LEN_MAX: usize = 32 * 1_024;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) app: Router,
    pub(super) tls: Option<Tls>,
    pub(super) allowance: Allowance,
    pub(super) stop: watch::Receiver<bool>,
}

impl Connections {
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.allowance.trusted_proxies.contains(&address.to_canonical())
    }

    /// Serves a connection to its end, or until it becomes a WebSocket.
    pub(super) async fn serve(&self, socket: TcpStream, peer: IpAddr, place: Place) {
        // Small frames shall not wait for one another; where that can't be set, they do.
        let _ = socket.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.exchange(socket, peer, place).await;
        };
        let mut stop = self.stop.clone();
        let agreed = tokio::select! {
            agreed = timeout(self.allowance.handshake_time_max, tls.acceptor().accept(socket)) => agreed,
            () = stopped(&mut stop) => return,
        };
        match agreed {
            Ok(Ok(stream)) => self.exchange(stream, peer, place).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
            Err(_) => tracing::debug!(%peer, "TLS takes too long"),
        }
    }

    async fn exchange<T>(&self, io: T, peer: IpAddr, place: Place)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Allowance { head_time_max, idle_time_max, stall_time_max, .. } = self.allowance;
        let phase = Phase::new();
        let io = Paced::new(io, phase.clone(), head_time_max, stall_time_max, place);
        let service = service_fn(|request| self.answer(request, peer, phase.clone()));
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            // Hyper counts from the last answer on, so this is what bounds the time between requests.
            .header_read_timeout(idle_time_max.max(head_time_max))
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_LEN_MAX)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        let mut served = pin!(served);
        let mut stop = self.stop.clone();
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = stopped(&mut stop) => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection broke");
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        phase: Phase,
    ) -> Result<axum::response::Response, Infallible> {
        phase.answering();
        let client = client_address(peer, request.headers(), &self.allowance.trusted_proxies);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Source::of(client));
        let response = self.app.clone().oneshot(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            phase.answered();
        }
        Ok(response)
    }
}
