//! What the threads of a run share.

use crate::plan::Plan;
use crate::retry::{Bucket, Resent, RetryBurst};
use crate::schedule::{DueRequest, Schedule};
use crate::stats::LoadStats;
use probe::http_client::Outcome;
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
    /// What was sent again so far.
    pub(crate) resent: Mutex<Resent>,
    pub(crate) retry_burst: Mutex<RetryBurst>,
    /// What is left of the retry budget.
    pub(crate) bucket: Option<Mutex<Bucket>>,
}

impl Shared {
    /// Whether the budget allows another retry.
    pub(crate) fn may_retry(&self) -> bool {
        let may = self.bucket.as_ref().is_none_or(|bucket| lock(bucket).spend());
        lock(&self.resent).denied += u64::from(!may);
        may
    }

    /// A request is sent again after this outcome.
    pub(crate) fn record_retry(&self, outcome: Outcome) {
        if outcome == Outcome::TimedOut {
            lock(&self.resent).timed_out += 1;
        } else {
            lock(&self.resent).shed += 1;
            lock(&self.retry_burst).comes(self.schedule.elapsed());
        }
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
    /// Whether it waits to be sent again.
    pub(crate) waits: bool,
    /// Whether it got 503 in its last attempt, and is not in another one.
    pub(crate) shed: bool,
    /// How many of its attempts have timed out before this one.
    pub(crate) timed_out: u32,
}

impl WorkerState {
    pub(crate) fn new(plan: &Plan, thread: usize, places: usize) -> Self {
        Self { thread, stats: LoadStats::new(plan), in_flight: vec![None; places] }
    }
}

impl InFlight {
    pub(crate) fn new(due: DueRequest, sent: Instant, timed_out: u32) -> Self {
        Self { number: due.number, due: due.due, sent, waits: false, shed: false, timed_out }
    }
}

/// A panic while it is held leaves it consistent: it holds counters.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
