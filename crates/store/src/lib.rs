//! Where intent is kept: the [`Store`] trait and its in-memory twin.
//!
//! A store knows records, not rules: what may be written is decided in `crosspoint-model` before it gets here. Every
//! change touches one record; a batch of them is durable as a whole or not at all.

mod memory;

pub use memory::MemoryStore;

use crosspoint_model::{Change, ParticipantRecord, SessionRecord};

/// Keeps records.
pub trait Store: Send + 'static {
    /// All records, for a start. Sessions and participants each in the order of their `sequence`.
    fn load(&mut self) -> Result<Records, StoreError>;

    /// Makes these changes durable, in order and all together; blocks until they are.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;
}

/// Everything that a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Records {
    /// All sessions.
    pub sessions: Vec<SessionRecord>,
    /// All participants.
    pub participants: Vec<ParticipantRecord>,
}

/// A store that can't do its work.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {reason}")]
pub struct StoreError {
    /// What the store says.
    pub reason: String,
}
