//! Keeps a database usable: opens it again after an error, and settles what became of the commit that met it.

use super::ServerSecret;
use super::disk::Disk;
use super::failure::Failure;
use super::tables::{Check, Meta, Tables};
use crate::{Records, StoreError, Write};

/// Below this a file is not worth rewriting.
const REWRITE_BYTES_MIN: u64 = 4 * 1024 * 1024;
/// A file is mostly air when its records fill less than one part in this many.
const AIR_FACTOR: u64 = 4;

/// A database and the disk it lies on.
#[derive(Debug)]
pub(super) struct Keeper<D: Disk> {
    disk: D,
    /// None after an error, until opening it again works.
    tables: Option<Tables>,
    /// The number of the last commit that is known to be there.
    commits: u64,
    /// A sync failed, so the file must not be relied on before it is rewritten.
    distrusted: bool,
    secret: ServerSecret,
}

impl<D: Disk> Keeper<D> {
    /// Makes a database where there is none.
    pub(super) fn create(disk: &D, secret: &ServerSecret) -> Result<(), Failure> {
        Tables::create(disk.create().map_err(io)?, secret)?;
        disk.promote().map_err(io)
    }

    /// Opens the database; rewrites it when it is mostly air.
    pub(super) fn open(disk: D) -> Result<Self, Failure> {
        let (tables, Meta { commits, secret }) = open(&disk, Check::Thorough)?;
        let mut keeper = Self { disk, tables: Some(tables), commits, distrusted: false, secret };
        if keeper.is_mostly_air()? {
            keeper.drop_air()?;
        }
        Ok(keeper)
    }

    pub(super) fn secret(&self) -> &ServerSecret {
        &self.secret
    }

    pub(super) fn load(&mut self) -> Result<Records, Failure> {
        self.ready()?.load()
    }

    /// See [`crate::Store::commit`].
    pub(super) fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        let number = self.commits + 1;
        match self.ready()?.commit(number, writes) {
            Ok(()) => {
                self.commits = number;
                Ok(())
            }
            Err(failure) => self.settle(number, failure),
        }
    }

    /// Finds out whether the commit with this number is there in spite of its error.
    fn settle(&mut self, number: u64, failure: Failure) -> Result<(), StoreError> {
        self.give_up();
        match self.reopen() {
            Ok(()) if self.commits == number => Ok(()),
            Ok(()) => Err(failure.into()),
            // Not `Full`, whatever the reason: that would mean that the writes are not there, and nobody knows.
            Err(again) => Err(StoreError::Failed {
                reason: format!("{failure}; then it could not be opened again: {again}"),
            }),
        }
    }

    fn ready(&mut self) -> Result<&Tables, Failure> {
        if self.tables.is_none() {
            self.reopen()?;
        }
        self.tables.as_ref().ok_or_else(|| Failure::Other("the database is closed".into()))
    }

    fn reopen(&mut self) -> Result<(), Failure> {
        let (mut tables, mut meta) = open(&self.disk, Check::Quick)?;
        if self.distrusted || tables.sync_failed() {
            self.distrusted = true;
            (tables, meta) = rewrite(&self.disk, tables)?;
            self.distrusted = tables.sync_failed();
        }
        self.commits = meta.commits;
        self.tables = Some(tables);
        Ok(())
    }

    fn give_up(&mut self) {
        if let Some(tables) = self.tables.take() {
            self.distrusted |= tables.sync_failed();
            tables.close();
        }
    }

    fn is_mostly_air(&mut self) -> Result<bool, Failure> {
        let len = self.disk.len().map_err(io)?;
        Ok(len > REWRITE_BYTES_MIN && self.ready()?.record_bytes()? < len / AIR_FACTOR)
    }

    fn drop_air(&mut self) -> Result<(), Failure> {
        let Some(tables) = self.tables.take() else { return Ok(()) };
        match rewrite(&self.disk, tables) {
            Ok((tables, _)) => self.tables = Some(tables),
            // A file with air in it is as good; there may be no room for two.
            Err(_) => self.reopen()?,
        }
        Ok(())
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let reason = failure.to_string();
        match failure {
            Failure::NoRoom(_) => Self::Full { reason },
            Failure::Damaged(_) | Failure::Newer(_) | Failure::InUse | Failure::Other(_) => {
                Self::Failed { reason }
            }
        }
    }
}

fn open<D: Disk>(disk: &D, check: Check) -> Result<(Tables, Meta), Failure> {
    Tables::open(disk.open().map_err(io)?, check)
}

/// Copies everything into a new file that takes the old one's place.
fn rewrite<D: Disk>(disk: &D, tables: Tables) -> Result<(Tables, Meta), Failure> {
    let copied = disk.create().map_err(io).and_then(|file| tables.copy_into(file));
    tables.close();
    copied?;
    disk.promote().map_err(io)?;
    open(disk, Check::Quick)
}

fn io(error: std::io::Error) -> Failure {
    Failure::io(&error)
}
