//! Commands that are carried out once, however often they come.

use std::time::Duration;

use crosspoint_ids::{AccountId, Timestamp};

use crate::undo::Undo;
use crate::{
    Change, Command, Fingerprint, IdempotencyKey, IdempotencyRecord, Model, Outcome, Refusal, Reply, Session,
};

/// How long a key stands for what it was used for.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 3_600);

/// The key under which an application may ask for the same thing again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The key.
    pub key: IdempotencyKey,
    /// A digest of the request.
    pub fingerprint: Fingerprint,
}

impl Model {
    /// Carries out a command, unless it was carried out under the same key in the last 24 hours: then it answers as it
    /// did then. What is refused leaves the key free.
    pub fn apply_once(
        &mut self,
        now: Timestamp,
        idempotency: Idempotency,
        command: Command,
    ) -> Result<Reply, Refusal> {
        let account = command.account().clone();
        let Idempotency { key, fingerprint } = idempotency;
        if let Some(earlier) = self.earlier(&account, &key) {
            return match earlier.fingerprint == fingerprint {
                true => Ok(Reply::from(earlier.outcome.clone())),
                false => Err(Refusal::IdempotencyKeyReused(key)),
            };
        }
        let max = self.limits.account_idempotency_keys_max;
        let used = self.intent.account(&account).map_or(0, |account| account.idempotency_count());
        if used >= max {
            return Err(Refusal::TooManyIdempotencyKeys { max });
        }
        let reply = self.apply(now, command)?;
        if let Some(outcome) = Outcome::of(&reply) {
            let expires_at = now + KEY_LIFETIME;
            let record = IdempotencyRecord { account, key, fingerprint, outcome, expires_at };
            self.undo.push(Undo::Idempotency(record.account.clone(), record.key.clone()));
            self.push_change(Change::PutIdempotency(record.clone()));
            self.intent.put_idempotency(record);
        }
        Ok(reply)
    }

    fn earlier(&self, account: &AccountId, key: &IdempotencyKey) -> Option<&IdempotencyRecord> {
        self.intent.account(account)?.idempotency(key)
    }
}

impl Outcome {
    /// What a reply made; `None` for a reply that made nothing.
    fn of(reply: &Reply) -> Option<Self> {
        match reply {
            Reply::Session(session) => Some(Self::Session(session.record.clone())),
            Reply::Participant(participant) => Some(Self::Participant(Box::new(participant.clone()))),
            Reply::Done
            | Reply::Sessions(_)
            | Reply::Participants(_)
            | Reply::Members(_)
            | Reply::Subscriptions(_)
            | Reply::Matrix(_)
            | Reply::Streams(_) => None,
        }
    }
}

impl From<Outcome> for Reply {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Session(record) => Self::Session(Session { record, participants: Vec::new() }),
            Outcome::Participant(record) => Self::Participant(*record),
        }
    }
}

impl Command {
    /// Whose command it is.
    fn account(&self) -> &AccountId {
        match self {
            Self::CreateSession { account, .. }
            | Self::DeleteSession { account, .. }
            | Self::CreateParticipant { account, .. }
            | Self::DeleteParticipant { account, .. }
            | Self::RenewToken { account, .. }
            | Self::AddParticipant { account, .. }
            | Self::RemoveParticipant { account, .. }
            | Self::SetSubscriptions { account, .. }
            | Self::SetMatrix { account, .. } => account,
        }
    }
}
