//! One connection's part of the work.

use crate::error_response::ErrorResponse;
use crate::retry::Attempts;
use crate::schedule::{DueRequest, Shape};
use crate::shared::{InFlight, Shared, WorkerState, lock};
use probe::http_client::{Failure, Outcome, SummaryClient};
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

/// How the first sender reports whether it is connected.
pub(crate) type First = oneshot::Sender<Result<(), Failure>>;

/// Sends request after request when they are due, until the run ends. The `first` sender connects before it begins.
pub(crate) async fn send(
    shared: &Shared,
    worker: &Mutex<WorkerState>,
    place: usize,
    first: Option<First>,
) {
    let plan = &shared.plan;
    let mut sender = Sender {
        shared,
        worker,
        place,
        client: SummaryClient::new(plan.addresses.clone()),
        connecting: None,
        is_new: true,
        watchdog: Watchdog::new(),
    };
    let mut free = Instant::now(); // reading the clock costs, so it is read once a request
    if let Some(first) = first {
        tokio::select! {
            connected = sender.connect() => drop(first.send(connected)),
            () = shared.begun.cancelled() => {} // it goes on connecting
        }
        shared.begun.cancelled().await;
    }
    if plan.shape == Shape::Burst {
        let _ = timeout(plan.timeout, sender.connect()).await; // a sender without a connection tries again when its request is due
        shared.ready.wait().await;
        shared.schedule.began();
    }
    // a separate seed for each connection of each thread, or two of them would come back together
    let own = (lock(worker).thread as u64) << 32 | place as u64;
    let mut jitter = plan.retries.shed.map(|retry| fastrand::Rng::with_seed(retry.seed ^ own));
    while let Some(due) = shared.schedule.next(free).await {
        let (mut sent, mut attempts) = (shared.schedule.sent(due), Attempts::default());
        let (outcome, too_late) = loop {
            let outcome = sender.attempt(due, sent, attempts.timed_out).await;
            let Some(wait) = attempts.wait(&plan.retries, outcome, jitter.as_mut()) else {
                break (outcome, false);
            };
            let now = Instant::now();
            if shared.schedule.is_over(now + wait) {
                break (outcome, !shared.schedule.is_over(now));
            }
            if !shared.may_retry() {
                break (outcome, false);
            }
            if !wait.is_zero() {
                sender.waits(due, sent, outcome, attempts.timed_out);
                sleep(wait).await;
            }
            shared.record_retry(outcome);
            attempts.again(outcome);
            sent = Instant::now();
        };
        free = Instant::now();
        sender.count(due, sent, free, outcome, attempts.timed_out);
        if too_late && plan.shape == Shape::ClosedLoop {
            lock(worker).stats.too_late += 1;
            return; // it would have waited until after the end, and sent nothing meanwhile
        }
        if let Outcome::Failed(_) = outcome {
            sleep(Duration::from_millis(1)).await; // an unreachable server must not use all of the CPU time
            free = Instant::now();
        }
    }
}

struct Sender<'a> {
    shared: &'a Shared,
    worker: &'a Mutex<WorkerState>,
    place: usize,
    client: SummaryClient,
    /// When it began to connect, while it does.
    connecting: Option<Instant>,
    /// Whether it has sent nothing yet.
    is_new: bool,
    watchdog: Watchdog,
}

impl Sender<'_> {
    /// Connects, unless it is connected, and counts how long that took.
    async fn connect(&mut self) -> Result<(), Failure> {
        if self.client.is_connected() {
            return Ok(());
        }
        let began = *self.connecting.get_or_insert_with(Instant::now);
        let connected = self.client.connect().await;
        self.connecting = None;
        if connected.is_ok() {
            lock(self.worker).stats.connects.count(began.elapsed());
        }
        connected
    }

    /// The request now waits to be sent again.
    fn waits(&self, due: DueRequest, sent: Instant, outcome: Outcome, timed_out: u32) {
        let shed = outcome != Outcome::TimedOut;
        lock(self.worker).in_flight[self.place] =
            Some(InFlight { waits: true, shed, ..InFlight::new(due, sent, timed_out) });
    }

    /// Sends one request and returns its outcome; `timed_out`: how many of its attempts did before.
    async fn attempt(&mut self, due: DueRequest, sent: Instant, timed_out: u32) -> Outcome {
        let plan = &self.shared.plan;
        lock(self.worker).in_flight[self.place] = Some(InFlight::new(due, sent, timed_out));
        let request = plan.request(due.number);
        let mut watchdog = std::mem::take(&mut self.watchdog);
        let answer = watchdog
            .watch(sent + plan.timeout, async {
                self.connect().await?;
                if self.is_new {
                    self.client.record();
                }
                self.client.exchange(&request, plan.to_head).await
            })
            .await;
        self.watchdog = watchdog;
        if std::mem::take(&mut self.is_new) {
            self.keep_error();
        }
        let outcome = match answer {
            Some(Ok(response)) => Outcome::of(&response),
            Some(Err(failure)) => Outcome::Failed(failure),
            None => Outcome::TimedOut,
        };
        let surplus = outcome.is_answer() && self.client.has_surplus();
        if surplus {
            lock(self.worker).stats.surplus += 1;
        }
        if !plan.keep_alive || !outcome.is_answer() || surplus {
            self.client.disconnect();
            self.connecting = None;
        }
        outcome
    }

    /// Keeps the first response that is an error, for the note on a run in which all are.
    fn keep_error(&mut self) {
        let error = ErrorResponse::read(&self.client.take_recorded(), self.shared.plan.to_head);
        let first = &mut lock(self.worker).stats.first_error;
        *first = first.take().or(error);
    }

    /// Counts a request once, by the outcome of its last attempt; its latency counts from when it was due.
    fn count(
        &self,
        due: DueRequest,
        sent: Instant,
        now: Instant,
        outcome: Outcome,
        timed_out: u32,
    ) {
        if let (Outcome::Served(_), Some(bucket)) = (outcome, &self.shared.bucket) {
            lock(bucket).earn();
        }
        let mut worker = lock(self.worker);
        worker.in_flight[self.place] = None;
        let latency = now.saturating_duration_since(due.due);
        if let (Outcome::Served(_), Shape::Ramp(_)) = (outcome, self.shared.plan.shape) {
            let after = due.due.saturating_duration_since(self.shared.schedule.began());
            worker.stats.ramp.count(after, latency);
        }
        worker.stats.count(due.number, outcome, latency, now.saturating_duration_since(sent));
        worker.stats.record_lost(due.number, timed_out, outcome.is_answer().then_some(outcome));
        if self.shared.schedule.has_more(now) {
            worker.stats.record_answered(self.place, outcome);
        }
    }
}

/// Cancels a request that takes too long. Its timer is reset only when it fires too early: a timer
/// for each would cost as much as the request.
#[derive(Default)]
struct Watchdog(Option<Pin<Box<Sleep>>>);

impl Watchdog {
    fn new() -> Self {
        Self(None)
    }

    /// The result of `work`; `None` if it is not done by the deadline.
    async fn watch<T>(&mut self, deadline: Instant, work: impl Future<Output = T>) -> Option<T> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline || timer.is_elapsed() {
            timer.as_mut().reset(deadline);
        }
        let late = async {
            loop {
                timer.as_mut().await;
                if Instant::now() >= deadline {
                    return;
                }
                timer.as_mut().reset(deadline);
            }
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            // also if the work has used up the task's budget, as an endless body does
            () = unconstrained(late) => None,
        }
    }
}
