//! The store that outlives the process: one database file in the data directory.
//!
//! Invariants:
//! - a commit that was acknowledged is there after any crash, one that was not is there wholly or not at all;
//! - a file that is damaged is refused, never emptied;
//! - the directory belongs to one process, also while the file is opened again after an error.

mod directory;
mod disk;
mod failure;
mod keeper;
mod stored;
mod tables;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod simulated;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use directory::{Directory, Holding};
use failure::Failure;
use keeper::Keeper;

use crate::{Records, Store, StoreError, Write};

/// Records in a directory.
///
/// After an error it opens its file again, at once and then on each commit, until that works.
#[derive(Debug)]
pub struct EmbeddedStore {
    keeper: Keeper<Directory>,
    /// The database file, for sentences.
    file: PathBuf,
}

/// A directory that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the directory's lock.
    #[error("the data directory {} is in use by another process", directory.display())]
    InUse {
        /// The data directory.
        directory: PathBuf,
    },
    /// There was a database, and it is gone.
    #[error(
        "{} is missing, though there was one: put it back or restore a backup of it, or remove {} to start with \
         nothing",
        file.display(), mark.display()
    )]
    Missing {
        /// Where the database was.
        file: PathBuf,
        /// The file that says so.
        mark: PathBuf,
    },
    /// The file is not what was written.
    #[error(
        "{} is damaged ({reason}): restore a backup of it, or move the directory {} away to start with nothing",
        file.display(), directory.display()
    )]
    Damaged {
        /// The database.
        file: PathBuf,
        /// The data directory.
        directory: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A later release wrote the file.
    #[error(
        "{} was written by a later release (format {found}; this one knows formats up to {known}): run that release, or \
         restore a backup from before it",
        file.display()
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// The file's format.
        found: u64,
        /// The newest format that is known.
        known: u64,
    },
    /// The system refuses.
    #[error("{} can't be used: {reason}", file.display())]
    Refused {
        /// The database.
        file: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The system refuses the directory.
    #[error("the data directory {} can't be used: {source}", path.display())]
    Unusable {
        /// The data directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The secret that a server made at its first start. Tokens and callbacks are signed with keys that come from it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerSecret([u8; 32]);

impl ServerSecret {
    /// Wraps 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSecret(…)")
    }
}

impl EmbeddedStore {
    /// Opens the store of a directory, which is locked as long as the store lives. An absent or empty directory
    /// becomes a new store, and `fresh_secret` its secret; an existing store has one already.
    ///
    /// Checks every page of the file, so it takes time with its size.
    pub fn open(dir: &Path, fresh_secret: [u8; 32]) -> Result<Self, OpenError> {
        let mut directory = Directory::lock(dir)?;
        let unusable = |source| OpenError::Unusable { path: dir.into(), source };
        let file = directory.database();
        match directory.holding().map_err(unusable)? {
            Holding::Database => {}
            Holding::Nothing => Keeper::create(&directory, &ServerSecret::new(fresh_secret))
                .map_err(|failure| OpenError::new(failure, &file, dir))?,
            Holding::MarkAlone => return Err(OpenError::Missing { file, mark: directory.lock_file() }),
        }
        directory.mark().map_err(unusable)?;
        let keeper = Keeper::open(directory).map_err(|failure| OpenError::new(failure, &file, dir))?;
        Ok(Self { keeper, file })
    }

    /// The server's secret: the same ever since the store was made.
    pub fn secret(&self) -> &ServerSecret {
        self.keeper.secret()
    }
}

impl Store for EmbeddedStore {
    fn load(&mut self) -> Result<Records, StoreError> {
        self.keeper.load().map_err(|failure| StoreError::Failed {
            reason: format!("{} can't be read ({failure}): restore a backup of it", self.file.display()),
        })
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.keeper.commit(writes)
    }
}

impl OpenError {
    fn new(failure: Failure, file: &Path, directory: &Path) -> Self {
        let file = file.to_owned();
        match failure {
            Failure::Damaged(reason) => Self::Damaged { file, directory: directory.into(), reason },
            Failure::Newer(found) => Self::Newer { file, found, known: tables::FORMAT_VERSION },
            Failure::InUse => Self::InUse { directory: directory.into() },
            Failure::NoRoom(reason) | Failure::Other(reason) => Self::Refused { file, reason },
        }
    }
}
