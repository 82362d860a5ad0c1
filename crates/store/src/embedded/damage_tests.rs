//! Files that are not what was written.

use super::ServerSecret;
use super::failure::Failure;
use super::keeper::Keeper;
use super::simulated::SimulatedDisk;
use crate::samples::{some_batches, sorted};
use crate::{MemoryStore, Records, Store};

const PAGE: usize = 4_096;

/// A database with some records, closed in order; and the records.
fn written() -> (Vec<u8>, Records) {
    let disk = SimulatedDisk::default();
    Keeper::create(&disk, &ServerSecret::new([7; 32])).unwrap();
    let mut keeper = Keeper::open(disk.clone()).unwrap();
    let mut memory = MemoryStore::default();
    for batch in some_batches(30) {
        keeper.commit(&batch).unwrap();
        memory.commit(&batch).unwrap();
    }
    drop(keeper);
    (disk.bytes(), sorted(memory.load().unwrap()))
}

fn read(bytes: Vec<u8>) -> Result<Records, Failure> {
    Keeper::open(SimulatedDisk::with_bytes(bytes))?.load().map(sorted)
}

/// What becomes of a damaged file.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Refused,
    /// The damage met bytes that nothing depends on.
    Unharmed,
}

/// Asserts that a damaged file is refused as such or has all its records.
fn check(bytes: Vec<u8>, records: &Records, what: &str) -> Outcome {
    match read(bytes) {
        Ok(found) => {
            assert_eq!(&found, records, "{what}");
            Outcome::Unharmed
        }
        Err(Failure::Damaged(reason)) => {
            assert!(!reason.is_empty(), "{what}");
            Outcome::Refused
        }
        Err(failure) => panic!("{what}: {failure:?}"),
    }
}

#[test]
fn an_undamaged_file_is_read() {
    let (bytes, records) = written();
    assert_eq!(read(bytes).unwrap(), records);
}

#[test]
fn a_truncated_file_is_refused_or_whole() {
    let (bytes, records) = written();
    let lengths = (0..64).chain((64..bytes.len()).step_by(509)).chain((PAGE..bytes.len()).step_by(PAGE));
    for len in lengths {
        let outcome = check(bytes[..len].to_vec(), &records, &format!("{len} of {} bytes", bytes.len()));
        assert!(len > bytes.len() / 4 || outcome == Outcome::Refused, "{len} bytes can't be enough");
    }
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let (bytes, records) = written();
    let mut refused = 0;
    let places = (0..512).chain((512..bytes.len()).step_by(97));
    for place in places {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        let outcome = check(damaged, &records, &format!("a bit of byte {place}"));
        refused += usize::from(outcome == Outcome::Refused);
    }
    assert!(refused > 100, "only {refused} flipped bits were noticed");
}

#[test]
fn a_zeroed_or_overwritten_page_is_noticed_or_harmless() {
    let (bytes, records) = written();
    for fill in [0x00, 0xff, 0x5a] {
        for start in (0..bytes.len()).step_by(PAGE) {
            let mut damaged = bytes.clone();
            let end = damaged.len().min(start + PAGE);
            damaged[start..end].fill(fill);
            check(damaged, &records, &format!("the page at {start} filled with {fill}"));
        }
    }
}

#[test]
fn what_never_was_a_database_is_refused() {
    let (bytes, _) = written();
    let garbage: Vec<u8> = (0..100_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let mut headed = bytes[..512].to_vec();
    headed.extend(&garbage);
    for (what, bytes) in [
        ("nothing", vec![]),
        ("zeros", vec![0; 100_000]),
        ("garbage", garbage),
        ("a header and garbage", headed),
    ] {
        assert!(matches!(read(bytes), Err(Failure::Damaged(_))), "{what}");
    }
}
