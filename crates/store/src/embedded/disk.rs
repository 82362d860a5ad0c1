//! Where the database's file lies: a directory, or a simulated disk in tests.

use std::fmt;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{BackendError, StorageBackend};

/// A place for one database file and, for a moment, its successor.
pub(super) trait Disk: fmt::Debug + Send + 'static {
    /// An open file.
    type File: StorageBackend;

    /// Opens the file.
    fn open(&self) -> io::Result<Self::File>;

    /// The file's length, in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Opens an empty successor; what was left of an earlier one is gone.
    fn create(&self) -> io::Result<Self::File>;

    /// Puts the successor in the file's place: durably, and at no moment is neither there.
    fn promote(&self) -> io::Result<()>;
}

/// A file that remembers whether a sync of it ever failed. After that nobody knows which of its bytes are on the disk:
/// the system may forget what it could not write, and still show it to those who read.
#[derive(Debug)]
pub(super) struct Watched<F> {
    file: F,
    sync_failed: Arc<AtomicBool>,
}

impl<F: StorageBackend> Watched<F> {
    pub(super) fn new(file: F, sync_failed: Arc<AtomicBool>) -> Self {
        Self { file, sync_failed }
    }
}

impl<F: StorageBackend> StorageBackend for Watched<F> {
    fn sync_data(&self) -> io::Result<()> {
        let result = self.file.sync_data();
        if result.is_err() {
            self.sync_failed.store(true, Ordering::Relaxed);
        }
        result
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
