//! What the threads of a run share.

use crate::plan::Plan;
use crate::schedule::{DueRequest, Schedule};
use crate::stats::{LoadStats, RetryBurst};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Barrier;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What the threads of a run share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) schedule: Arc<Schedule>,
    /// Cancelled when the run begins, until when the first sender alone connects.
    pub(crate) begun: CancellationToken,
    /// Where the senders of a burst wait for each other.
    pub(crate) ready: Barrier,
    pub(crate) resent: AtomicU64,
    pub(crate) retry_burst: Mutex<RetryBurst>,
}

impl Shared {
    pub(crate) fn record_retry(&self) {
        self.resent.fetch_add(1, Ordering::Relaxed);
        lock(&self.retry_burst).comes(self.schedule.elapsed());
    }
}

/// What one thread has done, and its requests in flight.
pub(crate) struct WorkerState {
    /// Which thread, from 0.
    pub(crate) thread: usize,
    pub(crate) stats: LoadStats,
    /// For each connection, its request in flight.
    pub(crate) in_flight: Vec<Option<InFlight>>,
}

/// A request that has no response yet.
#[derive(Clone, Copy)]
pub(crate) struct InFlight {
    pub(crate) number: u64,
    pub(crate) due: Instant,
    pub(crate) sent: Instant,
    /// Whether it got 503 and waits to be sent again.
    pub(crate) shed: bool,
}

impl WorkerState {
    pub(crate) fn new(plan: &Plan, thread: usize, places: usize) -> Self {
        Self { thread, stats: LoadStats::new(plan), in_flight: vec![None; places] }
    }
}

impl InFlight {
    pub(crate) fn new(due: DueRequest, sent: Instant) -> Self {
        Self { number: due.number, due: due.due, sent, shed: false }
    }
}

/// A panic while it is held leaves it consistent: it holds counters.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
