//! One writer: asks for things, one after the other, until no answer comes; and finds out afterwards what is there.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use fastrand::Rng;
use serde_json::{Value, json};

use super::state::{Operation, State};
use crate::http::{Client, Request, Response, knock};
use crate::run::Failure;

const SESSIONS_MAX: usize = 4;
const PARTICIPANTS_MAX: usize = 12;
const MEMBERS_MAX: usize = 6;
/// How many tokens, keys and dead tokens a writer remembers to try.
const REMEMBERED_MAX: usize = 4;
const UNKNOWN_ID: &str = "00000000-0000-4000-8000-000000000000";

/// A writer and what it knows.
#[derive(Debug)]
pub(super) struct Writer {
    number: usize,
    rng: Rng,
    made: usize,
    pub(super) state: State,
    tokens: BTreeMap<String, String>,
    dead_tokens: Vec<String>,
    /// Creations under an idempotency key and the ids that they were answered with.
    keyed: Vec<(Operation, String)>,
    /// What was asked for and not answered.
    unanswered: Option<Operation>,
    pub(super) acknowledged: usize,
}

impl Writer {
    pub(super) fn new(number: usize, seed: u64) -> Self {
        Self {
            number,
            rng: Rng::with_seed(seed),
            made: 0,
            state: State::default(),
            tokens: BTreeMap::new(),
            dead_tokens: Vec::new(),
            keyed: Vec::new(),
            unanswered: None,
            acknowledged: 0,
        }
    }

    /// What begins the tags of this writer's things.
    pub(super) fn prefix(&self) -> String {
        format!("w{}.", self.number)
    }

    /// Asks until no answer comes.
    pub(super) fn write(&mut self, server: SocketAddr) -> Result<(), Failure> {
        let Ok(mut client) = Client::connect(server) else { return Ok(()) };
        loop {
            let operation = self.choose();
            match client.send(&operation.request()) {
                Ok(response) => self.take(operation, &response)?,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(Failure(format!("{operation:?} was answered with nonsense: {error}")));
                }
                Err(_) => {
                    self.unanswered = Some(operation);
                    return Ok(());
                }
            }
        }
    }

    fn take(&mut self, operation: Operation, response: &Response) -> Result<(), Failure> {
        if response.status != operation.expected_status() {
            let (status, body) = (response.status, &response.body);
            return Err(Failure(format!("{operation:?} was answered with {status}: {body}")));
        }
        self.acknowledged += 1;
        let made = created(&response.body);
        self.state.apply(&operation, made);
        if let Some(token) = response.body["token"].as_str() {
            let participant = response.body["participant"]["id"].as_str().unwrap_or_default();
            self.learn_token(participant, token);
        }
        if let Operation::DeleteParticipant { participant } = &operation {
            let token = self.tokens.remove(participant);
            self.dead_tokens.extend(token);
        }
        if let (Some(_), Some(id)) = (operation.key(), made) {
            self.keyed.push((operation.clone(), id.to_owned()));
        }
        Ok(())
    }

    fn learn_token(&mut self, participant: &str, token: &str) {
        let earlier = self.tokens.insert(participant.to_owned(), token.to_owned());
        self.dead_tokens.extend(earlier);
    }

    /// Compares what the server has of this writer's with what it acknowledged.
    pub(super) fn check(&mut self, server: SocketAddr, found: State) -> Result<(), Failure> {
        let unanswered = self.unanswered.take();
        if found != self.state {
            let Some(operation) = &unanswered else {
                return Err(self.differs(&found, "every request was answered"));
            };
            let made = match operation {
                Operation::CreateSession { tag, .. } | Operation::CreateParticipant { tag, .. } => {
                    found.tagged(tag)
                }
                _ => None,
            };
            let mut after = self.state.clone();
            after.apply(operation, made);
            if found != after {
                return Err(self.differs(&found, &format!("not answered: {operation:?}")));
            }
            self.state = found;
        }
        let mut client = Client::connect(server).map_err(failed)?;
        if let Some(operation) = unanswered {
            self.ask_again(&mut client, operation)?;
        }
        self.check_keys(&mut client)?;
        self.check_tokens(server, &mut client)
    }

    fn differs(&self, found: &State, what: &str) -> Failure {
        let (missing, foreign) = (self.state.without(found), found.without(&self.state));
        Failure(format!(
            "writer {}: acknowledged, but not there: {missing:#?}\nthere: {foreign:#?}\n{what}",
            self.number
        ))
    }

    /// What was created under a key without an answer is answered now, and there once.
    fn ask_again(&mut self, client: &mut Client, operation: Operation) -> Result<(), Failure> {
        let there = match &operation {
            Operation::CreateSession { tag, .. } | Operation::CreateParticipant { tag, .. } => {
                self.state.tagged(tag).map(str::to_owned)
            }
            Operation::DeleteParticipant { participant }
                if !self.state.participants.contains_key(participant) =>
            {
                self.dead_tokens.extend(self.tokens.remove(participant));
                return Ok(());
            }
            Operation::RenewToken { participant } => {
                // Whether this token still works nobody knows; once there is another one, it must not.
                let doubtful = self.tokens.remove(participant);
                self.renew(client, participant)?;
                self.dead_tokens.extend(doubtful);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if operation.key().is_none() {
            return Ok(());
        }
        let response = client.send(&operation.request()).map_err(failed)?;
        let made = created(&response.body).map(str::to_owned);
        if there.is_some() && there != made {
            return Err(Failure(format!("{operation:?} made {there:?}; asked again it answers {made:?}")));
        }
        self.take(operation, &response)
    }

    fn renew(&mut self, client: &mut Client, participant: &str) -> Result<(), Failure> {
        let operation = Operation::RenewToken { participant: participant.to_owned() };
        let response = client.send(&operation.request()).map_err(failed)?;
        self.take(operation, &response)
    }

    /// The same request under the same key brings the same answer.
    fn check_keys(&mut self, client: &mut Client) -> Result<(), Failure> {
        self.keyed.drain(..self.keyed.len().saturating_sub(REMEMBERED_MAX));
        for (operation, id) in &self.keyed {
            let response = client.send(&operation.request()).map_err(failed)?;
            if response.status != 200 || created(&response.body) != Some(id) {
                let (status, body) = (response.status, &response.body);
                return Err(Failure(format!("{operation:?} made {id}; asked again: {status} {body}")));
            }
        }
        Ok(())
    }

    /// Tokens that were given work, tokens that were ended do not.
    fn check_tokens(&mut self, server: SocketAddr, client: &mut Client) -> Result<(), Failure> {
        self.dead_tokens.drain(..self.dead_tokens.len().saturating_sub(REMEMBERED_MAX));
        let participants: Vec<String> = self.state.participants.keys().cloned().collect();
        for participant in participants.iter().take(REMEMBERED_MAX) {
            if !self.tokens.contains_key(participant) {
                self.renew(client, participant)?;
            }
            let status = knock(server, &self.tokens[participant]).map_err(failed)?;
            if status != 101 {
                return Err(Failure(format!("the token of {participant} was answered with {status}")));
            }
        }
        for token in &self.dead_tokens {
            let status = knock(server, token).map_err(failed)?;
            if !matches!(status, 401 | 403) {
                return Err(Failure(format!("a token that was ended was answered with {status}")));
            }
        }
        Ok(())
    }
}

/// What to ask for next.
impl Writer {
    fn choose(&mut self) -> Operation {
        loop {
            let operation = match self.rng.u8(0..20) {
                0..2 => self.create_session(),
                2..5 => self.create_participant(),
                5..9 => self.add(),
                9..13 => self.subscribe(),
                13 => self.set_matrix(),
                14 => self.remove(),
                15 => self.delete_session(),
                16 => self.delete_participant(),
                17 => self.any_participant().map(|participant| Operation::RenewToken { participant }),
                _ => self.refused(),
            };
            if let Some(operation) = operation {
                return operation;
            }
        }
    }

    fn tag(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.prefix(), self.made)
    }

    fn key(&mut self) -> Option<String> {
        self.rng.bool().then(|| format!("key-{}-{}", self.number, self.made))
    }

    fn create_session(&mut self) -> Option<Operation> {
        let room = self.state.sessions.len() < SESSIONS_MAX;
        room.then(|| Operation::CreateSession { tag: self.tag(), key: self.key() })
    }

    fn create_participant(&mut self) -> Option<Operation> {
        if self.state.participants.len() >= PARTICIPANTS_MAX {
            return None;
        }
        let permissions = [json!([]), json!(["AUDIO"]), json!(["AUDIO", "VIDEO"])];
        let permissions = self.rng.choice(permissions)?;
        Some(Operation::CreateParticipant { tag: self.tag(), permissions, key: self.key() })
    }

    fn any_session(&mut self) -> Option<String> {
        self.rng.choice(self.state.sessions.keys()).cloned()
    }

    fn any_participant(&mut self) -> Option<String> {
        self.rng.choice(self.state.participants.keys()).cloned()
    }

    /// A session and one of its members.
    fn any_member(&mut self) -> Option<(String, String)> {
        let participant = self.any_participant()?;
        let session = self.state.participants[&participant].session.clone()?;
        Some((session, participant))
    }

    fn any_subscriptions(&mut self, session: &str) -> Value {
        match self.rng.u8(0..5) {
            0 => json!({}),
            1 => json!({ "sessionId": session }),
            _ => {
                let count = self.rng.usize(1..4);
                let listed = self.rng.choose_multiple(self.state.participants.keys().cloned(), count);
                let entry = |id: &String| match self.rng.bool() {
                    true => json!({ "participantId": id }),
                    false => json!({ "participantId": id, "streamAliases": ["camera", "screen"] }),
                };
                json!({ "sessionId": session, "participants": listed.iter().map(entry).collect::<Vec<_>>() })
            }
        }
    }

    fn add(&mut self) -> Option<Operation> {
        let (session, participant) = (self.any_session()?, self.any_participant()?);
        let room = self.state.sessions[&session].members.len() < MEMBERS_MAX;
        if !room || self.state.participants[&participant].session.is_some() {
            return None;
        }
        let subscriptions = self.rng.bool().then(|| self.any_subscriptions(&session));
        Some(Operation::Add { session, participant, subscriptions })
    }

    fn subscribe(&mut self) -> Option<Operation> {
        let (session, participant) = self.any_member()?;
        let subscriptions = self.any_subscriptions(&session);
        Some(Operation::Subscribe { session, participant, subscriptions })
    }

    fn set_matrix(&mut self) -> Option<Operation> {
        let session = self.any_session()?;
        let members = self.state.sessions[&session].members.clone();
        let rows: BTreeMap<_, _> =
            members.into_iter().map(|member| (member, self.any_subscriptions(&session))).collect();
        (!rows.is_empty()).then_some(Operation::SetMatrix { session, rows })
    }

    fn remove(&mut self) -> Option<Operation> {
        let (session, participant) = self.any_member()?;
        Some(Operation::Remove { session, participant })
    }

    fn delete_session(&mut self) -> Option<Operation> {
        let session = self.any_session()?;
        (self.state.sessions.len() == SESSIONS_MAX).then_some(Operation::DeleteSession { session })
    }

    fn delete_participant(&mut self) -> Option<Operation> {
        let participant = self.any_participant()?;
        let many = self.state.participants.len() > PARTICIPANTS_MAX / 2;
        many.then_some(Operation::DeleteParticipant { participant })
    }

    /// A request that must change nothing.
    fn refused(&mut self) -> Option<Operation> {
        let (session, participant) = self.any_member()?;
        let path = format!("/sessions/{session}/participants/{participant}");
        let strangers = json!({ "sessionId": session, "participants": [{ "participantId": UNKNOWN_ID }] });
        let (request, status) = match self.rng.u8(0..4) {
            0 => (Request::new("POST", "/sessions", Some(json!({ "tag": "x".repeat(51) }))), 400),
            1 => (Request::new("PUT", format!("{path}/subscriptions"), Some(strangers)), 400),
            2 => {
                // One good row and one bad: all or nothing.
                let rows = json!({ participant: { "sessionId": session }, UNKNOWN_ID: {} });
                (Request::new("PUT", format!("/sessions/{session}/subscriptions"), Some(rows)), 400)
            }
            _ => {
                let other = self.any_session().filter(|other| *other != session)?;
                (Request::new("PUT", format!("/sessions/{other}/participants/{participant}"), None), 409)
            }
        };
        Some(Operation::Refused { request, status })
    }
}

/// The id of what a response tells to be made.
fn created(body: &Value) -> Option<&str> {
    body["id"].as_str().or_else(|| body["participant"]["id"].as_str())
}

fn failed(error: io::Error) -> Failure {
    Failure(format!("the restarted server does not answer: {error}"))
}
