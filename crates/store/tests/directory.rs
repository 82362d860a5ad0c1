//! The data directory as an operator meets it.

#![expect(clippy::unwrap_used, reason = "helpers of a test may fail it")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crosspoint_ids::{SessionId, Timestamp};
use crosspoint_model::{Change, SessionRecord};
use crosspoint_store::{DeliveryRecord, EmbeddedStore, OpenError, Store, Write};
use redb::{Database, TableDefinition};
use tempfile::TempDir;
use uuid::Uuid;

const DATABASE: &str = "crosspoint.redb";
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const SESSIONS: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("sessions");

fn session() -> SessionRecord {
    SessionRecord {
        account: "9900000".parse().unwrap(),
        id: SessionId::new(Uuid::from_u128(1)),
        tag: None,
        sequence: 1,
        created_at: Timestamp::from_millis(1),
        expires_at: Timestamp::from_millis(2),
    }
}

/// A directory whose store has one session.
fn used() -> TempDir {
    let directory = TempDir::new().unwrap();
    let mut store = EmbeddedStore::open(directory.path(), [1; 32]).unwrap();
    store.commit(&[Write::Model(Change::PutSession(session()))]).unwrap();
    directory
}

fn open(directory: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(directory, [9; 32])
}

/// Why the directory is refused, as the operator reads it.
fn refusal(directory: &Path) -> String {
    open(directory).err().unwrap().to_string()
}

/// Changes the database behind the store's back.
fn tamper(
    directory: &Path,
    table: TableDefinition<'_, &'static str, &'static [u8]>,
    key: &str,
    value: &[u8],
) {
    let database = Database::open(directory.join(DATABASE)).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(table).unwrap().insert(key, value).unwrap();
    transaction.commit().unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn records_and_the_secret_outlive_the_store() {
    let directory = used();
    let mut store = open(directory.path()).unwrap();
    assert_eq!(store.secret().as_bytes(), &[1; 32]);
    assert_eq!(store.load().unwrap().sessions, [session()]);
}

#[test]
fn the_secret_is_not_shown() {
    let directory = used();
    let shown = format!("{:?}", open(directory.path()).unwrap());
    assert!(shown.contains("ServerSecret(…)") && !shown.contains("1, 1"), "{shown}");
}

#[test]
fn nobody_else_may_read() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("some/where");
    let _store = open(&directory).unwrap();
    assert_eq!(mode(&directory), 0o700);
    for file in fs::read_dir(&directory).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_directory_in_use_is_refused() {
    let directory = used();
    let store = open(directory.path()).unwrap();
    let refused = refusal(directory.path());
    assert_eq!(
        refused,
        format!("the data directory {} is in use by another process", directory.path().display())
    );
    drop(store);
    open(directory.path()).unwrap();
}

#[test]
fn a_missing_database_is_not_replaced() {
    let directory = used();
    fs::remove_file(directory.path().join(DATABASE)).unwrap();
    let refused = refusal(directory.path());
    assert!(refused.contains(DATABASE) && refused.contains("restore a backup"), "{refused}");
    // Whoever means it says so.
    fs::remove_file(directory.path().join("crosspoint.lock")).unwrap();
    assert_eq!(open(directory.path()).unwrap().secret().as_bytes(), &[9; 32]);
}

#[test]
fn a_damaged_database_is_named_and_kept() {
    let directory = used();
    let file = directory.path().join(DATABASE);
    let whole = fs::read(&file).unwrap();
    for damaged in [Vec::new(), whole[..5_000].to_vec(), vec![0; whole.len()]] {
        fs::write(&file, &damaged).unwrap();
        let refused = refusal(directory.path());
        assert!(
            refused.contains(file.to_str().unwrap()) && refused.contains("restore a backup"),
            "{refused}"
        );
        assert_eq!(fs::read(&file).unwrap(), damaged);
    }
    fs::write(&file, whole).unwrap();
    assert_eq!(open(directory.path()).unwrap().load().unwrap().sessions, [session()]);
}

#[test]
fn a_newer_format_is_refused() {
    let directory = used();
    tamper(directory.path(), META, "format_version", &2_u64.to_be_bytes());
    let refused = refusal(directory.path());
    assert!(refused.contains("written by a later release (format 2"), "{refused}");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let directory = TempDir::new().unwrap();
    let database = Database::create(directory.path().join(DATABASE)).unwrap();
    drop(database);
    assert!(matches!(open(directory.path()), Err(OpenError::Damaged { .. })));
}

#[test]
fn a_record_that_cannot_be_read_is_not_skipped() {
    let directory = used();
    let database = Database::open(directory.path().join(DATABASE)).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(SESSIONS).unwrap().insert(&[2; 16], &b"{\"secret\":1}"[..]).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let failed = open(directory.path()).unwrap().load().unwrap_err().to_string();
    assert!(failed.contains(DATABASE) && failed.contains("sessions"), "{failed}");
    assert!(!failed.contains("secret"), "{failed}");
}

#[test]
fn a_first_start_that_was_cut_off_is_started_again() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("crosspoint.lock"), b"").unwrap();
    fs::write(directory.path().join("crosspoint.redb.new"), b"half a database").unwrap();
    assert_eq!(open(directory.path()).unwrap().secret().as_bytes(), &[9; 32]);
}

#[test]
fn the_room_of_deleted_records_is_used_again() {
    let directory = TempDir::new().unwrap();
    let mut store = open(directory.path()).unwrap();
    let delivery = |id: u64| DeliveryRecord {
        id,
        account: "9900000".parse().unwrap(),
        participant: crosspoint_ids::ParticipantId::new(Uuid::from_u128(1)),
        url: "https://example.com".into(),
        message_id: Uuid::from_u128(id.into()),
        body: "x".repeat(10_000),
        created_at: Timestamp::from_millis(1),
    };
    let len = || fs::metadata(directory.path().join(DATABASE)).unwrap().len();
    for id in 0..100 {
        store.commit(&[Write::PutDelivery(delivery(id))]).unwrap();
    }
    let full = len();
    for id in 100..1_000 {
        store.commit(&[Write::PutDelivery(delivery(id)), Write::DeleteDelivery(id - 100)]).unwrap();
    }
    assert!(len() <= 2 * full, "{full} bytes grew to {}", len());
}

#[test]
fn a_file_that_is_mostly_air_is_rewritten_at_the_next_start() {
    let directory = used();
    let mut store = open(directory.path()).unwrap();
    let large = |id| {
        Write::PutDelivery(DeliveryRecord {
            id,
            account: "9900000".parse().unwrap(),
            participant: crosspoint_ids::ParticipantId::new(Uuid::from_u128(1)),
            url: "https://example.com".into(),
            message_id: Uuid::from_u128(1),
            body: "x".repeat(1_000_000),
            created_at: Timestamp::from_millis(1),
        })
    };
    for id in 0..12 {
        store.commit(&[large(id)]).unwrap();
    }
    // The last one keeps the file from being cut off behind it.
    store.commit(&(0..11).map(Write::DeleteDelivery).collect::<Vec<_>>()).unwrap();
    drop(store);
    let len = || fs::metadata(directory.path().join(DATABASE)).unwrap().len();
    let with_air = len();
    let mut store = open(directory.path()).unwrap();
    assert!(with_air > 8_000_000 && len() < 3_000_000, "{with_air} bytes became {}", len());
    assert_eq!(store.load().unwrap().sessions, [session()]);
    assert_eq!(store.load().unwrap().deliveries.len(), 1);
    assert_eq!(store.secret().as_bytes(), &[1; 32]);
    store.commit(&[large(1)]).unwrap();
}
