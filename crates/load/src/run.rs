//! A run: its threads, a task for each connection, and its progress.

use crate::plan::Plan;
use crate::retry::Bucket;
use crate::schedule::{Schedule, Until, pace};
use crate::sender::{First, send};
use crate::shared::{Shared, WorkerState, lock};
use crate::stats::LoadStats;
use crate::timeline::{Sample, Second, Timeline, watch_queue};
use cpu_time::ThreadTime;
use probe::http_client::{Failure, Outcome};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, thread};
use tokio::sync::{Barrier, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

/// The progress of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// The time since its beginning.
    pub elapsed: Duration,
    /// How many requests were served, shed, rejected, timed out and failed.
    pub outcomes: [u64; 5],
    /// How many are in flight.
    pub in_flight: u64,
    /// How many wait to be sent again.
    pub waiting: u64,
    /// The last second that is over.
    pub last_second: Option<Second>,
}

/// Sends what the plan says, until it is done or `stop` ends; calls `seen` with the progress ten times a second.
///
/// The first sender connects before the run begins and keeps that connection, so there are never more than the plan says.
/// The others follow once it is connected, or after a second.
///
/// # Errors
/// `ConnectionRefused` if no server listens there: then nothing was sent. Otherwise the system provides no thread or no
/// event queue.
pub async fn run(
    plan: Plan,
    stop: impl Future<Output = ()>,
    mut seen: impl FnMut(Progress),
) -> io::Result<LoadStats> {
    let senders = match plan.until {
        Until::Count(count) => plan.connections.min(usize::try_from(count).unwrap_or(usize::MAX)),
        Until::Elapsed(_) => plan.connections,
    };
    let shared = Arc::new(Shared {
        schedule: Arc::new(Schedule::new(plan.shape, plan.until)),
        begun: CancellationToken::new(),
        ready: Barrier::new(senders),
        resent: Mutex::default(),
        bucket: plan.retries.budget.map(|budget| Mutex::new(Bucket::new(budget))),
        retry_burst: Mutex::default(),
        plan,
    });
    let stopped = CancellationToken::new();
    let (threads, mut workers, mut running) = (threads().min(senders), Vec::new(), JoinSet::new());
    let mut start = |thread: usize, first: Option<First>| -> io::Result<()> {
        let places = (senders - thread).div_ceil(threads);
        let worker = Arc::new(Mutex::new(WorkerState::new(&shared.plan, thread, places)));
        workers.push(worker.clone());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (shared, stopped) = (shared.clone(), stopped.clone());
        let work = move || runtime.block_on(run_worker(&shared, &worker, first, stopped));
        running.spawn_blocking(work);
        Ok(())
    };
    let (mut stop, mut stopping) = (pin!(stop), false);
    let (connected, first) = oneshot::channel();
    start(0, Some(connected))?;
    tokio::select! {
        first = timeout(LOOK, first) => if let Ok(Ok(Err(Failure::NotListening))) = first {
            stopped.cancel();
            return Err(io::ErrorKind::ConnectionRefused.into());
        },
        () = &mut stop => {
            stopping = true;
            shared.schedule.end();
            stopped.cancel();
        }
    }
    shared.schedule.begin();
    shared.begun.cancel();
    let pacer = pace(&shared.schedule, senders)?;
    for thread in 1..threads {
        start(thread, None)?;
    }
    let (mut tick, mut timeline) = (interval(Duration::from_millis(100)), Timeline::default());
    let (says, queued) = watch::channel(None);
    let mut watcher = pin!(watch_queue(shared.plan.addresses.clone(), says));
    let mut is_watching = shared.plan.watch_queue;
    loop {
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(Ok(())) => {}
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()), // none is ever aborted
                None => break,
            },
            () = &mut stop, if !stopping => {
                stopping = true;
                shared.schedule.end();
                stopped.cancel();
            }
            () = &mut watcher, if is_watching => is_watching = false,
            _ = tick.tick() => {
                let mut progress = progress(&shared, &workers);
                while timeline.is_behind(progress.elapsed) {
                    timeline.end_second(sample(&shared, &progress), *queued.borrow());
                }
                progress.last_second = timeline.last();
                seen(progress);
            }
        }
    }
    let elapsed = shared.schedule.elapsed();
    shared.schedule.end();
    let _ = pacer.map(thread::JoinHandle::join); // it cannot panic
    let mut stats = LoadStats::new(&shared.plan);
    for worker in workers {
        stats.merge(&lock(&worker).stats);
    }
    stats.resent = *lock(&shared.resent);
    stats.retry_burst = lock(&shared.retry_burst).most();
    stats.finish(senders as u64, shared.schedule.due_by(elapsed), elapsed, stopping);
    let due = stats.total() + stats.not_sent;
    let end = Sample { due, outcomes: stats.totals(), resent: stats.resent };
    stats.timeline = timeline.finish(end);
    Ok(stats)
}

/// How long the others wait for the first connection. A longer wait would only delay the run.
const LOOK: Duration = Duration::from_secs(1);

/// How many threads to use: half of the cores, since the server needs the other half.
fn threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

/// One thread's work: a task for each of its connections.
async fn run_worker(
    shared: &Arc<Shared>,
    worker: &Arc<Mutex<WorkerState>>,
    mut first: Option<First>,
    stopped: CancellationToken,
) {
    let began = ThreadTime::try_now();
    let mut senders = JoinSet::new();
    let places = lock(worker).in_flight.len();
    let all = async {
        for place in 0..places {
            let (shared, worker, first) = (shared.clone(), worker.clone(), first.take());
            if place > 0 {
                shared.begun.cancelled().await;
            }
            senders.spawn(async move { send(&shared, &worker, place, first).await });
        }
        while let Some(sender) = senders.join_next().await {
            if let Err(error) = sender {
                std::panic::resume_unwind(error.into_panic()); // none is aborted here
            }
        }
    };
    tokio::select! {
        biased;
        () = stopped.cancelled() => {}
        () = all => {}
    }
    senders.shutdown().await;
    let mut worker = lock(worker);
    let WorkerState { stats, in_flight, .. } = &mut *worker;
    for request in in_flight.iter_mut().filter_map(Option::take) {
        stats.abort(request.number, request.due.elapsed(), request.sent.elapsed(), request.shed);
        let shed = request.shed.then_some(Outcome::Shed(None));
        stats.record_lost(request.number, request.timed_out, shed);
    }
    stats.busy = began.and_then(|began| began.try_elapsed()).unwrap_or_default();
}

fn progress(shared: &Shared, workers: &[Arc<Mutex<WorkerState>>]) -> Progress {
    let mut progress = Progress { elapsed: shared.schedule.elapsed(), ..Progress::default() };
    for worker in workers {
        let worker = lock(worker);
        for (sum, total) in progress.outcomes.iter_mut().zip(worker.stats.totals()) {
            *sum += total;
        }
        for request in worker.in_flight.iter().flatten() {
            *if request.waits { &mut progress.waiting } else { &mut progress.in_flight } += 1;
        }
    }
    progress
}

/// The counters now. A request that is due and waits for a connection is known only at a rate.
fn sample(shared: &Shared, progress: &Progress) -> Sample {
    let begun = progress.outcomes.iter().sum::<u64>() + progress.in_flight + progress.waiting;
    let due = shared.schedule.due_by(progress.elapsed).max(begun);
    Sample { due, outcomes: progress.outcomes, resent: *lock(&shared.resent) }
}
