//! The data directory: its lock, its mark, and the one database file.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;

use super::OpenError;
use super::disk::Disk;

const DATABASE: &str = "crosspoint.redb";
const SUCCESSOR: &str = "crosspoint.redb.new";
const LOCK: &str = "crosspoint.lock";
/// What the lock file says once a database was made beside it.
const MARK: &[u8] = b"The database of this directory is crosspoint.redb.\n";

/// A data directory that no other process may use.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Held as long as the value lives; the system lets go of it when the process ends, however it ends.
    lock: File,
}

/// What a directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// No database, and there never was one.
    Nothing,
    /// A database.
    Database,
    /// A mark that there was a database.
    MarkAlone,
}

impl Directory {
    /// Makes the directory if need be, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Unusable { path: path.into(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(path.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { directory: path.into() }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    pub(super) fn holding(&mut self) -> io::Result<Holding> {
        if self.database().try_exists()? {
            return Ok(Holding::Database);
        }
        Ok(if self.is_marked()? { Holding::MarkAlone } else { Holding::Nothing })
    }

    /// Notes that there is a database, so that its absence is noticed.
    pub(super) fn mark(&mut self) -> io::Result<()> {
        if self.is_marked()? {
            return Ok(());
        }
        self.lock.rewind()?;
        self.lock.write_all(MARK)?;
        self.lock.sync_all()
    }

    fn is_marked(&mut self) -> io::Result<bool> {
        let mut mark = Vec::new();
        self.lock.rewind()?;
        self.lock.read_to_end(&mut mark)?;
        Ok(mark.starts_with(MARK))
    }

    pub(super) fn lock_file(&self) -> PathBuf {
        self.path.join(LOCK)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    fn successor(&self) -> PathBuf {
        self.path.join(SUCCESSOR)
    }
}

impl Disk for Directory {
    type File = FileBackend;

    fn open(&self) -> io::Result<FileBackend> {
        backend(OpenOptions::new().read(true).write(true).open(self.database())?)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(fs::metadata(self.database())?.len())
    }

    fn create(&self) -> io::Result<FileBackend> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        backend(options.open(self.successor())?)
    }

    fn promote(&self) -> io::Result<()> {
        File::open(self.successor())?.sync_all()?;
        fs::rename(self.successor(), self.database())?;
        File::open(&self.path)?.sync_all()
    }
}

fn backend(file: File) -> io::Result<FileBackend> {
    FileBackend::new(file).map_err(io::Error::other)
}
