//! Many events at once.

use super::{Finding, Trial, get, post_event};
use crate::caller::{Call, Caller, Failure, Outcome, show};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// More than that between the first answer and the last is no noise of a busy machine.
const SLACK: Duration = Duration::from_millis(250);

/// Ten connections, then ten events: on each of ten users' accounts one.
pub(super) async fn ten_at_once(mut trial: Trial) -> Finding {
    if let Err(failure) = at_once(&mut trial, 10, Duration::from_secs(40)).await {
        return trial.no_server(failure);
    }
    let took = trial.trace.iter().map(super::Exchange::took);
    let (first, last) = (took.clone().min().unwrap_or_default(), took.max().unwrap_or_default());
    let unanswered = trial.trace.iter().filter(|exchange| !exchange.outcome.is_some_and(Outcome::is_answer)).count();
    if unanswered > 0 {
        trial.broken(format!("{unanswered} of 10 not answered"))
    } else if last > first * 2 + SLACK {
        trial.broken(format!("one by one, the last after {}", show(last)))
    } else {
        trial.kept(format!("all within {}", show(last)))
    }
}

/// How long the hundred are watched: whoever refuses at once has long done so.
const BURST: Duration = Duration::from_secs(3);

/// A hundred connections, then a hundred events.
pub(super) async fn burst(mut trial: Trial) -> Finding {
    let before = settled(&trial).await;
    if let Err(failure) = at_once(&mut trial, 100, BURST).await {
        return trial.no_server(failure);
    }
    let after = stats(&trial).await;
    let count =
        |is: fn(Outcome) -> bool| trial.trace.iter().filter(|exchange| exchange.outcome.is_some_and(is)).count();
    let taken = count(|outcome| matches!(outcome, Outcome::Served(_)));
    let refused = count(|outcome| matches!(outcome, Outcome::Refused(Some(_))));
    let slowest = trial.trace.iter().map(super::Exchange::took).max().unwrap_or_default();
    if refused == 0 && taken == 100 {
        trial.broken("100 taken, none refused")
    } else if taken + refused < 100 || taken == 0 {
        trial.broken(format!("{taken} taken in {} s, {} still wait", BURST.as_secs(), 100 - taken - refused))
    } else if let Some(wrong) = before.zip(after).and_then(|(before, after)| disagreement(taken as u64, before, after))
    {
        trial.broken(wrong)
    } else {
        trial.kept(format!("{taken} taken, {refused} refused in {}", show(slowest)))
    }
}

/// What a server says of its queue.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
struct Stats {
    capacity: u64,
    accepted: u64,
    processed: u64,
    failed: u64,
}

/// A queue that was empty takes its capacity, one more that the worker has in hand, and one for each that it did
/// meanwhile.
fn disagreement(taken: u64, before: Stats, after: Stats) -> Option<String> {
    let done = |stats: Stats| stats.processed + stats.failed;
    let most = after.capacity + 1 + done(after).saturating_sub(done(before));
    let counted = after.accepted.saturating_sub(before.accepted);
    if counted != taken {
        Some(format!("{taken} acknowledged, {counted} counted"))
    } else if taken < after.capacity.min(100) || taken > most {
        Some(format!("{taken} taken, capacity {}", after.capacity))
    } else {
        None
    }
}

/// `count` connections first, then a request on each of them at the same time.
async fn at_once(trial: &mut Trial, count: usize, patience: Duration) -> Result<(), Failure> {
    let mut callers = Vec::with_capacity(count);
    for _ in 0..count {
        let mut caller = Caller::new(trial.addr);
        caller.connect().await?;
        callers.push(caller);
    }
    let began = Instant::now();
    let mut calls = Vec::with_capacity(count);
    for (number, mut caller) in callers.into_iter().enumerate() {
        let body = format!(r#"{{"user": "user{}", "amount": 1}}"#, number % 10);
        let request = post_event(trial.addr, "application/json", body.as_bytes());
        // the caller goes with its task: a server that serves one at a time waits for it to hang up
        calls.push(tokio::spawn(async move { caller.call(&request, false, began + patience).await }));
    }
    for call in calls {
        match call.await {
            Ok(call) => trial.record("event", began, &call),
            Err(error) => std::panic::resume_unwind(error.into_panic()), // none is ever aborted
        }
    }
    Ok(())
}

async fn stats(trial: &Trial) -> Option<Stats> {
    let request = get(trial.addr, "/stats");
    let Call { response, .. } =
        Caller::new(trial.addr).call(&request, false, Instant::now() + Duration::from_secs(2)).await;
    serde_json::from_slice(&response?.body).ok()
}

/// Its figures once it has nothing left to do; `None` of a server that tells none, or does not come to an end.
async fn settled(trial: &Trial) -> Option<Stats> {
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        let stats = stats(trial).await?;
        if stats.accepted == stats.processed + stats.failed {
            return Some(stats);
        }
        sleep(Duration::from_millis(50)).await;
    }
    None
}
