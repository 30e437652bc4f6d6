//! What the threads of a run share.

use crate::plan::Plan;
use crate::schedule::{Schedule, Turn};
use crate::tally::{Herd, Tally};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Barrier;
use tokio::time::Instant;

/// What the threads of a run share.
pub(crate) struct Crew {
    pub(crate) plan: Plan,
    pub(crate) schedule: Arc<Schedule>,
    /// Where the senders of a burst wait for each other.
    pub(crate) ready: Barrier,
    pub(crate) resent: AtomicU64,
    pub(crate) herd: Mutex<Herd>,
}

impl Crew {
    pub(crate) fn resends(&self) {
        self.resent.fetch_add(1, Ordering::Relaxed);
        lock(&self.herd).comes(self.schedule.elapsed());
    }
}

/// What one thread has done, and what it has in hand.
pub(crate) struct Share {
    /// Which thread, from 0.
    pub(crate) thread: usize,
    pub(crate) tally: Tally,
    /// For each connection since when it owes an answer.
    pub(crate) in_flight: Vec<Option<Owed>>,
}

/// A request without an answer.
#[derive(Clone, Copy)]
pub(crate) struct Owed {
    pub(crate) number: u64,
    pub(crate) due: Instant,
    pub(crate) sent: Instant,
    /// It was refused, and waits to be sent again.
    pub(crate) refused: bool,
}

impl Share {
    pub(crate) fn new(plan: &Plan, thread: usize, places: usize) -> Self {
        Self { thread, tally: Tally::new(plan), in_flight: vec![None; places] }
    }
}

impl Owed {
    pub(crate) fn new(turn: Turn, sent: Instant) -> Self {
        Self { number: turn.number, due: turn.due, sent, refused: false }
    }
}

/// A panic while it was held would have left it whole: it holds counters.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
