//! What applications ask for, and what they get.

use crosspoint_ids::{AccountId, ParticipantId, SessionId, StreamId, Timestamp, TokenId};

use crate::{
    Alias, CallbackUrl, IdempotencyKey, MediaTypes, Participant, Scope, Session, Subscriptions, Tag,
};

/// A change that an application wants. It may be refused; then nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Make a session. Answers [`Reply::Session`].
    CreateSession {
        /// Whose.
        account: AccountId,
        /// A fresh id.
        session: SessionId,
        /// The application's label.
        tag: Option<Tag>,
    },
    /// End a session; its members leave, their devices stay connected. Answers [`Reply::Done`].
    DeleteSession {
        /// Whose.
        account: AccountId,
        /// Which.
        session: SessionId,
    },
    /// Make a participant. Answers [`Reply::Participant`].
    CreateParticipant {
        /// Whose.
        account: AccountId,
        /// A fresh id.
        participant: ParticipantId,
        /// A fresh token id.
        token: TokenId,
        /// The application's label.
        tag: Option<Tag>,
        /// Where events are posted.
        callback_url: Option<CallbackUrl>,
        /// What it may publish.
        publish_permissions: MediaTypes,
    },
    /// End a participant; its device is closed for good. Answers [`Reply::Done`].
    DeleteParticipant {
        /// Whose.
        account: AccountId,
        /// Which.
        participant: ParticipantId,
    },
    /// Give a participant a new token; the older ones end at once, and so does a device that came with one. Answers
    /// [`Reply::Participant`].
    RenewToken {
        /// Whose.
        account: AccountId,
        /// Who.
        participant: ParticipantId,
        /// A fresh token id.
        token: TokenId,
    },
    /// Add a participant to a session. Answers [`Reply::Done`].
    AddParticipant {
        /// Whose.
        account: AccountId,
        /// To which session.
        session: SessionId,
        /// Whom.
        participant: ParticipantId,
        /// `None`: leave what is recorded for this session (dormant subscriptions wake). `Some`: replace it.
        subscriptions: Option<Option<Scope>>,
    },
    /// Take a participant out of a session; its subscriptions are dropped. Answers [`Reply::Done`].
    RemoveParticipant {
        /// Whose.
        account: AccountId,
        /// From which session.
        session: SessionId,
        /// Whom.
        participant: ParticipantId,
    },
    /// Replace a participant's subscriptions; `None` clears them. Answers [`Reply::Done`].
    SetSubscriptions {
        /// Whose.
        account: AccountId,
        /// In which session.
        session: SessionId,
        /// The subscriber.
        participant: ParticipantId,
        /// What it wants.
        scope: Option<Scope>,
    },
    /// Replace the subscriptions of all named members as one step, or of none. Answers [`Reply::Done`].
    SetMatrix {
        /// Whose.
        account: AccountId,
        /// In which session.
        session: SessionId,
        /// One row for each subscriber; no subscriber twice.
        rows: Vec<MatrixRow>,
    },
}

/// What one subscriber wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixRow {
    /// The subscriber.
    pub participant: ParticipantId,
    /// What it wants; `None` is nothing.
    pub scope: Option<Scope>,
}

/// A question of an application. It changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// One session. Answers [`Reply::Session`].
    Session {
        /// Whose.
        account: AccountId,
        /// Which.
        session: SessionId,
    },
    /// The account's sessions, newest first. Answers [`Reply::Sessions`].
    Sessions {
        /// Whose.
        account: AccountId,
        /// Which part of them.
        page: PageRequest,
    },
    /// One participant. Answers [`Reply::Participant`].
    Participant {
        /// Whose.
        account: AccountId,
        /// Which.
        participant: ParticipantId,
    },
    /// The account's participants, newest first. Answers [`Reply::Participants`].
    Participants {
        /// Whose.
        account: AccountId,
        /// Which part of them.
        page: PageRequest,
    },
    /// The members of a session, oldest first. Answers [`Reply::Members`].
    Members {
        /// Whose.
        account: AccountId,
        /// Which session.
        session: SessionId,
    },
    /// A participant's subscriptions in a session. Answers [`Reply::Subscriptions`].
    Subscriptions {
        /// Whose.
        account: AccountId,
        /// Which session.
        session: SessionId,
        /// The subscriber.
        participant: ParticipantId,
    },
    /// The subscriptions of all members, oldest member first. Answers [`Reply::Matrix`].
    Matrix {
        /// Whose.
        account: AccountId,
        /// Which session.
        session: SessionId,
    },
    /// The streams that a participant publishes now, oldest first. Answers [`Reply::Streams`].
    Streams {
        /// Whose.
        account: AccountId,
        /// Whose streams.
        participant: ParticipantId,
    },
}

/// Which part of a listing is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// At most this many entries.
    pub limit: usize,
    /// Only entries whose record's sequence is below this; from [`Page::next`].
    pub before: Option<u64>,
}

/// A part of a listing, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// What to ask next; `None` when this was the last part.
    pub next: Option<u64>,
}

/// A stream that is up, as applications see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamView {
    /// The id under which subscribers see it.
    pub id: StreamId,
    /// The name that the device gave it.
    pub alias: Option<Alias>,
    /// What it carries.
    pub media_types: MediaTypes,
    /// When it came up.
    pub published_at: Timestamp,
}

/// The answer to a command or query that was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It is done, nothing more to say.
    Done,
    /// One session.
    Session(Session),
    /// Some of an account's sessions.
    Sessions(Page<Session>),
    /// One participant.
    Participant(Participant),
    /// Some of an account's participants.
    Participants(Page<Participant>),
    /// A session's members, oldest first.
    Members(Vec<Participant>),
    /// One participant's subscriptions; `None` for a member without any.
    Subscriptions(Option<Subscriptions>),
    /// All members' subscriptions, oldest member first.
    Matrix(Vec<(ParticipantId, Option<Subscriptions>)>),
    /// A participant's streams, oldest first.
    Streams(Vec<StreamView>),
}

/// Why a command or query was refused. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The account has no such session.
    #[error("there is no session {0}")]
    NoSuchSession(SessionId),
    /// The account has no such participant.
    #[error("there is no participant {0}")]
    NoSuchParticipant(ParticipantId),
    /// The participant is not a member of this session.
    #[error("participant {participant} is not in session {session}")]
    NotInSession {
        /// Who.
        participant: ParticipantId,
        /// Which session was asked for.
        session: SessionId,
    },
    /// The participant is in another session already.
    #[error("participant {participant} is already in session {session}")]
    InAnotherSession {
        /// Who.
        participant: ParticipantId,
        /// The session it is in.
        session: SessionId,
    },
    /// The session has no room.
    #[error("session {session} already has {max} participants, the most allowed")]
    SessionFull {
        /// Which.
        session: SessionId,
        /// How many it may have.
        max: usize,
    },
    /// An explicit list names a participant that the account does not have.
    #[error("participants names {0}, which is not a participant of this account")]
    UnknownListedParticipant(ParticipantId),
    /// The matrix names somebody who is no member.
    #[error("{participant} is not a member of session {session}")]
    RowOfNoMember {
        /// Who.
        participant: ParticipantId,
        /// Which session.
        session: SessionId,
    },
    /// The account has as many sessions as it may have.
    #[error("the account already has {max} sessions, the most allowed")]
    TooManySessions {
        /// How many it may have.
        max: usize,
    },
    /// The account has as many participants as it may have.
    #[error("the account already has {max} participants, the most allowed")]
    TooManyParticipants {
        /// How many it may have.
        max: usize,
    },
    /// The idempotency key stands for another request.
    #[error("the idempotency key {0:?} was used for another request")]
    IdempotencyKeyReused(IdempotencyKey),
    /// The account has used as many idempotency keys as it may within their time.
    #[error("the account has already used {max} idempotency keys within 24 hours, the most allowed")]
    TooManyIdempotencyKeys {
        /// How many it may have.
        max: usize,
    },
    /// There is no room to make the change durable. It was taken back.
    #[error("the server has no room to store changes")]
    StorageFull,
    /// The change could not be made durable, or the server is stopping. It was taken back.
    #[error("the server can't take changes now, try again")]
    Unavailable,
}
