//! Intent, observation and routes: the pure core of Crosspoint.
//!
//! *Intent* is what applications asked for: sessions, participants, subscriptions ([`record`]). *Observation* is what
//! is there now: devices and their streams, as reports tell. *Routes* are derived from both and never stored: the
//! set of [`Crosspoint`]s. Every mutation yields the difference of that set as one [`Effect::Route`].
//!
//! A command is kept once its changes are durable, or taken back when they can't be made so ([`Model::take_back`]).
//!
//! Nothing in here does input or output, reads a clock or makes ids: time and ids come in as arguments.
//!
//! Invariants, checked against a naive oracle in `tests/`:
//! - nobody receives a stream that the oracle does not grant, nobody misses one that it grants;
//! - nothing crosses accounts or sessions;
//! - an explicit list never widens.

mod account;
mod apply;
mod command;
mod effect;
mod event;
mod expiry;
mod grants;
mod idempotency;
mod intent;
mod media_types;
mod members;
mod model;
mod observation;
mod query;
mod record;
mod report;
mod routes;
mod steps;
mod subscriptions;
mod table;
mod text;
mod undo;

pub use command::{Command, MatrixRow, Page, PageRequest, Query, Refusal, Reply, StreamView};
pub use effect::{CloseReason, Crosspoint, Effect, RouteChange};
pub use event::{DeviceSubject, EndCause, Event, Happening};
pub use idempotency::Idempotency;
pub use media_types::MediaTypes;
pub use model::{Limits, Model};
pub use record::{
    Change, Fingerprint, IdempotencyRecord, Membership, Outcome, Participant, ParticipantRecord, Session,
    SessionRecord,
};
pub use report::{Departure, PublishedStream, Report};
pub use subscriptions::{
    LIST_ENTRIES_MAX, ListedParticipant, STREAM_ALIASES_MAX, Scope, ScopeError, StreamSelection,
    Subscriptions,
};
pub use text::{
    ALIAS_CHARS_MAX, Alias, CALLBACK_URL_CHARS_MAX, CallbackUrl, IDEMPOTENCY_KEY_CHARS_MAX, IdempotencyKey,
    TAG_CHARS_MAX, Tag, TextError,
};
