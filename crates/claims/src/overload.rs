//! More events than a server has capacity for.

use crate::concurrency::{concurrently, count};
use crate::event::{event, fresh_user, post_json};
use crate::queue_stats::{EMPTY, NoStats, StatsResponse, queue_stats};
use crate::raw_connection::WORK;
use crate::trial::{QueueSample, TracedRequest, Trial, instead};
use probe::duration::show;
use probe::http_client::{Outcome, ResponseClient};
use std::time::Duration;
use tokio::time::{Instant, interval, sleep, sleep_until};

/// How long the client waits for the hundred responses: an immediate rejection comes much sooner.
const BURST: Duration = Duration::from_secs(3);

/// How long a rejection may take that does not wait for the queue: half of them must come sooner.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Opens a hundred connections, sends a hundred events, and watches the queue until it is empty.
pub(crate) async fn check_burst(trial: &mut Trial) -> Result<String, String> {
    let before = trial.settled().await;
    let users: Vec<_> = (0..10).map(|_| fresh_user()).collect();
    let events = (0..100).map(|number| (users[number % 10].clone(), 1)).collect();
    let watched = before.map(|before| tokio::spawn(watch(trial.addr, trial.began, before)));
    let calls = concurrently(trial, events, BURST).await;
    let after = trial.stats().await;
    if let Some(watched) = watched {
        trial.queue = watched.await.unwrap_or_default(); // a watcher that panicked leaves no samples
    }
    let calls = calls?;
    let accepted = count(&calls, |outcome| matches!(outcome, Outcome::Served(_)));
    let rejected = count(&calls, |outcome| matches!(outcome, Outcome::Shed(Some(_))));
    let rejections = count(&calls, |outcome| matches!(outcome, Outcome::Shed(_)));
    let waiting = count(&calls, |outcome| outcome == Outcome::TimedOut);
    let slowest = trial.trace.iter().map(TracedRequest::took).max().unwrap_or_default();
    let mut rejections_took: Vec<_> = trial
        .trace
        .iter()
        .filter(|request| matches!(request.outcome, Some(Outcome::Shed(_))))
        .map(TracedRequest::took)
        .collect();
    rejections_took.sort_unstable();
    let median = rejections_took.get(rejections_took.len() / 2).copied().unwrap_or_default();
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
    } else if median > AT_ONCE {
        Err(format!("half of the {rejected} rejections took longer than {}", show(median)))
    } else if let Some(wrong) =
        before.zip(after).and_then(|(before, after)| disagreement(accepted as u64, before, after))
    {
        Err(wrong)
    } else if after.is_none() {
        let figure =
            format!("accepted {accepted}, rejected {rejected}, and no GET /stats to compare");
        Err(trial.cannot_tell(figure))
    } else {
        Ok(format!("accepted {accepted}, rejected {rejected} in {}", show(slowest)))
    }
}

/// What is wrong with the accepted count: an empty queue accepts its capacity (at least the share of one user, if it
/// has such shares), one more that the worker has in hand, and one for each event that is done meanwhile.
fn disagreement(accepted: u64, before: StatsResponse, after: StatsResponse) -> Option<String> {
    let most =
        after.capacity.saturating_add(1).saturating_add(after.done().saturating_sub(before.done()));
    let counted = after.accepted.saturating_sub(before.accepted);
    if counted != accepted {
        Some(format!("{accepted} acknowledged, {counted} counted"))
    } else if accepted < after.least().min(100) || accepted > most {
        Some(format!("accepted {accepted}, capacity {}", after.capacity))
    } else {
        None
    }
}

/// Samples the queue every 100 ms until what was accepted is done, for up to a deadline.
async fn watch(
    addr: std::net::SocketAddr,
    began: Instant,
    before: StatsResponse,
) -> Vec<QueueSample> {
    let end = Instant::now() + BURST + EMPTY;
    let mut tick = interval(Duration::from_millis(100));
    let mut samples: Vec<QueueSample> = Vec::new();
    while Instant::now() < end {
        tick.tick().await;
        // a new connection each time: an open one would block a server with one thread
        let Ok(stats) = queue_stats(&mut ResponseClient::new(addr), addr).await else { break };
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
    let addr = trial.addr;
    let first = match queue_stats(&mut ResponseClient::new(addr), addr).await {
        Ok(first) => first,
        Err(none) => return Err(none.explain(trial)),
    };
    let looking = tokio::spawn(async move {
        let (mut client, mut tick) =
            (ResponseClient::new(addr), interval(Duration::from_millis(10)));
        let mut earlier = first;
        for _ in 0..LOOKS {
            tick.tick().await;
            let stats = match queue_stats(&mut client, addr).await {
                Ok(stats) => stats,
                Err(NoStats::Missing(why) | NoStats::Failed(why)) => return Err(why),
            };
            if let Some(contradiction) = stats.contradiction(&earlier) {
                return Err(contradiction);
            }
            earlier = stats;
        }
        Ok(earlier)
    });
    let user = fresh_user();
    let calls = concurrently(trial, (0..30).map(|_| (user.clone(), 1)).collect(), WORK).await?;
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

/// Sends event after event until one is rejected. After its `Retry-After` all that was queued must be done, and the event
/// be accepted.
pub(crate) async fn check_retry_after(trial: &mut Trial) -> Result<String, String> {
    trial.settled().await; // what other users sent before may be in another part of the queue
    let (user, end) = (fresh_user(), Instant::now() + BURST);
    let request = post_json(trial.addr, &event(&user, 1));
    let mut client = ResponseClient::new(trial.addr);
    for number in 0..200 {
        let outcome = trial.call("event", &mut client, &request, WORK).await.outcome;
        match outcome {
            Outcome::Served(_) => {
                trial.books.accepted(&user, 1);
                if Instant::now() > end {
                    return Err(format!(
                        "accepted {} one by one in {} s, rejected none",
                        number + 1,
                        BURST.as_secs()
                    ));
                }
            }
            Outcome::Shed(None) => return Err("rejected without Retry-After".into()),
            Outcome::Shed(Some(seconds)) => {
                let rejected = Instant::now();
                client.disconnect(); // a server closes a connection that is idle too long
                wait_for_retry_after(trial, rejected, seconds).await?;
                return match trial.call("event, again", &mut client, &request, WORK).await.outcome {
                    Outcome::Served(_) => {
                        trial.books.accepted(&user, 1);
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

/// Waits for so many seconds, and for a little more if what was queued at the rejection is not done then. It must not have
/// been done long before either.
async fn wait_for_retry_after(
    trial: &mut Trial,
    rejected: Instant,
    seconds: u64,
) -> Result<(), String> {
    let wait = Duration::from_secs(seconds);
    let late = wait + wait / 2 + Duration::from_secs(1); // on a busy machine the worker sleeps longer than it should
    let full = trial.stats().await;
    let mut emptied = None;
    while rejected.elapsed() < wait.min(LONGEST_RETRY_AFTER) && emptied.is_none() {
        sleep(Duration::from_millis(20)).await;
        emptied = match (full, trial.stats().await) {
            (Some(full), Some(now)) if now.done() >= full.accepted => Some(rejected.elapsed()),
            _ => None,
        };
    }
    match emptied {
        Some(took) if wait > took * 2 + Duration::from_secs(2) => {
            return Err(format!(
                "Retry-After is {seconds} s, and what was queued was done after {}",
                show(took)
            ));
        }
        None if wait > LONGEST_RETRY_AFTER => {
            return Err(format!("Retry-After is {seconds} s: too long to wait"));
        }
        _ => sleep_until(rejected + wait).await,
    }
    let Some(full) = full else { return Ok(()) };
    while let Some(now) = trial.stats().await.filter(|now| now.done() < full.accepted) {
        if rejected.elapsed() > late {
            let left = full.accepted - now.done();
            return Err(format!(
                "Retry-After is {seconds} s, and then {left} of what was queued was not done"
            ));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
