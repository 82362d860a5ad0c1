//! Where the server keeps what it must not forget: the [`Store`] trait, the [`EmbeddedStore`] that lives in a directory
//! and its in-memory twin.
//!
//! A store knows records, not rules: what may be written is decided in `crosspoint-model` and the server before it gets
//! here. Every write touches one record; a batch of them is durable as a whole or not at all.

#[cfg(test)]
mod contract_tests;
mod embedded;
mod memory;
mod record;
#[cfg(test)]
mod samples;

pub use embedded::{EmbeddedStore, OpenError, ServerSecret};
pub use memory::MemoryStore;
pub use record::{DeliveryRecord, DeviceRecord, LineKind, Presence, Records, Write};

/// Keeps records.
pub trait Store: Send + 'static {
    /// All records, for a start.
    fn load(&mut self) -> Result<Records, StoreError>;

    /// Makes these writes durable, in order and all together; blocks until they are. After [`StoreError::Full`] none
    /// of them was made, after [`StoreError::Failed`] all or none: the store can't tell. It stays usable and may work
    /// again later; a caller that must know writes those records anew.
    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError>;
}

/// A store that can't do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no room for these writes. None of them was made.
    #[error("the store has no room: {reason}")]
    Full {
        /// What the store says.
        reason: String,
    },
    /// Anything else. All of these writes were made, or none of them.
    #[error("the store failed: {reason}")]
    Failed {
        /// What the store says.
        reason: String,
    },
}
