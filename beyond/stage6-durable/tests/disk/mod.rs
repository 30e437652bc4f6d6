//! A disk in memory that can fail, and that remembers what a power cut would lose.

use redb::{Database, StorageBackend};
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What power cuts tear apart: disks write sectors.
const SECTOR: usize = 512;

/// Clones share the disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What a read returns.
    bytes: Vec<u8>,
    /// What was on the disk when the log began.
    durable: Vec<u8>,
    log: Vec<Operation>,
    /// What fails, and after how many operations.
    fails: Option<(Fails, usize)>,
}

#[derive(Clone, Debug)]
enum Operation {
    Write(usize, Vec<u8>),
    Resize(usize),
    Sync,
}

/// What fails, until it is set to another value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fails {
    /// As on a full disk.
    Writes,
    /// Everything arrives, and the sync says that it did not.
    Syncs,
}

impl Disk {
    /// A disk with an empty database, all of it synced.
    pub(crate) fn with_database() -> Self {
        let disk = Self::default();
        drop((disk.opener())(true).expect("this disk does not fail"));
        let bytes = disk.state().bytes.clone();
        Self(Arc::new(Mutex::new(State { durable: bytes.clone(), bytes, ..State::default() })))
    }

    /// What `Store::open` needs.
    pub(crate) fn opener(
        &self,
    ) -> Box<dyn Fn(bool) -> std::result::Result<Database, redb::Error> + Send> {
        let disk = self.clone();
        Box::new(move |_| Ok(Database::builder().create_with_backend(disk.clone())?))
    }

    pub(crate) fn set_failing(&self, fails: Option<Fails>) {
        self.state().fails = fails.map(|fails| (fails, 0));
    }

    /// Lets it fail after so many further operations, possibly in the middle of a commit.
    pub(crate) fn fail_after(&self, fails: Fails, operations: usize) {
        let mut state = self.state();
        state.fails = Some((fails, state.log.len() + operations));
    }

    /// How many operations there have been since the last power cut.
    pub(crate) fn operations(&self) -> usize {
        self.state().log.len()
    }

    /// The size of the file in bytes.
    pub(crate) fn size(&self) -> usize {
        self.state().bytes.len()
    }

    /// Cuts the power after so many operations. What was synced by then is on the disk; of the
    /// rest, any part may be, in any order. Returns the disk as the next start finds it.
    pub(crate) fn cut(&self, operations: usize) -> Self {
        let state = self.state();
        let log = &state.log[..operations];
        let synced = log.iter().rposition(|operation| matches!(operation, Operation::Sync));
        let (synced, mut unsynced) = match synced {
            Some(last) => (&log[..last], log[last..].to_vec()),
            None => (&[][..], log.to_vec()),
        };
        let mut bytes = state.durable.clone();
        synced.iter().for_each(|operation| operation.apply(&mut bytes));
        // it arrives in order up to some moment, or in any order, whole or torn
        let in_order = fastrand::bool();
        if !in_order {
            fastrand::shuffle(&mut unsynced);
        }
        let kept = unsynced.len() - fastrand::usize(..=unsynced.len()) / fastrand::usize(1..9);
        for operation in &unsynced[..kept] {
            let arrived = if in_order { operation.clone() } else { operation.tear() };
            arrived.apply(&mut bytes);
        }
        Self(Arc::new(Mutex::new(State { durable: bytes.clone(), bytes, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, operation: Operation) -> Result<()> {
        let mut state = self.state();
        let fails = state.fails.filter(|(_, after)| state.log.len() >= *after);
        match (fails, &operation) {
            (Some((Fails::Syncs, _)), Operation::Sync) => return Err(Error::other("no sync")),
            (Some((Fails::Writes, _)), _) => return Err(ErrorKind::StorageFull.into()),
            _ => {}
        }
        operation.apply(&mut state.bytes);
        state.log.push(operation);
        Ok(())
    }
}

impl Operation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, data) => {
                let end = at + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*at..end].copy_from_slice(data);
            }
            Self::Resize(size) => bytes.resize(*size, 0),
            Self::Sync => {}
        }
    }

    /// As it is, or, every other time, only some sectors of it in a row.
    fn tear(&self) -> Self {
        match self {
            Self::Write(at, data) if fastrand::bool() && !data.is_empty() => {
                let sectors = data.len().div_ceil(SECTOR);
                let first = fastrand::usize(..sectors);
                let end = fastrand::usize(first..=sectors);
                let (first, end) = (first * SECTOR, data.len().min(end * SECTOR));
                Self::Write(at + first, data[first..end.max(first)].to_vec())
            }
            whole => whole.clone(),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(self.state().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let (state, at) = (self.state(), offset as usize);
        let read = state.bytes.get(at..at + out.len());
        out.copy_from_slice(read.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.change(Operation::Resize(len as usize))
    }

    fn sync_data(&self) -> Result<()> {
        self.change(Operation::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.change(Operation::Write(offset as usize, data.to_vec()))
    }
}
