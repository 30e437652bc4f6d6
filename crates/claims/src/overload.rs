//! More events and connections than a server has capacity for.

use crate::concurrency::{concurrently, count};
use crate::event::{event, fresh_user, post_event};
use crate::raw_connection::{PATIENCE, WORK};
use crate::trial::{QueueSample, TracedRequest, Trial, instead};
use http1::{Response, StatusCode, header};
use probe::duration::show;
use probe::http_client::{Call, Outcome, ResponseClient, get};
use std::time::Duration;
use tokio::time::{Instant, interval, sleep, timeout};

/// How long the client waits for the hundred responses: an immediate rejection comes much sooner.
const BURST: Duration = Duration::from_secs(3);

/// How long a queue may take to become empty, before and after the burst.
const EMPTY: Duration = Duration::from_secs(15);

/// Opens a hundred connections, sends a hundred events, and watches the queue until it is empty.
pub(crate) async fn check_burst(trial: &mut Trial) -> Result<String, String> {
    let before = trial.settled().await;
    let events = (0..100).map(|number| event(&format!("user{}", number % 10), 1)).collect();
    let watched = before.map(|before| tokio::spawn(watch(trial.addr, trial.began, before)));
    let calls = concurrently(trial, events, BURST).await;
    let after = trial.look::<QueueStats>("/stats").await;
    if let Some(watched) = watched {
        trial.queue = watched.await.unwrap_or_default(); // a watcher that panicked leaves no samples
    }
    let calls = calls?;
    let accepted = count(&calls, |outcome| matches!(outcome, Outcome::Served(_)));
    let rejected = count(&calls, |outcome| matches!(outcome, Outcome::Shed(Some(_))));
    let rejections = count(&calls, |outcome| matches!(outcome, Outcome::Shed(_)));
    let waiting = count(&calls, |outcome| outcome == Outcome::TimedOut);
    let slowest = trial.trace.iter().map(TracedRequest::took).max().unwrap_or_default();
    if accepted == 100 {
        Err("accepted 100, rejected none".into())
    } else if waiting > 0 {
        Err(format!("accepted {accepted} in {} s, {waiting} still waiting", BURST.as_secs()))
    } else if rejections > rejected {
        Err(format!("{} of {rejections} rejections without Retry-After", rejections - rejected))
    } else if accepted == 0 && rejected == 100 {
        Err("rejected 100, accepted none".into())
    } else if accepted + rejected < 100 {
        Err(format!(
            "accepted {accepted}, rejected {rejected}, no response to {}",
            100 - accepted - rejected
        ))
    } else if let Some(wrong) =
        before.zip(after).and_then(|(before, after)| disagreement(accepted as u64, before, after))
    {
        Err(wrong)
    } else {
        Ok(format!("accepted {accepted}, rejected {rejected} in {}", show(slowest)))
    }
}

/// The response to `GET /stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct QueueStats {
    capacity: u64,
    queued: u64,
    accepted: u64,
    rejected: u64,
    processed: u64,
    failed: u64,
}

impl QueueStats {
    fn done(&self) -> u64 {
        self.processed.saturating_add(self.failed)
    }

    /// What is inconsistent in it, by itself or compared with an earlier sample.
    fn contradiction(&self, earlier: &QueueStats) -> Option<String> {
        let QueueStats { capacity, queued, accepted, .. } = *self;
        let in_hand =
            accepted.checked_sub(self.done()).and_then(|undone| undone.checked_sub(queued));
        let went_back = accepted < earlier.accepted
            || self.done() < earlier.done()
            || self.rejected < earlier.rejected;
        if queued > capacity {
            Some(format!("{queued} queued, capacity {capacity}"))
        } else if !matches!(in_hand, Some(0 | 1)) {
            Some(format!("{accepted} accepted, but {queued} queued and {} done", self.done()))
        } else {
            went_back.then(|| "a count decreased".into())
        }
    }
}

/// What is wrong with the accepted count: an empty queue accepts its capacity, one more that the worker has in
/// hand, and one for each event that is done meanwhile.
fn disagreement(accepted: u64, before: QueueStats, after: QueueStats) -> Option<String> {
    let most =
        after.capacity.saturating_add(1).saturating_add(after.done().saturating_sub(before.done()));
    let counted = after.accepted.saturating_sub(before.accepted);
    if counted != accepted {
        Some(format!("{accepted} acknowledged, {counted} counted"))
    } else if accepted < after.capacity.min(100) || accepted > most {
        Some(format!("accepted {accepted}, capacity {}", after.capacity))
    } else {
        None
    }
}

/// Samples the queue every 100 ms until what was accepted is done, for up to a deadline.
async fn watch(addr: std::net::SocketAddr, began: Instant, before: QueueStats) -> Vec<QueueSample> {
    let end = Instant::now() + BURST + EMPTY;
    let (request, mut tick) = (get(addr, "/stats"), interval(Duration::from_millis(100)));
    let mut samples: Vec<QueueSample> = Vec::new();
    while Instant::now() < end {
        tick.tick().await;
        // a new connection each time: an open one would block a server with one thread
        let call = ResponseClient::new(addr).call(&request, false, Instant::now() + PATIENCE).await;
        let Some(stats) = call
            .response
            .and_then(|response| serde_json::from_slice::<QueueStats>(response.body()).ok())
        else {
            break;
        };
        let (accepted, done) = (
            stats.accepted.saturating_sub(before.accepted),
            stats.done() - before.done().min(stats.done()),
        );
        samples.push(QueueSample {
            at: began.elapsed(),
            capacity: stats.capacity,
            queued: stats.queued,
            accepted,
            done,
        });
        let last = samples.iter().rev().nth(1).map(|sample| sample.accepted);
        if accepted > 0 && accepted == done && last == Some(accepted) {
            break;
        }
    }
    samples
}

/// Samples the queue a hundred times while thirty events arrive.
pub(crate) async fn check_stats_consistent(trial: &mut Trial) -> Result<String, String> {
    const LOOKS: usize = 100;
    let (addr, request) = (trial.addr, get(trial.addr, "/stats"));
    let first: QueueStats = trial.fetch("/stats", PATIENCE).await?;
    let looking = tokio::spawn(async move {
        let (mut client, mut tick) =
            (ResponseClient::new(addr), interval(Duration::from_millis(10)));
        let mut earlier = first;
        for _ in 0..LOOKS {
            tick.tick().await;
            let Call { response, outcome, .. } =
                client.call(&request, false, Instant::now() + PATIENCE).await;
            let response =
                response.ok_or_else(|| format!("{} to GET /stats", instead(outcome, PATIENCE)))?;
            let stats: QueueStats = serde_json::from_slice(response.body())
                .map_err(|_| "GET /stats returns no figures of a queue")?;
            if let Some(contradiction) = stats.contradiction(&earlier) {
                return Err(contradiction);
            }
            earlier = stats;
        }
        Ok(earlier)
    });
    let user = fresh_user();
    let calls = concurrently(trial, (0..30).map(|_| event(&user, 1)).collect(), WORK).await?;
    let last = looking.await.map_err(|error| error.to_string())??;
    let accepted = count(&calls, |outcome| matches!(outcome, Outcome::Served(_))) as u64;
    let rejected = count(&calls, |outcome| matches!(outcome, Outcome::Shed(_))) as u64;
    // a decrease is an error above, so this cannot underflow
    let counted = (last.accepted - first.accepted, last.rejected - first.rejected);
    if counted == (accepted, rejected) {
        Ok(format!("{LOOKS} samples: accepted {accepted}, rejected {rejected}"))
    } else {
        Err(format!(
            "accepted {accepted}, rejected {rejected}; the server counted {} and {}",
            counted.0, counted.1
        ))
    }
}

/// The longest `Retry-After` that the claim waits for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Sends event after event until one is rejected, and again after its `Retry-After`.
pub(crate) async fn check_retry_after(trial: &mut Trial) -> Result<String, String> {
    let (user, end) = (fresh_user(), Instant::now() + BURST);
    let request = post_event(trial.addr, "application/json", event(&user, 0).as_bytes());
    let mut client = ResponseClient::new(trial.addr);
    for number in 0..200 {
        let outcome = trial.call("event", &mut client, &request, WORK).await.outcome;
        match outcome {
            Outcome::Served(_) if Instant::now() > end => {
                return Err(format!(
                    "accepted {} one by one in {} s, rejected none",
                    number + 1,
                    BURST.as_secs()
                ));
            }
            Outcome::Served(_) => {}
            Outcome::Shed(None) => return Err("rejected without Retry-After".into()),
            Outcome::Shed(Some(seconds)) => {
                if seconds > LONGEST_RETRY_AFTER.as_secs() {
                    return Err(format!("Retry-After is {seconds} s: too long to wait"));
                }
                client.disconnect(); // a server closes a connection that is idle too long
                sleep(Duration::from_secs(seconds)).await;
                return match trial.call("event, again", &mut client, &request, WORK).await.outcome {
                    Outcome::Served(_) => {
                        Ok(format!("rejected after {number}, accepted {seconds} s later"))
                    }
                    outcome => {
                        Err(format!("sent again after {seconds} s: {}", instead(outcome, WORK)))
                    }
                };
            }
            outcome => return Err(instead(outcome, WORK)),
        }
    }
    Err("accepted 200, rejected none".into())
}

/// More connections than stage 5 accepts.
const CONNECTIONS: usize = 1100;

/// Opens one connection that is served, more than a thousand that send nothing, and one more.
pub(crate) async fn check_max_connections(trial: &mut Trial) -> Result<String, String> {
    // if the limit cannot be raised, opening connections fails below
    let _ = rlimit::increase_nofile_limit(CONNECTIONS as u64 + 100);
    let request = get(trial.addr, "/");
    let mut first = trial.open().await?;
    trial.ask("the first", &mut first, &request, PATIENCE).await?;
    let mut others = Vec::with_capacity(CONNECTIONS);
    for number in 1..CONNECTIONS {
        if number % 100 == 0 {
            // a server closes a connection that is idle too long
            let response = trial.ask("the first, again", &mut first, &request, PATIENCE).await;
            response.map_err(|instead| format!("the first, beside {number} others: {instead}"))?;
        }
        match trial.open().await {
            Ok(connection) => others.push(connection),
            Err(instead) => return Err(format!("connection {number}: {instead}")),
        }
    }
    let mut last =
        trial.open().await.map_err(|instead| format!("connection {CONNECTIONS}: {instead}"))?;
    let response = trial.ask("the last", &mut last, &request, WORK).await?;
    let ended = last.end(PATIENCE).await;
    let mut rejected = 1;
    for connection in others.iter_mut().rev() {
        match connection.response(false, Duration::from_millis(20)).await {
            Ok(response) if is_rejection(&response) => rejected += 1,
            _ => break,
        }
    }
    let still = trial.ask("the first, again", &mut first, &request, PATIENCE).await;
    drop((first, last, others));
    let free = timeout(WORK, async {
        // until the server has noticed that the connections are closed
        while let Outcome::Shed(_) = trial.send_normal_request(PATIENCE).await.outcome {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let free = free.await.is_ok();
    if response.status() != StatusCode::SERVICE_UNAVAILABLE {
        return Err(format!("{CONNECTIONS} connections, none rejected"));
    }
    if !is_rejection(&response) {
        return Err("rejected without Retry-After".into());
    }
    ended.map_err(|instead| format!("rejected, then {instead}"))?;
    still.map_err(|instead| format!("the first, while others were rejected: {instead}"))?;
    if free {
        Ok(format!("rejected {rejected} of {CONNECTIONS}"))
    } else {
        Err("still full after all had disconnected".into())
    }
}

fn is_rejection(response: &Response) -> bool {
    response.status() == StatusCode::SERVICE_UNAVAILABLE
        && response.header(header::RETRY_AFTER).is_some()
}

impl Trial {
    /// Waits until so many events fit into the queue, if the server has one, but no longer than [`EMPTY`].
    pub(crate) async fn room_for(&self, events: u64) {
        let end = Instant::now() + EMPTY;
        while Instant::now() < end {
            match self.look::<QueueStats>("/stats").await {
                Some(stats) if stats.queued.saturating_add(events) > stats.capacity => {}
                _ => break,
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The figures of the queue once no work is left; `None` if the server has no figures, or is still busy after
    /// [`EMPTY`].
    pub(crate) async fn settled(&self) -> Option<QueueStats> {
        let end = Instant::now() + EMPTY;
        while Instant::now() < end {
            let stats = self.look::<QueueStats>("/stats").await?;
            if stats.accepted == stats.done() {
                return Some(stats);
            }
            sleep(Duration::from_millis(50)).await;
        }
        None
    }
}
