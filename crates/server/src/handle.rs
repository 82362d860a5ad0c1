//! How the rest of the server reaches the core.

use crosspoint_http::{EventId, ListenRefusal, Listening};
use crosspoint_ids::{AccountId, DeviceId, ParticipantId};
use crosspoint_model::{Command, Idempotency, Query, Refusal, Reply, Report};
use crosspoint_store::LineKind;
use tokio::sync::{mpsc, oneshot};

use crate::admission::Admission;

/// Requests that may wait for the core. Whoever asks more waits.
const REQUESTS_MAX: usize = 1_024;

/// Something that the core is asked or told.
#[derive(Debug)]
pub(crate) enum Request {
    Execute(Execute),
    Ask(Query, oneshot::Sender<Result<Reply, Refusal>>),
    Listen {
        account: AccountId,
        after: Option<EventId>,
        reply: oneshot::Sender<Result<Listening, ListenRefusal>>,
    },
    Report(Report),
    Admit(Box<Admission>),
    /// A device is about to be offered these m-lines.
    SetLines {
        participant: ParticipantId,
        device: DeviceId,
        lines: Vec<LineKind>,
        done: oneshot::Sender<()>,
    },
    Count(oneshot::Sender<usize>),
}

/// A command to carry out.
#[derive(Debug)]
pub(crate) struct Execute {
    pub(crate) command: Command,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) reply: oneshot::Sender<Result<Reply, Refusal>>,
}

/// How the rest of the server reaches the core.
#[derive(Debug, Clone)]
pub(crate) struct CoreHandle {
    requests: mpsc::Sender<Request>,
}

/// The core is gone: the server is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is stopping")]
pub(crate) struct Stopped;

impl CoreHandle {
    /// A handle, and the queue at its other end.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        (Self { requests }, queue)
    }

    async fn execute(&self, command: Command, idempotency: Option<Idempotency>) -> Result<Reply, Refusal> {
        let request = self.request(|reply| Request::Execute(Execute { command, idempotency, reply }));
        request.await.unwrap_or(Err(Refusal::Unavailable))
    }

    pub(crate) async fn ask(&self, query: Query) -> Result<Reply, Refusal> {
        self.request(|reply| Request::Ask(query, reply)).await.unwrap_or(Err(Refusal::Unavailable))
    }

    /// Tells what happened; returns once it is taken in, routes included.
    pub(crate) async fn report(&self, report: Report) {
        // When the core is gone, nobody needs to know any more.
        let _ = self.requests.send(Request::Report(report)).await;
    }

    /// Lets a device in, or lets it resume.
    pub(crate) async fn admit(&self, admission: Admission) -> Result<(), Stopped> {
        self.requests.send(Request::Admit(Box::new(admission))).await.map_err(|_| Stopped)
    }

    /// Tells which m-lines a device is about to be offered; returns once that is durable, or can't be for now.
    pub(crate) async fn set_lines(
        &self,
        participant: ParticipantId,
        device: DeviceId,
        lines: Vec<LineKind>,
    ) -> Result<(), Stopped> {
        self.request(|done| Request::SetLines { participant, device, lines, done }).await
    }

    /// How many devices there are.
    pub(crate) async fn device_count(&self) -> Result<usize, Stopped> {
        self.request(Request::Count).await
    }

    async fn request<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(make(reply)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}

impl crosspoint_http::Control for CoreHandle {
    async fn execute(&self, command: Command) -> Result<Reply, Refusal> {
        CoreHandle::execute(self, command, None).await
    }

    async fn execute_once(&self, idempotency: Idempotency, command: Command) -> Result<Reply, Refusal> {
        CoreHandle::execute(self, command, Some(idempotency)).await
    }

    async fn listen(&self, account: AccountId, after: Option<EventId>) -> Result<Listening, ListenRefusal> {
        let request = self.request(|reply| Request::Listen { account, after, reply });
        request.await.unwrap_or(Err(ListenRefusal::Stopping))
    }

    async fn ask(&self, query: Query) -> Result<Reply, Refusal> {
        CoreHandle::ask(self, query).await
    }
}
