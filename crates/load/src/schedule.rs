//! When each request is due.

use crate::ramp::Ramp;
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
    /// The response to the previous one on the same connection: a slow server is sent less.
    ClosedLoop,
    /// The clock, at this rate per second in total, whatever the server does: an open loop.
    Rate(f64),
    /// The clock, at a rate that rises.
    Ramp(Ramp),
    /// All of them are due once every connection is open.
    Burst,
}

/// When the run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After so many requests.
    Count(u64),
    /// After this time; requests in flight are awaited.
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
        Self {
            shape,
            until,
            began: OnceLock::new(),
            next: AtomicU64::new(0),
            due: Semaphore::new(0),
            ended: OnceLock::new(),
        }
    }

    /// Begins the run; a burst begins only when all are ready.
    pub(crate) fn begin(&self) {
        if self.shape != Shape::Burst {
            self.began();
        }
    }

    /// When the run began; it begins now if it has not.
    pub(crate) fn began(&self) -> Instant {
        *self.began.get_or_init(Instant::now)
    }

    /// How long the run has lasted.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// When a due request is sent by a connection that is free.
    pub(crate) fn sent(&self, due: DueRequest) -> Instant {
        if self.shape == Shape::ClosedLoop { due.due } else { Instant::now() }
    }

    /// Whether no further request may begin at that moment.
    pub(crate) fn is_over(&self, at: Instant) -> bool {
        self.ends().is_some_and(|end| at >= end)
    }

    /// When no further request may begin, if that is known.
    fn ends(&self) -> Option<Instant> {
        match self.until {
            Until::Elapsed(elapsed) => Some(self.began() + elapsed),
            Until::Count(_) => None,
        }
    }

    /// Whether more remains to be sent at that moment.
    pub(crate) fn has_more(&self, at: Instant) -> bool {
        match self.until {
            Until::Count(count) => self.next.load(Ordering::Relaxed) < count,
            Until::Elapsed(_) => !self.is_over(at),
        }
    }

    /// The next request, once it is due; `None` at the end of the run. `free`: since when the connection is free.
    pub(crate) async fn next(&self, free: Instant) -> Option<DueRequest> {
        if let Shape::Rate(_) | Shape::Ramp(_) = self.shape {
            self.due.acquire().await.ok()?.forget();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if matches!(self.until, Until::Count(count) if number >= count) {
            return None;
        }
        let due = match self.shape {
            Shape::ClosedLoop => free,
            Shape::Burst => self.began(),
            Shape::Rate(_) | Shape::Ramp(_) => self.began() + self.shape.due_after(number)?,
        };
        (!self.is_over(due)).then_some(DueRequest { number, due })
    }

    /// How many requests have been due by then.
    pub(crate) fn due_by(&self, elapsed: Duration) -> u64 {
        let by = |elapsed: Duration| match self.shape {
            Shape::Rate(rate) => (elapsed.as_secs_f64() * rate).ceil() as u64,
            Shape::Ramp(ramp) => ramp.due_by(elapsed).ceil() as u64,
            Shape::ClosedLoop | Shape::Burst => 0,
        };
        match self.until {
            Until::Count(count) => by(elapsed).min(count),
            Until::Elapsed(end) => by(elapsed.min(end)),
        }
    }

    /// Lets no further request begin.
    pub(crate) fn end(&self) {
        self.due.close();
        if let Some(ended) = self.ended.get() {
            let _ = ended.send(()); // it may have ended by itself
        }
    }
}

impl Shape {
    /// When a request is due after the beginning; `None` without a rate, or beyond the range of the clock.
    fn due_after(self, number: u64) -> Option<Duration> {
        let seconds = match self {
            Self::Rate(rate) => number as f64 / rate,
            Self::Ramp(ramp) => ramp.due_after(number),
            Self::ClosedLoop | Self::Burst => return None,
        };
        Duration::try_from_secs_f64(seconds).ok().filter(|due| *due < Duration::from_secs(1 << 40))
    }

    pub(crate) fn ramp(self) -> Option<Ramp> {
        if let Self::Ramp(ramp) = self { Some(ramp) } else { None }
    }
}

/// At a rate: a thread that says when the next request is due. Its sleep is exact to some microseconds, where the
/// runtime's timers are exact to a millisecond, which would count as latency.
///
/// # Errors
/// The system provides no thread.
pub(crate) fn pace(schedule: &Arc<Schedule>, senders: usize) -> io::Result<Option<JoinHandle<()>>> {
    if schedule.shape.due_after(0).is_none() {
        return Ok(None);
    }
    let (ended, end) = mpsc::channel();
    let _ = schedule.ended.set(ended); // it is set only here
    let schedule = schedule.clone();
    let pacer = move || {
        let mut number = 0;
        while let Some(due) = schedule.shape.due_after(number) {
            let due = schedule.began() + due;
            if matches!(schedule.until, Until::Count(count) if number >= count) {
                schedule.due.add_permits(senders); // one more for each sender, which then ends
                return;
            }
            let wait = due.min(schedule.ends().unwrap_or(due));
            let wait = wait.saturating_duration_since(Instant::now());
            if !wait.is_zero() && end.recv_timeout(wait) != Err(mpsc::RecvTimeoutError::Timeout) {
                return; // stopped
            }
            // a late pacer does not wait, and would miss the end
            if schedule.is_over(due) || schedule.due.is_closed() {
                break;
            }
            schedule.due.add_permits(1);
            number += 1;
        }
        // what is due by now and has not begun never will: every connection is busy
        schedule.due.close();
    };
    thread::Builder::new().name("pacer".into()).spawn(pacer).map(Some)
}
