//! The queue of a flawed server, and its workers.

use super::boundary::Entry;
use super::bounds::{self, Bounds};
use super::flaw::{Flaw, Kind};
use super::ledger::{Ledger, lock};
use http1::{Response, StatusCode, header};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const CAPACITY: usize = 16;

pub(super) struct Queue {
    flaw: Flaw,
    /// One, unless each worker has its own.
    senders: Vec<mpsc::Sender<Entry>>,
    ledger: Arc<Mutex<Ledger>>,
    /// Held while an event is worked on by a server that blocks others for that time.
    working: Arc<Semaphore>,
    /// It rejects every event until then.
    rejecting_until: Mutex<Option<Instant>>,
    cached: Mutex<Option<(Instant, Value)>>,
    bounds: Option<Bounds>,
}

/// How long the work for one event takes.
pub(super) fn work(flaw: Flaw) -> Duration {
    Duration::from_millis(match flaw {
        Flaw::SaysRetryAfterOne => 300,
        Flaw::HasTwoWorkers | Flaw::HasQueuePerWorker => 200,
        Flaw::BlocksStatsOnWork | Flaw::LocksAcrossWork => 700,
        _ => 50,
    })
}

impl Queue {
    pub(super) fn open(
        kind: Kind,
        flaw: Flaw,
        ledger: Arc<Mutex<Ledger>>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let work = if kind == Kind::Bounded { bounds::WORK } else { work(flaw) };
        let (queues, capacity) = match flaw {
            Flaw::HasUnboundedQueue => (1, 100_000),
            Flaw::OverstatesCapacity => (1, 5),
            Flaw::HasQueuePerWorker => (4, CAPACITY / 4),
            _ => (1, CAPACITY),
        };
        let working = Arc::new(Semaphore::new(1));
        let mut senders = Vec::new();
        for _ in 0..queues {
            let (sender, receiver) = mpsc::channel(capacity);
            senders.push(sender);
            let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
            for _ in 0..if flaw == Flaw::HasTwoWorkers { 2 } else { 1 } {
                tasks.spawn(run_worker(
                    receiver.clone(),
                    ledger.clone(),
                    working.clone(),
                    work,
                    flaw,
                ));
            }
        }
        let (rejecting_until, cached) = (Mutex::new(None), Mutex::new(None));
        let bounds = (kind == Kind::Bounded).then(|| Bounds::new(flaw));
        Self { flaw, senders, ledger, working, rejecting_until, cached, bounds }
    }

    fn sender(&self, user: &str) -> &mpsc::Sender<Entry> {
        let sum: usize = user.bytes().map(usize::from).sum();
        &self.senders[sum % self.senders.len()]
    }

    pub(super) fn is_full(&self) -> bool {
        self.senders.iter().all(|sender| sender.capacity() == 0)
    }

    pub(super) async fn offer(&self, entry: Entry, understood: &Value) -> Response {
        let sender = self.sender(&entry.user);
        let accepted = Response::json(StatusCode::ACCEPTED, understood);
        match self.flaw {
            Flaw::WaitsWhenFull => {
                let place = sender.reserve().await.expect("the worker runs");
                let mut ledger = lock(&self.ledger);
                place.send(entry);
                ledger.accepted += 1;
                return accepted;
            }
            Flaw::RejectsAfterASecond => {
                return match timeout(Duration::from_secs(1), sender.reserve()).await {
                    Ok(Ok(place)) => {
                        let mut ledger = lock(&self.ledger);
                        place.send(entry);
                        ledger.accepted += 1;
                        accepted
                    }
                    _ => {
                        lock(&self.ledger).rejected += 1;
                        self.overloaded()
                    }
                };
            }
            Flaw::CountsBesideTheChannel if sender.try_send(entry.clone()).is_ok() => {
                sleep(Duration::from_millis(60)).await; // a log, say
                lock(&self.ledger).accepted += 1;
                return accepted;
            }
            Flaw::RespondsBeforeSending => {
                let mut ledger = lock(&self.ledger);
                ledger.accepted += 1;
                ledger.processed += usize::from(sender.try_send(entry).is_err());
                return accepted;
            }
            Flaw::LocksAcrossWork => {
                let _permit = self.working.acquire().await;
            }
            _ => {}
        }
        let mut ledger = lock(&self.ledger);
        let mut rejecting_until = self.rejecting_until.lock().expect("no panic while it is held");
        let leaks = self.flaw == Flaw::LeaksPlaceOnFailure
            && ledger.undone().saturating_sub(1) + ledger.failed >= CAPACITY;
        if let Some(rejection) =
            self.bounds.as_ref().and_then(|bounds| bounds.reject(&ledger, sender, &entry))
        {
            ledger.rejected += 1;
            return rejection;
        }
        if !rejecting_until.is_some_and(|until| Instant::now() < until)
            && !leaks
            && (self.flaw != Flaw::ReversesOrder || ledger.undone() <= CAPACITY)
            && sender.try_send(entry.clone()).is_ok()
        {
            ledger.accepted += 1;
            ledger.not_done.push_back(entry.user.clone());
            if self.flaw == Flaw::AppliesAtOnce {
                let balance = ledger.balances.entry(entry.user).or_default();
                *balance = balance.saturating_add(entry.amount);
            }
            return accepted;
        }
        match self.flaw {
            Flaw::RejectsEvenAfterRetryAfter => {
                *rejecting_until = Some(Instant::now() + Duration::from_secs(4));
            }
            Flaw::AppliesRejectedEvents => {
                let balance = ledger.balances.entry(entry.user).or_default();
                *balance = balance.saturating_add(entry.amount);
            }
            _ => {}
        }
        ledger.rejected += usize::from(self.flaw != Flaw::MiscountsRejections);
        drop((ledger, rejecting_until));
        self.overloaded()
    }

    fn overloaded(&self) -> Response {
        let seconds = match self.flaw {
            Flaw::OmitsRetryAfter => return unavailable(),
            Flaw::SaysRetryAfterOne => 1,
            Flaw::SaysRetryAfterSixty => 60,
            _ => {
                let waiting = lock(&self.ledger).undone() as u32;
                (work(self.flaw) * waiting).as_millis().div_ceil(1000).max(1) as u64
            }
        };
        unavailable().with_header(header::RETRY_AFTER, seconds)
    }

    pub(super) async fn stats(&self) -> Value {
        if self.flaw == Flaw::BlocksStatsOnWork {
            let _permit = self.working.acquire().await;
        }
        let mut cached = self.cached.lock().expect("no panic while it is held");
        if let Some((since, stats)) = &*cached {
            if self.flaw == Flaw::CachesStats && since.elapsed() < Duration::from_secs(1) {
                return stats.clone();
            }
        }
        let ledger = lock(&self.ledger);
        let queued = match self.flaw {
            Flaw::OverstatesQueued => ledger.undone().saturating_sub(1) + 3,
            Flaw::CountsBesideTheChannel | Flaw::HasTwoWorkers | Flaw::HasQueuePerWorker => {
                self.senders.iter().map(|sender| sender.max_capacity() - sender.capacity()).sum()
            }
            _ => ledger.undone().saturating_sub(1),
        };
        let stats = json!({
            "capacity": CAPACITY,
            "queued": queued,
            "accepted": ledger.accepted,
            "rejected": ledger.rejected,
            "processed": ledger.processed,
            "failed": ledger.failed,
        });
        *cached = Some((Instant::now(), stats.clone()));
        stats
    }
}

#[expect(clippy::await_holding_invalid_type, reason = "one of two workers waits for an event")]
async fn run_worker(
    entries: Arc<tokio::sync::Mutex<mpsc::Receiver<Entry>>>,
    ledger: Arc<Mutex<Ledger>>,
    working: Arc<Semaphore>,
    work: Duration,
    flaw: Flaw,
) {
    let mut stack = Vec::new();
    loop {
        let (entry, waiting) = {
            let mut entries = entries.lock().await;
            if flaw == Flaw::ReversesOrder {
                while let Ok(entry) = entries.try_recv() {
                    stack.push(entry);
                }
            }
            let Some(entry) = (match stack.pop() {
                Some(entry) => Some(entry),
                None => entries.recv().await,
            }) else {
                return;
            };
            (entry, entries.len())
        };
        let permit = working.acquire().await;
        let permit =
            permit.ok().filter(|_| matches!(flaw, Flaw::BlocksStatsOnWork | Flaw::LocksAcrossWork));
        sleep(work).await;
        drop(permit);
        let mut ledger = lock(&ledger);
        ledger.not_done.pop_front();
        if flaw == Flaw::DropsOnceTwelveWait && waiting >= 12 {
            ledger.processed += 1;
            continue;
        }
        if ledger.apply(&entry, flaw).is_none() && flaw == Flaw::WorkerEndsOnOverflow {
            return;
        }
    }
}

pub(super) fn unavailable() -> Response {
    Response::problem(StatusCode::SERVICE_UNAVAILABLE, "the server is at its limit")
}
