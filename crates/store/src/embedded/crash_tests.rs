//! Crashes, power cuts and errors at every operation of the disk.

use std::io::ErrorKind;

use super::ServerSecret;
use super::disk::Disk;
use super::keeper::Keeper;
use super::simulated::{Fault, Operation, SimulatedDisk};
use crate::samples::{delivery, some_batches, sorted};
use crate::{MemoryStore, Records, Store, StoreError, Write};

const SECRET: ServerSecret = ServerSecret::new([7; 32]);

fn new_disk() -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    Keeper::create(&disk, &SECRET).unwrap();
    disk
}

/// What is there after each number of batches.
fn states(batches: &[Vec<Write>]) -> Vec<Records> {
    let mut memory = MemoryStore::default();
    let mut states = vec![Records::default()];
    for batch in batches {
        memory.commit(batch).unwrap();
        states.push(sorted(memory.load().unwrap()));
    }
    states
}

/// Opens and commits until an error; says how many batches were acknowledged.
fn drive(disk: &SimulatedDisk, batches: &[Vec<Write>]) -> usize {
    let Ok(mut keeper) = Keeper::open(disk.clone()) else { return 0 };
    batches.iter().take_while(|batch| keeper.commit(batch).is_ok()).count()
}

fn operations(disk: &SimulatedDisk, batches: &[Vec<Write>]) -> usize {
    disk.plan(usize::MAX, Fault::Kill);
    assert_eq!(drive(disk, batches), batches.len());
    disk.operations()
}

fn survivors(seed: usize) -> impl FnMut() -> bool {
    let mut state = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state & 1 == 0
    }
}

/// The disk as its process left it, after every way to die with this number.
fn aftermaths(disk: &SimulatedDisk, seed: usize) -> Vec<SimulatedDisk> {
    vec![
        disk.after_kill(),
        disk.after_power_loss(&mut || false),
        disk.after_power_loss(&mut survivors(seed)),
        disk.after_power_loss(&mut survivors(seed + 1_000_000)),
    ]
}

/// Asserts that the acknowledged batches are there and the one after them wholly or not at all.
fn check(disk: SimulatedDisk, states: &[Records], acknowledged: usize, what: &str) {
    let mut keeper = Keeper::open(disk).unwrap_or_else(|failure| panic!("{what}: {failure}"));
    assert_eq!(keeper.secret(), &SECRET);
    let found = sorted(keeper.load().unwrap());
    let allowed = &states[acknowledged..states.len().min(acknowledged + 2)];
    assert!(allowed.contains(&found), "{what}: {acknowledged} batches were acknowledged, found {found:?}");
    keeper.commit(&[Write::PutDelivery(delivery(1_000, 1))]).unwrap();
}

#[test]
fn acknowledged_batches_survive_a_crash_at_any_operation() {
    let batches = some_batches(16);
    let states = states(&batches);
    for point in 0..operations(&new_disk(), &batches) {
        let disk = new_disk();
        disk.plan(point, Fault::Kill);
        let acknowledged = drive(&disk, &batches);
        for (way, aftermath) in aftermaths(&disk, point).into_iter().enumerate() {
            check(aftermath, &states, acknowledged, &format!("operation {point}, way {way}"));
        }
    }
}

#[test]
fn a_crash_while_another_is_repaired_loses_nothing() {
    let batches = some_batches(5);
    let states = states(&batches);
    for first in (0..operations(&new_disk(), &batches)).step_by(7) {
        let disk = new_disk();
        disk.plan(first, Fault::Kill);
        let acknowledged = drive(&disk, &batches);
        for crashed in aftermaths(&disk, first) {
            let repairs = operations(&crashed.after_kill(), &[]);
            for second in 0..repairs {
                let disk = crashed.after_kill();
                disk.plan(second, Fault::Kill);
                drive(&disk, &[]);
                for (way, aftermath) in aftermaths(&disk, second).into_iter().enumerate() {
                    check(
                        aftermath,
                        &states,
                        acknowledged,
                        &format!("operations {first}, {second}, way {way}"),
                    );
                }
            }
        }
    }
}

#[test]
fn a_crash_while_the_database_is_made_leaves_all_or_nothing() {
    let whole = SimulatedDisk::default();
    whole.plan(usize::MAX, Fault::Kill);
    Keeper::create(&whole, &SECRET).unwrap();
    for point in 0..whole.operations() {
        let disk = SimulatedDisk::default();
        disk.plan(point, Fault::Kill);
        assert!(Keeper::create(&disk, &SECRET).is_err());
        for aftermath in aftermaths(&disk, point) {
            assert_eq!(aftermath.open().unwrap_err().kind(), ErrorKind::NotFound, "operation {point}");
            Keeper::create(&aftermath, &SECRET).unwrap();
            check(aftermath, &[Records::default()], 0, "made again");
        }
    }
}

/// Commits all batches while the disk fails for a while from this operation on, as the server does: after `Full` it
/// goes on, after `Failed` it finds out. Says what must be there in the end.
fn drive_through_failure(disk: &SimulatedDisk, batches: &[Vec<Write>], error: ErrorKind) -> Records {
    let mut memory = MemoryStore::default();
    let mut refused = 0;
    let mut keeper = Keeper::open(disk.clone()).unwrap();
    for batch in batches {
        match keeper.commit(batch) {
            Ok(()) => memory.commit(batch).unwrap(),
            Err(StoreError::Full { .. }) => {
                assert_ne!(error, ErrorKind::Other);
                refused += 1;
            }
            Err(StoreError::Failed { .. }) => {
                disk.heal();
                let without = sorted(memory.load().unwrap());
                let found = sorted(keeper.load().unwrap());
                if found != without {
                    memory.commit(batch).unwrap();
                    assert_eq!(found, sorted(memory.load().unwrap()));
                }
            }
        }
        if refused == 2 {
            disk.heal();
        }
    }
    disk.heal();
    keeper.commit(&batches[0]).unwrap();
    memory.commit(&batches[0]).unwrap();
    let expected = sorted(memory.load().unwrap());
    assert_eq!(sorted(keeper.load().unwrap()), expected);
    expected
}

fn survives(fault: Fault, error: ErrorKind) {
    let batches = some_batches(12);
    let disk = new_disk();
    let (opening, all) = (operations(&disk.after_kill(), &[]), operations(&disk, &batches));
    for point in opening..all {
        let disk = new_disk();
        disk.plan(point, fault);
        let expected = drive_through_failure(&disk, &batches, error);
        // What was acknowledged after the failure is on the disk, not only in the system's memory.
        for aftermath in [disk.after_kill(), disk.after_power_loss(&mut || false)] {
            let found = Keeper::open(aftermath).unwrap().load().unwrap();
            assert_eq!(sorted(found), expected, "{fault:?} from operation {point} on");
        }
    }
}

#[test]
fn a_full_disk_takes_nothing_and_later_everything() {
    survives(Fault::Fail(Operation::Write, ErrorKind::StorageFull), ErrorKind::StorageFull);
    survives(Fault::FailOnce(Operation::Write, ErrorKind::StorageFull), ErrorKind::StorageFull);
}

#[test]
fn a_file_that_may_not_grow_takes_nothing_and_later_everything() {
    survives(Fault::Fail(Operation::SetLen, ErrorKind::FileTooLarge), ErrorKind::FileTooLarge);
}

#[test]
fn a_failed_write_is_recovered_from() {
    survives(Fault::Fail(Operation::Write, ErrorKind::Other), ErrorKind::Other);
    survives(Fault::FailOnce(Operation::Write, ErrorKind::Other), ErrorKind::Other);
}

#[test]
fn a_failed_sync_is_not_believed_afterwards() {
    survives(Fault::Fail(Operation::Sync, ErrorKind::Other), ErrorKind::Other);
    survives(Fault::FailOnce(Operation::Sync, ErrorKind::Other), ErrorKind::Other);
}

#[test]
fn a_sync_without_room_is_not_believed_afterwards() {
    survives(Fault::Fail(Operation::Sync, ErrorKind::StorageFull), ErrorKind::StorageFull);
    survives(Fault::FailOnce(Operation::Sync, ErrorKind::StorageFull), ErrorKind::StorageFull);
}
