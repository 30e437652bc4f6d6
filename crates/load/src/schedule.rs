//! When each request is due.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// What makes a request due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// The answer to the one before it on the same connection: a server that is slow is sent less.
    ClosedLoop,
    /// The clock, so many times a second in total, whatever the server does: an open loop.
    Rate(f64),
    /// All of them, once every connection stands.
    Burst,
}

/// When it is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After so many requests.
    Count(u64),
    /// After so long; requests on their way are waited for.
    Elapsed(Duration),
}

/// A request to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DueRequest {
    /// Its number, from 0.
    pub(crate) number: u64,
    /// Its intended start, from which its latency counts.
    pub(crate) due: Instant,
}

/// Yields the intended start of each request, to whichever connection asks first.
#[derive(Debug)]
pub(crate) struct Schedule {
    shape: Shape,
    until: Until,
    began: OnceLock<Instant>,
    next: AtomicU64,
    /// At a rate: a permit for each request that is due.
    due: Semaphore,
    /// Ends the pacer's wait.
    ended: OnceLock<mpsc::Sender<()>>,
}

impl Schedule {
    pub(crate) fn new(shape: Shape, until: Until) -> Self {
        let began = match shape {
            Shape::Burst => OnceLock::new(), // it begins when all are ready
            Shape::ClosedLoop | Shape::Rate(_) => Instant::now().into(),
        };
        Self {
            shape,
            until,
            began,
            next: AtomicU64::new(0),
            due: Semaphore::new(0),
            ended: OnceLock::new(),
        }
    }

    /// When it began; now, unless it has.
    pub(crate) fn began(&self) -> Instant {
        *self.began.get_or_init(Instant::now)
    }

    /// For how long it has been running.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// When a request that is due is sent by a connection that is free for it.
    pub(crate) fn sent(&self, due: DueRequest) -> Instant {
        if self.shape == Shape::ClosedLoop { due.due } else { Instant::now() }
    }

    /// Whether nothing more is to be begun at that moment.
    pub(crate) fn is_over(&self, at: Instant) -> bool {
        matches!(self.until, Until::Elapsed(elapsed) if at >= self.began() + elapsed)
    }

    /// Whether there is more to be sent at that moment.
    pub(crate) fn has_more(&self, at: Instant) -> bool {
        match self.until {
            Until::Count(count) => self.next.load(Ordering::Relaxed) < count,
            Until::Elapsed(_) => !self.is_over(at),
        }
    }

    /// The next request, once it is due; `None` when it is enough. `free`: since when there is a connection for it.
    pub(crate) async fn next(&self, free: Instant) -> Option<DueRequest> {
        if let Shape::Rate(_) = self.shape {
            self.due.acquire().await.ok()?.forget();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if matches!(self.until, Until::Count(count) if number >= count) {
            return None;
        }
        let due = match self.shape {
            Shape::ClosedLoop => free,
            Shape::Burst => self.began(),
            Shape::Rate(rate) => self.began() + due_after(number, rate)?,
        };
        (!self.is_over(due)).then_some(DueRequest { number, due })
    }

    /// How many requests have been due by then.
    pub(crate) fn due_by(&self, elapsed: Duration) -> u64 {
        let Shape::Rate(rate) = self.shape else { return 0 };
        let by = |elapsed: Duration| (elapsed.as_secs_f64() * rate).ceil() as u64;
        match self.until {
            Until::Count(count) => by(elapsed).min(count),
            Until::Elapsed(end) => by(elapsed.min(end)),
        }
    }

    /// Nothing more is begun.
    pub(crate) fn end(&self) {
        self.due.close();
        if let Some(ended) = self.ended.get() {
            let _ = ended.send(()); // it may have ended by itself
        }
    }
}

/// Beyond what a clock can say nothing is ever due.
fn due_after(number: u64, rate: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number as f64 / rate)
        .ok()
        .filter(|due| *due < Duration::from_secs(1 << 40))
}

/// At a rate: a thread that says when the next request is due. Its sleep is exact to some microseconds, where the
/// runtime's timers are exact to a millisecond, which would count as latency.
///
/// # Errors
/// That there is no thread to be had.
pub(crate) fn pace(schedule: &Arc<Schedule>, senders: usize) -> io::Result<Option<JoinHandle<()>>> {
    let Shape::Rate(rate) = schedule.shape else { return Ok(None) };
    let (ended, end) = mpsc::channel();
    let _ = schedule.ended.set(ended); // nobody else sets it
    let schedule = schedule.clone();
    let pacer = move || {
        let mut number = 0;
        while let Some(due) = due_after(number, rate) {
            let due = schedule.began() + due;
            if matches!(schedule.until, Until::Count(count) if number >= count) {
                schedule.due.add_permits(senders); // one more for each: it learns that nothing is left
                return;
            }
            let wait = due.saturating_duration_since(Instant::now());
            if !wait.is_zero() && end.recv_timeout(wait) != Err(mpsc::RecvTimeoutError::Timeout) {
                return; // stopped
            }
            // one that is late does not wait, and would not hear the end
            if schedule.is_over(due) || schedule.due.is_closed() {
                break;
            }
            schedule.due.add_permits(1);
            number += 1;
        }
        // what is due by now and not begun will not be: every connection still waits
        schedule.due.close();
    };
    thread::Builder::new().name("pacer".into()).spawn(pacer).map(Some)
}
