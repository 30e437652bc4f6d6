//! What is on the disk and on its way there, in memory: everything is decided here.

use crate::keys::{Key, Keys};
use crate::store::{Committed, Found};
use event::{Event, User};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// What has happened so far, as the disk has it: the response to `GET /stats`, but for the queue,
/// the balances and the keys.
#[derive(Serialize)]
pub(crate) struct Ledger {
    /// The way to the writer; `None` after the signal.
    #[serde(skip)]
    pub(crate) disk: Option<mpsc::UnboundedSender<Write>>,
    #[serde(skip)]
    pub(crate) balances: BTreeMap<User, i64>,
    #[serde(skip)]
    pub(crate) keys: Keys,
    /// Events on their way to the disk; each has its place.
    #[serde(skip)]
    pub(crate) writing: u64,
    pub(crate) capacity: usize,
    pub(crate) queued: u64,
    pub(crate) accepted: u64,
    /// Since the start; the other figures are those of the disk.
    pub(crate) rejected: u64,
    pub(crate) processed: u64,
    pub(crate) failed: u64,
}

/// What the writer is asked to write.
pub(crate) enum Write {
    Accepted(Accepted),
    /// The event with this number has been worked on.
    Applied(u64, Event),
}

/// An event that has a place, and whose client waits for the disk.
pub(crate) struct Accepted {
    pub(crate) event: Event,
    pub(crate) key: Option<Arc<Key>>,
    /// Whether it is stored, or why not.
    pub(crate) stored: oneshot::Sender<Result<(), String>>,
}

impl Ledger {
    /// The ledger of what a start finds on the disk, and the events that are still to be applied.
    pub(crate) fn new(
        capacity: usize,
        disk: mpsc::UnboundedSender<Write>,
        found: Found,
    ) -> (Self, Vec<(u64, Event)>) {
        let Found { log, balances, last: accepted, position, failed } = found;
        let (mut keys, mut backlog) = (Keys::default(), Vec::new());
        for (number, event, key) in log {
            if let Some(text) = key {
                keys.store(Arc::new(Key { user: event.user.clone(), text }), &event, number);
            }
            if number > position {
                backlog.push((number, event));
            }
        }
        let processed = position - failed;
        let (disk, writing, queued, rejected) = (Some(disk), 0, 0, 0);
        let ledger = Self {
            disk,
            balances,
            keys,
            writing,
            capacity,
            queued,
            accepted,
            rejected,
            processed,
            failed,
        };
        (ledger, backlog)
    }

    /// How many accepted events are not applied yet: those that are queued, and the one in hand.
    pub(crate) fn not_done(&self) -> u64 {
        self.accepted - self.processed - self.failed
    }

    /// These events are on the disk, under these numbers.
    pub(crate) fn stored(&mut self, accepted: &[Accepted], committed: Committed) {
        for (Accepted { event, key, .. }, number) in accepted.iter().zip(committed.first..) {
            if let Some(key) = key {
                self.keys.store(key.clone(), event, number);
            }
            (self.writing, self.accepted) = (self.writing - 1, number);
        }
        self.balances.extend(committed.balances);
        self.failed = committed.failed;
        self.processed = committed.position - committed.failed;
        self.keys.forget(committed.forgotten);
    }

    /// These events are not on the disk: they leave no trace.
    pub(crate) fn rejected(&mut self, accepted: &[Accepted]) {
        for Accepted { key, .. } in accepted {
            if let Some(key) = key {
                self.keys.reject(key);
            }
            (self.writing, self.rejected) = (self.writing - 1, self.rejected + 1);
        }
    }
}
