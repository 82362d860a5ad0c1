//! The database: its tables, what one commit is, and how all of it is read.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crosspoint_ids::{ParticipantId, SessionId};
use crosspoint_model::Change;
use redb::{
    Builder, Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend, Table,
    TableDefinition, Value, WriteTransaction,
};
use uuid::Bytes;

use super::ServerSecret;
use super::disk::Watched;
use super::failure::{Failure, contained};
use super::stored;
use crate::{Records, Write};

/// What this program writes. It grows with every change of tables or records that an older program would not
/// understand; what older programs wrote is read forever.
pub(super) const FORMAT_VERSION: u64 = 1;
/// Everything is in the server's memory already; the cache serves a commit's own pages.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const SESSIONS: TableDefinition<&Bytes, &[u8]> = TableDefinition::new("sessions");
const PARTICIPANTS: TableDefinition<&Bytes, &[u8]> = TableDefinition::new("participants");
const IDEMPOTENCY: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("idempotency");
const DEVICES: TableDefinition<&Bytes, &[u8]> = TableDefinition::new("devices");
const DELIVERIES: TableDefinition<u64, &[u8]> = TableDefinition::new("deliveries");

const VERSION: &str = "format_version";
const SECRET: &str = "secret";
const COMMITS: &str = "commits";

/// An open database.
pub(super) struct Tables {
    database: Database,
    sync_failed: Arc<AtomicBool>,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").field("sync_failed", &self.sync_failed).finish_non_exhaustive()
    }
}

/// What a database says of itself.
#[derive(Debug)]
pub(super) struct Meta {
    /// How often it was committed to.
    pub(super) commits: u64,
    /// The server's secret.
    pub(super) secret: ServerSecret,
}

impl Tables {
    /// Makes a database in an empty file.
    pub(super) fn create(file: impl StorageBackend, secret: &ServerSecret) -> Result<(), Failure> {
        contained(|| {
            let tables = Self::over(file, Check::Quick)?;
            let transaction = tables.database.begin_write().map_err(Failure::database)?;
            {
                let mut open = OpenTables::new(&transaction)?;
                put(&mut open.meta, VERSION, &FORMAT_VERSION.to_be_bytes())?;
                put(&mut open.meta, COMMITS, &0_u64.to_be_bytes())?;
                put(&mut open.meta, SECRET, secret.as_bytes())?;
            }
            transaction.commit().map_err(Failure::database)?;
            tables.database.close().map_err(Failure::database)
        })
    }

    /// Opens a database and repairs what a crash left, which checks every page too.
    pub(super) fn open(file: impl StorageBackend, check: Check) -> Result<(Self, Meta), Failure> {
        contained(|| {
            // The database would take an empty file for a new one.
            if file.len().map_err(|error| Failure::io(&error))? == 0 {
                return Err(Failure::Damaged("it is empty".into()));
            }
            let tables = Self::over(file, check)?;
            let meta = tables.meta()?;
            Ok((tables, meta))
        })
    }

    fn over(file: impl StorageBackend, check: Check) -> Result<Self, Failure> {
        let sync_failed = Arc::new(AtomicBool::new(false));
        let database = Builder::new()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(check == Check::Thorough)
            .create_with_backend(Watched::new(file, sync_failed.clone()))
            .map_err(Failure::database)?;
        Ok(Self { database, sync_failed })
    }

    fn meta(&self) -> Result<Meta, Failure> {
        let transaction = self.database.begin_read().map_err(Failure::database)?;
        let version = u64::from_be_bytes(meta_value(&transaction, VERSION)?);
        if version > FORMAT_VERSION {
            return Err(Failure::Newer(version));
        }
        let commits = u64::from_be_bytes(meta_value(&transaction, COMMITS)?);
        Ok(Meta { commits, secret: ServerSecret::new(meta_value(&transaction, SECRET)?) })
    }

    /// Whether a sync failed: what was written since the last good one may be lost, whatever reading it says.
    pub(super) fn sync_failed(&self) -> bool {
        self.sync_failed.load(Ordering::Relaxed)
    }

    /// Reads all records.
    pub(super) fn load(&self) -> Result<Records, Failure> {
        contained(|| {
            let transaction = self.database.begin_read().map_err(Failure::database)?;
            let mut records = Records {
                sessions: read_all(&transaction, SESSIONS, stored::session)?,
                participants: read_all(&transaction, PARTICIPANTS, stored::participant)?,
                idempotency: read_all(&transaction, IDEMPOTENCY, stored::idempotency)?,
                devices: read_all(&transaction, DEVICES, stored::device)?,
                deliveries: read_all(&transaction, DELIVERIES, stored::delivery)?,
            };
            records.sessions.sort_by_key(|record| record.sequence);
            records.participants.sort_by_key(|record| record.sequence);
            Ok(records)
        })
    }

    /// Makes the writes durable, as the commit with this number.
    pub(super) fn commit(&self, number: u64, writes: &[Write]) -> Result<(), Failure> {
        contained(|| {
            let transaction = self.database.begin_write().map_err(Failure::database)?;
            {
                let mut open = OpenTables::new(&transaction)?;
                put(&mut open.meta, COMMITS, &number.to_be_bytes())?;
                for write in writes {
                    open.write(write)?;
                }
            }
            transaction.commit().map_err(Failure::database)
        })
    }

    /// Bytes of records, without what the tables need around them.
    pub(super) fn record_bytes(&self) -> Result<u64, Failure> {
        contained(|| {
            let transaction = self.database.begin_write().map_err(Failure::database)?;
            let stats = transaction.stats().map_err(Failure::database)?;
            transaction.abort().map_err(Failure::database)?;
            Ok(stats.stored_bytes())
        })
    }

    /// Copies everything into an empty file.
    pub(super) fn copy_into(&self, file: impl StorageBackend) -> Result<(), Failure> {
        contained(|| {
            let copy = Self::over(file, Check::Quick)?;
            let from = self.database.begin_read().map_err(Failure::database)?;
            let to = copy.database.begin_write().map_err(Failure::database)?;
            copy_table(&from, &to, META)?;
            copy_table(&from, &to, SESSIONS)?;
            copy_table(&from, &to, PARTICIPANTS)?;
            copy_table(&from, &to, IDEMPOTENCY)?;
            copy_table(&from, &to, DEVICES)?;
            copy_table(&from, &to, DELIVERIES)?;
            to.commit().map_err(Failure::database)?;
            copy.database.close().map_err(Failure::database)
        })
    }

    /// Closes the database, so that the next open finds it in order.
    pub(super) fn close(self) {
        // What a close fails to write, the next open repairs.
        let _ = contained(|| self.database.close().map_err(Failure::database));
    }
}

/// How well a file is looked at when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// What was closed in order is trusted.
    Quick,
    /// Every page is checked.
    Thorough,
}

struct OpenTables<'t> {
    meta: Table<'t, &'static str, &'static [u8]>,
    sessions: Table<'t, &'static Bytes, &'static [u8]>,
    participants: Table<'t, &'static Bytes, &'static [u8]>,
    idempotency: Table<'t, (&'static str, &'static str), &'static [u8]>,
    devices: Table<'t, &'static Bytes, &'static [u8]>,
    deliveries: Table<'t, u64, &'static [u8]>,
}

impl<'t> OpenTables<'t> {
    fn new(transaction: &'t WriteTransaction) -> Result<Self, Failure> {
        Ok(Self {
            meta: transaction.open_table(META).map_err(Failure::database)?,
            sessions: transaction.open_table(SESSIONS).map_err(Failure::database)?,
            participants: transaction.open_table(PARTICIPANTS).map_err(Failure::database)?,
            idempotency: transaction.open_table(IDEMPOTENCY).map_err(Failure::database)?,
            devices: transaction.open_table(DEVICES).map_err(Failure::database)?,
            deliveries: transaction.open_table(DELIVERIES).map_err(Failure::database)?,
        })
    }

    fn write(&mut self, write: &Write) -> Result<(), Failure> {
        match write {
            Write::Model(change) => self.change(change),
            Write::PutDevice(record) => {
                put(&mut self.devices, participant_key(&record.participant), &stored::device_bytes(record))
            }
            Write::DeleteDevice(participant) => delete(&mut self.devices, participant_key(participant)),
            Write::PutDelivery(record) => {
                put(&mut self.deliveries, record.id, &stored::delivery_bytes(record))
            }
            Write::DeleteDelivery(id) => delete(&mut self.deliveries, *id),
        }
    }

    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        match change {
            Change::PutSession(record) => {
                put(&mut self.sessions, session_key(&record.id), &stored::session_bytes(record))
            }
            Change::DeleteSession(id) => delete(&mut self.sessions, session_key(id)),
            Change::PutParticipant(record) => {
                put(&mut self.participants, participant_key(&record.id), &stored::participant_bytes(record))
            }
            Change::DeleteParticipant(id) => delete(&mut self.participants, participant_key(id)),
            Change::PutIdempotency(record) => {
                let key = (record.account.as_str(), record.key.as_str());
                put(&mut self.idempotency, key, &stored::idempotency_bytes(record))
            }
            Change::DeleteIdempotency(account, key) => {
                delete(&mut self.idempotency, (account.as_str(), key.as_str()))
            }
        }
    }
}

fn session_key(id: &SessionId) -> &Bytes {
    id.as_uuid().as_bytes()
}

fn participant_key(id: &ParticipantId) -> &Bytes {
    id.as_uuid().as_bytes()
}

fn put<'k, K: Key>(
    table: &mut Table<'_, K, &'static [u8]>,
    key: K::SelfType<'k>,
    value: &[u8],
) -> Result<(), Failure> {
    table.insert(key, value).map(drop).map_err(Failure::database)
}

fn delete<'k, K: Key>(table: &mut Table<'_, K, &'static [u8]>, key: K::SelfType<'k>) -> Result<(), Failure> {
    table.remove(key).map(drop).map_err(Failure::database)
}

fn meta_value<const N: usize>(transaction: &ReadTransaction, name: &str) -> Result<[u8; N], Failure> {
    let table = transaction.open_table(META).map_err(Failure::database)?;
    let value = table.get(name).map_err(Failure::database)?;
    let bytes = value.and_then(|value| value.value().try_into().ok());
    bytes.ok_or_else(|| Failure::Damaged(format!("it lacks its {name}")))
}

fn read_all<K: Key, T>(
    transaction: &ReadTransaction,
    definition: TableDefinition<'_, K, &'static [u8]>,
    decode: fn(&[u8]) -> Result<T, stored::Undecodable>,
) -> Result<Vec<T>, Failure> {
    let table = transaction.open_table(definition).map_err(Failure::database)?;
    let mut records = Vec::new();
    for entry in table.iter().map_err(Failure::database)? {
        let (_, value) = entry.map_err(Failure::database)?;
        let record = decode(value.value())
            .map_err(|error| Failure::Damaged(format!("a record of the table {definition}: {error}")))?;
        records.push(record);
    }
    Ok(records)
}

fn copy_table<K: Key, V: Value>(
    from: &ReadTransaction,
    to: &WriteTransaction,
    definition: TableDefinition<'_, K, V>,
) -> Result<(), Failure> {
    let source = from.open_table(definition).map_err(Failure::database)?;
    let mut target = to.open_table(definition).map_err(Failure::database)?;
    for entry in source.iter().map_err(Failure::database)? {
        let (key, value) = entry.map_err(Failure::database)?;
        target.insert(key.value(), value.value()).map_err(Failure::database)?;
    }
    Ok(())
}
