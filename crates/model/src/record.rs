//! Intent as it is stored. Every write touches one record: membership and subscriptions live in the participant's.

use crosspoint_ids::{AccountId, ParticipantId, SessionId, Timestamp, TokenId};

use crate::{CallbackUrl, IdempotencyKey, MediaTypes, Subscriptions, Tag};

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Whose session.
    pub account: AccountId,
    /// Its id.
    pub id: SessionId,
    /// The application's label.
    pub tag: Option<Tag>,
    /// Grows with every record made; orders listings.
    pub sequence: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A participant as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantRecord {
    /// Whose participant.
    pub account: AccountId,
    /// Its id.
    pub id: ParticipantId,
    /// The application's label.
    pub tag: Option<Tag>,
    /// Where events about it are posted.
    pub callback_url: Option<CallbackUrl>,
    /// What it may publish.
    pub publish_permissions: MediaTypes,
    /// The token that lets its device in.
    pub token: TokenId,
    /// When that token was made.
    pub token_issued_at: Timestamp,
    /// Grows with every record made; orders listings.
    pub sequence: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself, and its token with it.
    pub expires_at: Timestamp,
    /// The session it was added to. One that is gone means: in no session.
    pub membership: Option<Membership>,
    /// What it wants to receive; counts only while it is a member of that session.
    pub subscriptions: Option<Subscriptions>,
}

/// To which session a participant was added, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The session.
    pub session: SessionId,
    /// Grows with every addition; orders members, oldest first.
    pub since: u64,
}

/// What a command with an idempotency key brought, so that the same command again brings the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose key.
    pub account: AccountId,
    /// The key that the application chose.
    pub key: IdempotencyKey,
    /// A digest of what was asked under the key.
    pub fingerprint: Fingerprint,
    /// What was answered, as it was then.
    pub outcome: Outcome,
    /// When the key is free again.
    pub expires_at: Timestamp,
}

/// A digest of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// What a command with an idempotency key made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A session.
    Session(SessionRecord),
    /// A participant, or a new token of one.
    Participant(Box<ParticipantRecord>),
}

/// One record to write. What is not a record of this list is not durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Insert or replace this session.
    PutSession(SessionRecord),
    /// Remove this session.
    DeleteSession(SessionId),
    /// Insert or replace this participant.
    PutParticipant(ParticipantRecord),
    /// Remove this participant.
    DeleteParticipant(ParticipantId),
    /// Insert or replace what this key of the account brought.
    PutIdempotency(IdempotencyRecord),
    /// Forget this key of the account.
    DeleteIdempotency(AccountId, IdempotencyKey),
}

/// A session as applications see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The stored part.
    pub record: SessionRecord,
    /// Its members, oldest first.
    pub participants: Vec<ParticipantId>,
}

/// A participant as applications see it. The record's membership and subscriptions are what counts now: a session
/// that is gone no longer stands in them.
pub type Participant = ParticipantRecord;
