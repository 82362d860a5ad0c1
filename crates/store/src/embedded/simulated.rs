//! A disk in memory that fails, dies or loses power when it is told to.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

use super::disk::Disk;

/// The smallest piece that a real disk writes wholly or not at all.
const SECTOR: usize = 512;

/// What happens at a chosen operation that changes the disk: a write, a change of length, a sync, a rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process is killed: half of a write is made, and nothing after it.
    Kill,
    /// This operation fails with this error, and so does every later one of its kind until [`SimulatedDisk::heal`].
    Fail(Operation, io::ErrorKind),
    /// The first operation of this kind from here on fails, and no other.
    FailOnce(Operation, io::ErrorKind),
}

/// What a process asks of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Write,
    SetLen,
    Sync,
    Promote,
}

#[derive(Debug, Clone)]
enum Unsynced {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

/// A file as the process sees it, and how it came from what is on the disk for sure.
#[derive(Debug, Clone, Default)]
struct Contents {
    seen: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Unsynced>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<&'static str, Contents>,
    operations: usize,
    plan: Option<(usize, Fault)>,
    dead: bool,
    failing: Option<(Operation, io::ErrorKind)>,
}

/// The disk. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(super) struct SimulatedDisk(Arc<Mutex<State>>);

/// An open file of it.
#[derive(Debug)]
pub(super) struct SimulatedFile {
    disk: SimulatedDisk,
    name: &'static str,
}

const FILE: &str = "file";
const SUCCESSOR: &str = "successor";

impl SimulatedDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Plans a fault for the operation with this number, counted from now.
    pub(super) fn plan(&self, operation: usize, fault: Fault) {
        let mut state = self.state();
        state.operations = 0;
        state.plan = Some((operation, fault));
    }

    /// How many operations there were since the last plan.
    pub(super) fn operations(&self) -> usize {
        self.state().operations
    }

    /// Ends a failure.
    pub(super) fn heal(&self) {
        let mut state = self.state();
        (state.failing, state.plan) = (None, None);
    }

    /// What a new process finds after this one was killed: all that was written.
    pub(super) fn after_kill(&self) -> Self {
        self.restarted(|contents| contents.seen.clone())
    }

    /// What a new process finds after the power went: what was synced, and of each later write any of its sectors.
    pub(super) fn after_power_loss(&self, survives: &mut impl FnMut() -> bool) -> Self {
        self.restarted(|contents| {
            let mut bytes = contents.synced.clone();
            for change in &contents.unsynced {
                match change {
                    Unsynced::Write(offset, data) => {
                        for (number, sector) in data.chunks(SECTOR).enumerate() {
                            if survives() {
                                write_at(&mut bytes, *offset as usize + number * SECTOR, sector);
                            }
                        }
                    }
                    Unsynced::SetLen(len) if survives() => bytes.resize(*len as usize, 0),
                    Unsynced::SetLen(_) => {}
                }
            }
            bytes
        })
    }

    fn restarted(&self, mut bytes: impl FnMut(&Contents) -> Vec<u8>) -> Self {
        let state = self.state();
        let files = state.files.iter().map(|(name, contents)| {
            let seen = bytes(contents);
            (*name, Contents { synced: seen.clone(), seen, unsynced: Vec::new() })
        });
        Self(Arc::new(Mutex::new(State { files: files.collect(), ..State::default() })))
    }

    /// The file's bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.state().files[FILE].seen.clone()
    }

    /// A disk whose file has these bytes.
    pub(super) fn with_bytes(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        let contents = Contents { seen: bytes.clone(), synced: bytes, unsynced: Vec::new() };
        disk.state().files.insert(FILE, contents);
        disk
    }
}

impl State {
    /// Counts an operation; says whether it may happen.
    fn meet(&mut self, operation: Operation) -> Result<(), Met> {
        if self.dead {
            return Err(Met::Death);
        }
        let number = self.operations;
        self.operations += 1;
        match self.plan {
            Some((planned, Fault::Kill)) if number == planned => {
                self.dead = true;
                return Err(Met::Kill);
            }
            Some((planned, Fault::Fail(kind, error))) if number >= planned => {
                self.failing = Some((kind, error));
            }
            Some((planned, Fault::FailOnce(kind, error))) if number >= planned && kind == operation => {
                self.plan = None;
                return Err(Met::Failure(error));
            }
            _ => {}
        }
        match self.failing {
            Some((failing, error)) if failing == operation => Err(Met::Failure(error)),
            _ => Ok(()),
        }
    }
}

/// Why an operation does not happen.
#[derive(Debug)]
enum Met {
    Kill,
    Death,
    Failure(io::ErrorKind),
}

impl From<Met> for io::Error {
    fn from(met: Met) -> Self {
        match met {
            Met::Kill | Met::Death => Self::other("the process is dead"),
            Met::Failure(kind) => Self::from(kind),
        }
    }
}

impl Contents {
    fn write(&mut self, offset: u64, data: &[u8]) {
        write_at(&mut self.seen, offset as usize, data);
        self.unsynced.push(Unsynced::Write(offset, data.to_vec()));
    }

    fn set_len(&mut self, len: u64) {
        self.seen.resize(len as usize, 0);
        self.unsynced.push(Unsynced::SetLen(len));
    }

    fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            match change {
                Unsynced::Write(offset, data) => write_at(&mut self.synced, offset as usize, &data),
                Unsynced::SetLen(len) => self.synced.resize(len as usize, 0),
            }
        }
    }

    /// What Linux does when a sync fails: the process goes on seeing what it wrote, and a later sync won't write it.
    fn forget(&mut self) {
        self.unsynced.clear();
    }
}

fn write_at(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if bytes.len() < offset + data.len() {
        bytes.resize(offset + data.len(), 0);
    }
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

impl Disk for SimulatedDisk {
    type File = SimulatedFile;

    fn open(&self) -> io::Result<SimulatedFile> {
        if self.state().files.contains_key(FILE) {
            return Ok(SimulatedFile { disk: self.clone(), name: FILE });
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn create(&self) -> io::Result<SimulatedFile> {
        self.state().files.insert(SUCCESSOR, Contents::default());
        Ok(SimulatedFile { disk: self.clone(), name: SUCCESSOR })
    }

    fn promote(&self) -> io::Result<()> {
        let mut state = self.state();
        state.meet(Operation::Promote)?;
        let mut successor = state.files.remove(SUCCESSOR).unwrap();
        successor.sync();
        state.files.insert(FILE, successor);
        Ok(())
    }
}

impl SimulatedFile {
    fn with<T>(&self, work: impl FnOnce(&mut State, &'static str) -> io::Result<T>) -> io::Result<T> {
        work(&mut self.disk.state(), self.name)
    }
}

impl StorageBackend for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|state, name| Ok(state.files[name].seen.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(|state, name| {
            let start = offset as usize;
            let bytes = start.checked_add(out.len()).and_then(|end| state.files[name].seen.get(start..end));
            out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|state, name| {
            state.meet(Operation::SetLen)?;
            state.files.get_mut(name).unwrap().set_len(len);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(|state, name| {
            let met = state.meet(Operation::Sync);
            let contents = state.files.get_mut(name).unwrap();
            match met {
                Ok(()) => contents.sync(),
                Err(Met::Failure(kind)) => {
                    contents.forget();
                    return Err(kind.into());
                }
                Err(met) => return Err(met.into()),
            }
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with(|state, name| {
            let met = state.meet(Operation::Write);
            let contents = state.files.get_mut(name).unwrap();
            match met {
                Ok(()) => contents.write(offset, data),
                Err(met) => {
                    if !matches!(met, Met::Death) {
                        contents.write(offset, &data[..data.len() / 2]);
                    }
                    return Err(met.into());
                }
            }
            Ok(())
        })
    }
}
