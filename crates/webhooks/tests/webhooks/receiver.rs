//! A receiver of callbacks that hands every request to the test.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// How long a test waits for what must come, before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// An HTTP server on loopback.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    calls: mpsc::Receiver<Call>,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    answer: oneshot::Sender<Response>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn serve(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, calls) = mpsc::channel(100);
        let app = Router::new().fallback(any(hand_over)).with_state(sender);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, calls }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/callback", self.address)
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Call {
        within(self.calls.recv()).await.unwrap()
    }

    /// Whether no request has come.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.calls.try_recv().is_err()
    }
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn answer(self, status: u16) {
        self.answer_with(status, None);
    }

    pub(crate) fn redirect(self, status: u16, location: &str) {
        self.answer_with(status, Some(location));
    }

    fn answer_with(self, status: u16, location: Option<&str>) {
        let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
        if let Some(location) = location {
            response = response.header(header::LOCATION, location);
        }
        self.answer.send(response.body("thanks".into()).unwrap()).unwrap();
    }
}

async fn hand_over(State(calls): State<mpsc::Sender<Call>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_request(Request::new(body), &()).await.unwrap();
    let (answer, answered) = oneshot::channel();
    let call = Call {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: parts.headers,
        body,
        answer,
    };
    calls.send(call).await.unwrap();
    // A test that drops the call leaves it without an answer.
    match answered.await {
        Ok(response) => response,
        Err(_) => std::future::pending().await,
    }
}

/// What must come soon.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it does not come")
}
