//! A router over a real model, two accounts to ask with, and answers that are checked for what all have in common.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crosspoint_http::{Accounts, Control, Credential, EventId, ListenRefusal, Listening, ToldEvent};
use crosspoint_ids::{AccountId, DeviceId, ParticipantId, StreamId, Timestamp};
use crosspoint_model::{
    Alias, Command, Idempotency, Limits, MediaTypes, Model, PublishedStream, Query, Refusal, Reply, Report,
};
use crosspoint_token::TokenKey;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_123);
pub(crate) const LIFETIME: Duration = Duration::from_secs(9 * 3_600);
pub(crate) const SESSION_PARTICIPANTS_MAX: usize = 3;
pub(crate) const SECRET: [u8; 32] = *b"a secret that only the tests use";

/// A user: account, name, password.
pub(crate) type User = (&'static str, &'static str, &'static str);
pub(crate) const US: User = ("9900000", "dev", "pass:word");
pub(crate) const THEM: User = ("other", "somebody", "else");
pub(crate) const DISABLED: User = ("disabled", "dev", "dev");

/// An id that nobody has.
pub(crate) const NOBODY: &str = "cb5054ee-a69b-41ac-9ab2-04d6370826b4";

/// The process that tells events.
pub(crate) const EPOCH: u64 = 7;

/// The model behind a lock, in place of the server's core.
#[derive(Debug)]
pub(crate) struct ModelControl {
    model: Mutex<Model>,
    /// Every command that came in, refused or not.
    commands: Mutex<Vec<Command>>,
    /// What everything is refused with instead.
    refusal: Mutex<Option<Refusal>>,
    told: Mutex<Vec<ToldEvent>>,
}

impl ModelControl {
    fn new() -> Self {
        let limits = Limits {
            session_participants_max: SESSION_PARTICIPANTS_MAX,
            account_sessions_max: 50,
            account_participants_max: 50,
            account_idempotency_keys_max: 3,
            lifetime: LIFETIME,
        };
        Self {
            model: Model::new(limits).into(),
            commands: Mutex::default(),
            refusal: Mutex::default(),
            told: Mutex::default(),
        }
    }

    fn settle(&self, model: &mut Model) {
        model.keep();
        while model.poll_change().is_some() {}
        while model.poll_effect().is_some() {}
        let mut told = self.told.lock().unwrap();
        while let Some(event) = model.poll_event() {
            let id = EventId { epoch: EPOCH, sequence: told.len() as u64 + 1 };
            told.push(ToldEvent { id, at: NOW, event: Arc::new(event) });
        }
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    fn refusal(&self) -> Result<(), Refusal> {
        self.refusal.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl Control for ModelControl {
    async fn execute(&self, command: Command) -> Result<Reply, Refusal> {
        // As with the server's core, others get their turn meanwhile.
        tokio::task::yield_now().await;
        self.commands.lock().unwrap().push(command.clone());
        self.refusal()?;
        let mut model = self.model();
        let reply = model.apply(NOW, command);
        self.settle(&mut model);
        reply
    }

    async fn execute_once(&self, idempotency: Idempotency, command: Command) -> Result<Reply, Refusal> {
        tokio::task::yield_now().await;
        self.refusal()?;
        let mut model = self.model();
        let reply = model.apply_once(NOW, idempotency, command);
        self.settle(&mut model);
        reply
    }

    /// What happened so far is all that comes.
    async fn listen(&self, account: AccountId, after: Option<EventId>) -> Result<Listening, ListenRefusal> {
        self.refusal().map_err(|_| ListenRefusal::Stopping)?;
        let told = self.told.lock().unwrap();
        let own = told.iter().filter(|told| told.event.account == account).cloned();
        let (seen, complete) = after.map_or((0, true), |after| (after.sequence, after.epoch == EPOCH));
        let now = EventId { epoch: EPOCH, sequence: told.len() as u64 };
        let (_, live) = tokio::sync::mpsc::channel(1);
        Ok(Listening { complete, now, earlier: own.filter(|told| told.id.sequence > seen).collect(), live })
    }

    async fn ask(&self, query: Query) -> Result<Reply, Refusal> {
        tokio::task::yield_now().await;
        self.refusal()?;
        self.model().query(query)
    }
}

pub(crate) struct Stage {
    pub(crate) router: Router,
    pub(crate) control: Arc<ModelControl>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let control = Arc::new(ModelControl::new());
        let credentials = [US, THEM, DISABLED].map(|(account, user, password)| Credential {
            account: account.parse().unwrap(),
            user: user.into(),
            password: password.into(),
        });
        let accounts = Accounts::new(credentials).with_disabled([DISABLED.0.parse().unwrap()]);
        let router = crosspoint_http::router(Arc::clone(&control), accounts, TokenKey::new(SECRET));
        Self { router, control }
    }

    pub(crate) fn demo() -> Self {
        let control = Arc::new(ModelControl::new());
        let account = US.0.parse().unwrap();
        let router = crosspoint_http::demo_router(Arc::clone(&control), account, TokenKey::new(SECRET));
        Self { router, control }
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let what = format!("{} {}", request.method(), request.uri());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { what, status: parts.status.as_u16(), headers: parts.headers, text }.checked()
    }

    /// A request of a user, for a path below the user's account.
    pub(crate) async fn by(&self, user: User, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        self.send(request(method, &format!("/accounts/{}{path}", user.0), Some(user), body)).await
    }

    /// A request of ours without a body.
    pub(crate) async fn ask(&self, method: &str, path: &str) -> Answer {
        self.by(US, method, path, Body::empty()).await
    }

    /// A request of ours with a JSON body.
    pub(crate) async fn tell(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.by(US, method, path, body.to_string()).await
    }

    pub(crate) async fn session(&self) -> String {
        self.session_of(US).await
    }

    pub(crate) async fn session_of(&self, user: User) -> String {
        let answer = self.by(user, "POST", "/sessions", Body::empty()).await.is(200);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn participant(&self) -> String {
        self.participant_of(US).await
    }

    pub(crate) async fn participant_of(&self, user: User) -> String {
        let answer = self.by(user, "POST", "/participants", Body::empty()).await.is(200);
        answer.json()["participant"]["id"].as_str().unwrap().to_owned()
    }

    /// A participant who is in this session.
    pub(crate) async fn member(&self, session: &str) -> String {
        let participant = self.participant().await;
        self.ask("PUT", &format!("/sessions/{session}/participants/{participant}")).await.is(204);
        participant
    }

    /// A participant's device comes up and publishes a stream.
    pub(crate) fn publishes(
        &self,
        participant: &str,
        stream: u128,
        alias: Option<&str>,
        media_types: MediaTypes,
    ) {
        let participant: ParticipantId = participant.parse().unwrap();
        let device = DeviceId::new(*participant.as_uuid());
        let stream = PublishedStream {
            id: StreamId::new(Uuid::from_u128(stream)),
            alias: alias.map(|alias| Alias::new(alias).unwrap()),
            media_types,
        };
        let mut model = self.control.model();
        model.report(NOW, Report::DeviceConnected { participant, device, shown_as: device });
        model.report(NOW, Report::StreamsPublished { device, streams: vec![stream] });
        self.control.settle(&mut model);
    }

    /// The commands since this was asked last.
    pub(crate) fn commands(&self) -> Vec<Command> {
        std::mem::take(&mut self.control.commands.lock().unwrap())
    }

    /// From now on everything is refused.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        *self.control.refusal.lock().unwrap() = Some(refusal);
    }
}

/// A request with the credentials of a user, if any.
pub(crate) fn request(method: &str, path: &str, user: Option<User>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some((_, name, password)) = user {
        request = request.header(header::AUTHORIZATION, basic(format!("{name}:{password}").as_bytes()));
    }
    request.body(body.into()).unwrap()
}

pub(crate) fn basic(pair: &[u8]) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    what: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// What holds for all answers.
    fn checked(self) -> Self {
        let id = self.header("x-request-id").unwrap_or_default();
        assert!(Uuid::try_parse(id).is_ok(), "a request id: {self:?}");
        if self.header("content-type") == Some("text/event-stream") {
            return self;
        }
        let json = self.header("content-type") == Some("application/json");
        assert_eq!(json, self.status != 204, "JSON, or nothing on 204: {self:?}");
        let head = self.what.starts_with("HEAD ");
        assert_eq!(self.text.is_empty(), self.status == 204 || head, "a body: {self:?}");
        assert!(matches!(self.status, 200 | 204 | 400..), "no redirect: {self:?}");
        assert!(!matches!(self.status, 415 | 500), "never: {self:?}");
        if !self.text.is_empty() {
            assert!(!has_null(&self.json()), "absent values are left out: {self:?}");
        }
        if self.status >= 400 && !head {
            self.check_error(id);
        }
        self
    }

    fn check_error(&self, id: &str) {
        let body = self.json();
        match self.status {
            401 => {
                assert_eq!(body, json!({ "message": "Unauthorized" }));
                assert_eq!(self.header("www-authenticate"), Some("Basic"));
            }
            403 if body.get("message").is_some() => {
                assert_eq!(body.as_object().unwrap().len(), 1, "{self:?}");
            }
            _ => {
                assert_eq!(body, json!({ "error": self.error(), "requestId": id }), "{self:?}");
                assert!(self.error().len() > 10, "a sentence: {self:?}");
            }
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// It has this status, and its sentence names this.
    #[track_caller]
    pub(crate) fn names(self, status: u16, name: impl Display) -> Self {
        let answer = self.is(status);
        assert!(answer.error().contains(&name.to_string()), "{name} in {answer:?}");
        answer
    }

    /// It has this body.
    #[track_caller]
    pub(crate) fn says(self, expected: &Value) -> Self {
        let answer = self.is(200);
        assert_eq!(&answer.json(), expected, "{}", answer.what);
        answer
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().any(has_null),
        Value::Object(object) => object.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
