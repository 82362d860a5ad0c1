//! Why something did not work, before it is told which file and what to do.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What can go wrong with a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The disk, the quota or the file size limit is used up.
    #[error("{0}")]
    NoRoom(String),
    /// What the file holds can't be right.
    #[error("{0}")]
    Damaged(String),
    /// A program of a later time wrote it.
    #[error("its format has version {0}")]
    Newer(u64),
    /// Another process has it.
    #[error("another process uses it")]
    InUse,
    /// Anything else: permissions, input or output.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    pub(super) fn io(error: &io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, InvalidData, QuotaExceeded, StorageFull, UnexpectedEof};
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::NoRoom(error.to_string()),
            InvalidData | UnexpectedEof => Self::Damaged(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }

    pub(super) fn database(error: impl Into<redb::Error>) -> Self {
        use redb::Error;
        match error.into() {
            Error::Io(error) => Self::io(&error),
            Error::DatabaseAlreadyOpen => Self::InUse,
            error @ (Error::Corrupted(_)
            | Error::TableTypeMismatch { .. }
            | Error::TableIsMultimap(_)
            | Error::TypeDefinitionChanged { .. }
            | Error::TableDoesNotExist(_)
            | Error::UpgradeRequired(_)) => Self::Damaged(error.to_string()),
            error => Self::Other(error.to_string()),
        }
    }
}

/// Runs what touches the database. The database may panic on bytes that it did not write.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // Whoever gets an error drops the database, so nobody sees what the panic left half done.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Failure::Damaged(message(&*panic))))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    text.unwrap_or("the database panicked").to_owned()
}
