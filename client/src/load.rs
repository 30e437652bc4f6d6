//! Load: requests over some connections, closed loop or at a rate.

use crate::caller::{Call, Caller, Failure, Outcome};
use hdrhistogram::Histogram;
use http1::StatusCode;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// What to send, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub addr: SocketAddr,
    /// Requests as bytes, sent in turn; one at least.
    pub requests: Arc<[Vec<u8>]>,
    /// They are HEAD requests.
    pub to_head: bool,
    /// How many connections send, 1 or more.
    pub connections: usize,
    /// When it is enough.
    pub until: Until,
    /// Requests per second, in total: then it is an open loop, and latency counts from the intended start (no
    /// coordinated omission). Without it each connection sends when it has its answer: a closed loop.
    pub rate: Option<f64>,
    /// How long a request may take.
    pub timeout: Duration,
}

/// When it is enough.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so many requests.
    Count(u64),
    /// After so long; requests on their way are waited for.
    Elapsed(Duration),
}

/// Yields the intended start of each request, to whichever connection asks first.
#[derive(Debug)]
struct Schedule {
    began: Instant,
    until: Until,
    rate: Option<f64>,
    next: AtomicU64,
}

impl Schedule {
    /// The number of the next request and when it is due; `None` when it is enough.
    fn next(&self) -> Option<(u64, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = match self.rate {
            // beyond what a clock can say nothing is ever due
            Some(rate) => self.began.checked_add(Duration::try_from_secs_f64(number as f64 / rate).ok()?)?,
            None => Instant::now(),
        };
        match self.until {
            Until::Count(count) => number < count,
            Until::Elapsed(elapsed) => due.max(Instant::now()) < self.began + elapsed,
        }
        .then_some((number, due))
    }
}

/// What came of the requests.
#[derive(Debug)]
pub struct Tally {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Statuses under 400.
    pub served: Row<StatusCode>,
    /// 503, by the seconds of its `Retry-After`.
    pub refused: Row<Option<u64>>,
    /// Other statuses.
    pub rejected: Row<StatusCode>,
    /// No whole answer in time.
    pub timed_out: Row<()>,
    /// No answer.
    pub failed: Row<Failure>,
    /// Still without an answer when the run was stopped; their latency is how long they had waited.
    pub cut_short: Row<()>,
    /// At a rate: due before the end, and not sent, since every connection was still waiting.
    pub not_sent: u64,
}

/// The longest latency told apart from longer ones.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The requests of one outcome.
#[derive(Debug)]
pub struct Row<Kind: Ord> {
    /// How many of which kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Their latencies, in microseconds.
    pub latency: Histogram<u64>,
}

impl<Kind: Ord + Copy> Row<Kind> {
    fn new() -> Self {
        let latency = Histogram::new(3).expect("3 significant digits are allowed");
        Self { kinds: BTreeMap::new(), latency }
    }

    fn count(&mut self, kind: Kind, latency: Duration) {
        *self.kinds.entry(kind).or_default() += 1;
        let micros = latency.min(DAY).as_micros() as u64;
        self.latency.record(micros).expect("a histogram that resizes takes a day");
    }

    /// How many requests.
    pub fn total(&self) -> u64 {
        self.kinds.values().sum()
    }
}

impl Tally {
    fn new() -> Self {
        Self {
            elapsed: Duration::ZERO,
            served: Row::new(),
            refused: Row::new(),
            rejected: Row::new(),
            timed_out: Row::new(),
            failed: Row::new(),
            cut_short: Row::new(),
            not_sent: 0,
        }
    }

    /// Counts a request; one without an outcome was cut short.
    fn count(&mut self, outcome: Option<Outcome>, latency: Duration) {
        match outcome {
            Some(Outcome::Served(status)) => self.served.count(status, latency),
            Some(Outcome::Refused(retry_after)) => self.refused.count(retry_after, latency),
            Some(Outcome::Rejected(status)) => self.rejected.count(status, latency),
            Some(Outcome::TimedOut) => self.timed_out.count((), latency),
            Some(Outcome::Failed(failure)) => self.failed.count(failure, latency),
            None => self.cut_short.count((), latency),
        }
    }

    /// How many requests.
    pub fn total(&self) -> u64 {
        self.answered() + self.timed_out.total() + self.failed.total() + self.cut_short.total()
    }

    /// How many were answered, in whatever way.
    pub fn answered(&self) -> u64 {
        self.served.total() + self.refused.total() + self.rejected.total()
    }
}

/// Sends what the plan says, until it is done or `stop` ends; `progress` hears of each outcome as it comes.
pub async fn run(
    plan: Plan,
    stop: impl Future<Output = ()>,
    progress: impl Fn(Outcome) + Send + Sync + 'static,
) -> Tally {
    let (plan, progress) = (Arc::new(plan), Arc::new(progress));
    let schedule =
        Arc::new(Schedule { began: Instant::now(), until: plan.until, rate: plan.rate, next: AtomicU64::new(0) });
    let (stopper, stopped) = watch::channel(false);
    let tally = Arc::new(Mutex::new(Tally::new()));
    let mut senders = JoinSet::new();
    let useful = match plan.until {
        Until::Count(count) => plan.connections.min(usize::try_from(count).unwrap_or(usize::MAX)),
        Until::Elapsed(_) => plan.connections,
    };
    for _ in 0..useful {
        let (plan, schedule, progress, stopped) = (plan.clone(), schedule.clone(), progress.clone(), stopped.clone());
        let tally = tally.clone();
        senders.spawn(async move {
            send(&plan, &schedule, stopped, |outcome: Option<Outcome>, latency| {
                tally.lock().unwrap_or_else(PoisonError::into_inner).count(outcome, latency);
                outcome.into_iter().for_each(&*progress);
            })
            .await;
        });
    }
    let (mut stop, mut stopping) = (pin!(stop), false);
    loop {
        tokio::select! {
            sender = senders.join_next() => match sender {
                Some(Ok(())) => {}
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()), // none is ever aborted
                None => break,
            },
            () = &mut stop, if !stopping => {
                stopping = true;
                stopper.send_replace(true);
            }
        }
    }
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    tally.elapsed = schedule.began.elapsed();
    if let (Until::Elapsed(elapsed), Some(rate), false) = (plan.until, plan.rate, stopping) {
        let due = (elapsed.as_secs_f64() * rate).ceil() as u64;
        tally.not_sent = due.saturating_sub(tally.total());
    }
    std::mem::replace(&mut *tally, Tally::new())
}

/// One connection's share of the work.
async fn send(
    plan: &Plan,
    schedule: &Schedule,
    mut stopped: watch::Receiver<bool>,
    count: impl Fn(Option<Outcome>, Duration),
) {
    let mut caller = Caller::new(plan.addr);
    while let Some((number, due)) = schedule.next() {
        let request = &plan.requests[number as usize % plan.requests.len()];
        if plan.rate.is_some() {
            tokio::select! {
                () = sleep_until(due) => {}
                _ = stopped.wait_for(|stopped| *stopped) => break, // nobody has asked yet
            }
        }
        let Call { ended, outcome, .. } = tokio::select! {
            call = caller.call(request, plan.to_head, Instant::now() + plan.timeout) => call,
            _ = stopped.wait_for(|stopped| *stopped) => {
                count(None, due.elapsed());
                break;
            }
        };
        count(Some(outcome), ended.saturating_duration_since(due));
    }
}
