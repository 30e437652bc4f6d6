//! A run: threads, a task for each connection, and what can be seen meanwhile.

use crate::plan::Plan;
use crate::schedule::{Schedule, Until, pace};
use crate::sender::send;
use crate::shared::{Crew, Share, lock};
use crate::tally::Tally;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, thread};
use tokio::sync::{Barrier, watch};
use tokio::task::JoinSet;
use tokio::time::interval;

/// What can be seen of a run while it goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Since its beginning.
    pub elapsed: Duration,
    /// How many requests were served, refused, rejected, timed out and failed.
    pub outcomes: [u64; 5],
    /// How many are in flight.
    pub in_flight: u64,
    /// How many were refused and wait to be sent again.
    pub waiting: u64,
}

/// Sends what the plan says, until it is done or `stop` ends; `seen` is shown ten times a second how it goes.
///
/// # Errors
/// That the system gives no threads or no event queue.
pub async fn run(
    plan: Plan,
    stop: impl Future<Output = ()>,
    mut seen: impl FnMut(Progress),
) -> io::Result<Tally> {
    let senders = match plan.until {
        Until::Count(count) => plan.connections.min(usize::try_from(count).unwrap_or(usize::MAX)),
        Until::Elapsed(_) => plan.connections,
    };
    let crew = Arc::new(Crew {
        schedule: Arc::new(Schedule::new(plan.shape, plan.until)),
        ready: Barrier::new(senders),
        resent: AtomicU64::new(0),
        herd: Mutex::default(),
        plan,
    });
    let (stopper, stopped) = watch::channel(false);
    let pacer = pace(&crew.schedule, senders)?;
    let (threads, mut shares, mut shifts) = (threads().min(senders), Vec::new(), JoinSet::new());
    for thread in 0..threads {
        let places = (senders - thread).div_ceil(threads);
        let share = Arc::new(Mutex::new(Share::new(&crew.plan, thread, places)));
        shares.push(share.clone());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (crew, stopped) = (crew.clone(), stopped.clone());
        shifts.spawn_blocking(move || runtime.block_on(shift(&crew, &share, stopped)));
    }
    let (mut stop, mut stopping, mut tick) =
        (pin!(stop), false, interval(Duration::from_millis(100)));
    loop {
        tokio::select! {
            shift = shifts.join_next() => match shift {
                Some(Ok(())) => {}
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()), // none is ever aborted
                None => break,
            },
            () = &mut stop, if !stopping => {
                stopping = true;
                crew.schedule.end();
                stopper.send_replace(true);
            }
            _ = tick.tick() => seen(progress(&crew, &shares)),
        }
    }
    let elapsed = crew.schedule.elapsed();
    crew.schedule.end();
    let _ = pacer.map(thread::JoinHandle::join); // it cannot panic
    let mut tally = Tally::new(&crew.plan);
    for share in shares {
        tally.merge(&lock(&share).tally);
    }
    tally.resent = crew.resent.load(Ordering::Relaxed);
    tally.herd = lock(&crew.herd).most();
    tally.finish(senders as u64, crew.schedule.due_by(elapsed), elapsed, stopping);
    Ok(tally)
}

/// More than one where it pays: the other half of the cores is the server's.
fn threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

/// One thread's work: a task for each of its connections.
async fn shift(crew: &Arc<Crew>, share: &Arc<Mutex<Share>>, mut stopped: watch::Receiver<bool>) {
    let began = cpu_time();
    let mut senders = JoinSet::new();
    let places = lock(share).in_flight.len();
    for place in 0..places {
        let (crew, share) = (crew.clone(), share.clone());
        senders.spawn(async move { send(&crew, &share, place).await });
    }
    let all = async {
        while let Some(sender) = senders.join_next().await {
            if let Err(error) = sender {
                std::panic::resume_unwind(error.into_panic()); // none is aborted here
            }
        }
    };
    tokio::select! {
        () = all => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    senders.shutdown().await;
    let mut share = lock(share);
    let Share { tally, in_flight, .. } = &mut *share;
    for owed in in_flight.iter_mut().filter_map(Option::take) {
        tally.cut_short(owed.number, owed.due.elapsed(), owed.sent.elapsed(), owed.refused);
    }
    tally.busy = cpu_time().saturating_sub(began);
}

/// The CPU time of this thread.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn progress(crew: &Crew, shares: &[Arc<Mutex<Share>>]) -> Progress {
    let mut progress = Progress { elapsed: crew.schedule.elapsed(), ..Progress::default() };
    for share in shares {
        let share = lock(share);
        for (sum, total) in progress.outcomes.iter_mut().zip(share.tally.totals()) {
            *sum += total;
        }
        for owed in share.in_flight.iter().flatten() {
            *if owed.refused { &mut progress.waiting } else { &mut progress.in_flight } += 1;
        }
    }
    progress
}
