//! What a writer did, and what must therefore be there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::http::Request;
use crate::run::Failure;

/// The sessions and participants of one writer, as listings show them. Every one has a tag of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) participants: BTreeMap<String, Participant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) tag: String,
    /// Oldest first.
    pub(super) members: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Participant {
    pub(super) tag: String,
    pub(super) permissions: Value,
    pub(super) session: Option<String>,
    pub(super) subscriptions: Value,
}

/// Something that a writer asks for.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    CreateSession {
        tag: String,
        key: Option<String>,
    },
    CreateParticipant {
        tag: String,
        permissions: Value,
        key: Option<String>,
    },
    Add {
        session: String,
        participant: String,
        subscriptions: Option<Value>,
    },
    Remove {
        session: String,
        participant: String,
    },
    Subscribe {
        session: String,
        participant: String,
        subscriptions: Value,
    },
    SetMatrix {
        session: String,
        rows: BTreeMap<String, Value>,
    },
    DeleteSession {
        session: String,
    },
    DeleteParticipant {
        participant: String,
    },
    RenewToken {
        participant: String,
    },
    /// What must be refused, with this status.
    Refused {
        request: Request,
        status: u16,
    },
}

impl Operation {
    pub(super) fn request(&self) -> Request {
        match self {
            Self::CreateSession { tag, key } => Request {
                idempotency_key: key.clone(),
                ..Request::new("POST", "/sessions", Some(json!({ "tag": tag })))
            },
            Self::CreateParticipant { tag, permissions, key } => {
                let body = json!({ "tag": tag, "publishPermissions": permissions, "deviceApiVersion": "V3" });
                let request = Request::new("POST", "/participants", Some(body));
                Request { idempotency_key: key.clone(), ..request }
            }
            Self::Add { session, participant, subscriptions } => {
                Request::new("PUT", member(session, participant), subscriptions.clone())
            }
            Self::Remove { session, participant } => {
                Request::new("DELETE", member(session, participant), None)
            }
            Self::Subscribe { session, participant, subscriptions } => {
                let path = format!("{}/subscriptions", member(session, participant));
                Request::new("PUT", path, Some(subscriptions.clone()))
            }
            Self::SetMatrix { session, rows } => {
                Request::new("PUT", format!("/sessions/{session}/subscriptions"), Some(json!(rows)))
            }
            Self::DeleteSession { session } => Request::new("DELETE", format!("/sessions/{session}"), None),
            Self::DeleteParticipant { participant } => {
                Request::new("DELETE", format!("/participants/{participant}"), None)
            }
            Self::RenewToken { participant } => {
                Request::new("POST", format!("/participants/{participant}/token"), None)
            }
            Self::Refused { request, .. } => request.clone(),
        }
    }

    pub(super) fn expected_status(&self) -> u16 {
        match self {
            Self::CreateSession { .. } | Self::CreateParticipant { .. } | Self::RenewToken { .. } => 200,
            Self::Refused { status, .. } => *status,
            _ => 204,
        }
    }

    pub(super) fn key(&self) -> Option<&String> {
        match self {
            Self::CreateSession { key, .. } | Self::CreateParticipant { key, .. } => key.as_ref(),
            _ => None,
        }
    }
}

fn member(session: &str, participant: &str) -> String {
    format!("/sessions/{session}/participants/{participant}")
}

impl State {
    /// Carries an operation out, as the server must; `made` is the id of what it creates.
    pub(super) fn apply(&mut self, operation: &Operation, made: Option<&str>) {
        match operation {
            Operation::CreateSession { tag, .. } => {
                if let Some(id) = made {
                    self.sessions.insert(id.to_owned(), Session { tag: tag.clone(), members: Vec::new() });
                }
            }
            Operation::CreateParticipant { tag, permissions, .. } => {
                if let Some(id) = made {
                    self.participants.insert(id.to_owned(), Participant::new(tag, permissions));
                }
            }
            Operation::Add { session, participant, subscriptions } => {
                self.leave(participant);
                if let Some(session) = self.sessions.get_mut(session) {
                    session.members.push(participant.clone());
                }
                if let Some(entry) = self.participants.get_mut(participant) {
                    entry.session = Some(session.clone());
                    entry.subscriptions = subscriptions.clone().unwrap_or_else(|| json!({}));
                }
            }
            Operation::Remove { participant, .. } => self.leave(participant),
            Operation::Subscribe { participant, subscriptions, .. } => {
                self.subscribe(participant, subscriptions);
            }
            Operation::SetMatrix { rows, .. } => {
                rows.iter().for_each(|(participant, row)| self.subscribe(participant, row));
            }
            Operation::DeleteSession { session } => {
                let members = self.sessions.get(session).map(|session| session.members.clone());
                members.into_iter().flatten().for_each(|participant| self.leave(&participant));
                self.sessions.remove(session);
            }
            Operation::DeleteParticipant { participant } => {
                self.leave(participant);
                self.participants.remove(participant);
            }
            Operation::RenewToken { .. } | Operation::Refused { .. } => {}
        }
    }

    fn subscribe(&mut self, participant: &str, subscriptions: &Value) {
        if let Some(entry) = self.participants.get_mut(participant) {
            entry.subscriptions = subscriptions.clone();
        }
    }

    fn leave(&mut self, participant: &str) {
        let Some(entry) = self.participants.get_mut(participant) else { return };
        entry.subscriptions = json!({});
        if let Some(session) = entry.session.take().and_then(|session| self.sessions.get_mut(&session)) {
            session.members.retain(|member| member != participant);
        }
    }

    /// What is not the same in the other one.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.sessions.retain(|id, session| other.sessions.get(id) != Some(session));
        rest.participants.retain(|id, participant| other.participants.get(id) != Some(participant));
        rest
    }

    /// Adds an entry of the listing of sessions.
    pub(super) fn read_session(&mut self, entry: &Value) -> Result<(), Failure> {
        let members = entry["participant_ids"].as_array().into_iter().flatten();
        let members = members.filter_map(|id| id.as_str().map(str::to_owned)).collect();
        self.sessions.insert(text(entry, "id")?, Session { tag: text(entry, "tag")?, members });
        Ok(())
    }

    /// Adds an entry of the listing of participants.
    pub(super) fn read_participant(&mut self, entry: &Value) -> Result<(), Failure> {
        let participant = Participant {
            tag: text(entry, "tag")?,
            permissions: entry["publishPermissions"].clone(),
            session: entry["sessions"][0].as_str().map(str::to_owned),
            subscriptions: entry["subscriptions"].clone(),
        };
        self.participants.insert(text(entry, "id")?, participant);
        Ok(())
    }

    /// The id of what has this tag.
    pub(super) fn tagged(&self, tag: &str) -> Option<&str> {
        let sessions = self.sessions.iter().filter(|(_, session)| session.tag == tag).map(|(id, _)| id);
        let participants = self.participants.iter().filter(|(_, entry)| entry.tag == tag).map(|(id, _)| id);
        sessions.chain(participants).map(String::as_str).next()
    }
}

impl Participant {
    fn new(tag: &str, permissions: &Value) -> Self {
        let (tag, permissions) = (tag.to_owned(), permissions.clone());
        Self { tag, permissions, session: None, subscriptions: json!({}) }
    }
}

fn text(entry: &Value, name: &str) -> Result<String, Failure> {
    entry[name]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure(format!("an entry without {name}: {entry}")))
}
