//! What a bound in places does not give: a bound in time, places for what matters more, and a share for each user. No
//! stage has them; each is a patch in `bounds/`.

use crate::concurrency::{concurrently, count};
use crate::event::{event, fresh_user, post_json};
use crate::queue_stats::queue_stats;
use crate::raw_connection::{PATIENCE, WORK};
use crate::trial::{Trial, instead};
use http1::{StatusCode, header};
use probe::duration::show;
use probe::http_client::{Call, Outcome, ResponseClient, get};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// How many events at once are more than a server has places for.
const MANY: usize = 100;

/// How long the clients of the burst wait for their responses.
const BURST: Duration = Duration::from_secs(3);

/// An accepted event must be done within a second. After so long it is late on a busy machine, too.
const LATE: Duration = Duration::from_secs(2);

/// An event that was accepted.
struct Accepted {
    user: String,
    sent: Instant,
    done: Option<Instant>,
}

/// Sends one event, so that a server can measure its work, and then thirty at once, three times. Each that is accepted must
/// be done within a second.
pub(crate) async fn check_in_time(trial: &mut Trial) -> Result<String, String> {
    const BURSTS: u32 = 3;
    const AT_ONCE: usize = 30;
    const BETWEEN: Duration = Duration::from_millis(500);
    work_once(trial).await?;
    let (mut accepted, began) = (Vec::new(), Instant::now());
    for number in 1..=BURSTS {
        let users: Vec<_> = (0..AT_ONCE).map(|_| fresh_user()).collect();
        let sent = Instant::now();
        let events = users.iter().map(|user| (user.clone(), 1)).collect();
        let calls = concurrently(trial, events, PATIENCE).await?;
        all_answered(&calls, PATIENCE)?;
        let served = users.into_iter().zip(&calls);
        let served = served.filter(|(_, call)| matches!(call.outcome, Outcome::Served(_)));
        accepted.extend(served.map(|(user, _)| Accepted { user, sent, done: None }));
        look_until(trial, &mut accepted, began + BETWEEN * number).await?;
        sleep_until(began + BETWEEN * number).await;
    }
    look_until(trial, &mut accepted, Instant::now() + LATE).await?;
    let sent = BURSTS as usize * AT_ONCE;
    let times = accepted.iter().map(|event| Some(event.done?.duration_since(event.sent)));
    let too_late = times.clone().filter(|time| time.is_none_or(|time| time > LATE)).count();
    if accepted.is_empty() {
        Err(format!("rejected {sent}, accepted none"))
    } else if too_late > 0 {
        let of = accepted.len();
        Err(format!("accepted {of} of {sent}, and {too_late} of those took more than two seconds"))
    } else {
        let last = times.flatten().max().unwrap_or_default();
        let of = accepted.len();
        Ok(format!("accepted {of} of {sent}, each done within {}", show(last)))
    }
}

/// Waits until the server is idle, sends an event, and waits until it is done.
async fn work_once(trial: &mut Trial) -> Result<(), String> {
    if balances(trial).await.is_none() {
        return Err(trial.cannot_tell("GET /balances does not show what is done".into()));
    }
    trial.settled().await;
    let (user, sent) = (fresh_user(), Instant::now());
    let request = post_json(trial.addr, &event(&user, 1));
    let mut client = ResponseClient::new(trial.addr);
    let outcome = trial.call("event", &mut client, &request, WORK).await.outcome;
    let Outcome::Served(_) = outcome else { return Err(instead(outcome, WORK)) };
    trial.books.accepted(&user, 1);
    let mut first = [Accepted { user, sent, done: None }];
    look_until(trial, &mut first, sent + WORK).await?;
    let done = first[0].done.map(|_| ());
    done.ok_or_else(|| format!("one event was not done in {} s", WORK.as_secs()))
}

/// Looks at the balances until all these events are done, but no longer than to `end`.
async fn look_until(trial: &Trial, accepted: &mut [Accepted], end: Instant) -> Result<(), String> {
    while Instant::now() < end && accepted.iter().any(|event| event.done.is_none()) {
        let balances = balances(trial).await.ok_or("GET /balances: no response with balances")?;
        let now = Instant::now();
        let seen = |event: &&mut Accepted| balances.contains_key(&event.user);
        for event in accepted.iter_mut().filter(|event| event.done.is_none()).filter(seen) {
            event.done = Some(now);
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// The balances at this moment, if the server has any; not recorded.
async fn balances(trial: &Trial) -> Option<Map<String, Value>> {
    let mut client = ResponseClient::new(trial.addr);
    let call = client.call(&get(trial.addr, "/balances"), false, Instant::now() + WORK).await;
    serde_json::from_slice(call.response.filter(|response| response.status() == 200)?.body()).ok()
}

/// Fills the queue with a hundred deposits, and then sends a deposit and a withdrawal in turn. As long as no event is done in
/// between, a place that the deposit did not get is one that the withdrawal must get.
pub(crate) async fn check_reserved_places(trial: &mut Trial) -> Result<String, String> {
    const TURNS: usize = 50;
    trial.settled().await;
    let mut client = ResponseClient::new(trial.addr);
    if queue_stats(&mut client, trial.addr).await.is_err() {
        return Err(trial.cannot_tell("GET /stats does not show what is done".into()));
    }
    let calls = concurrently(trial, deposits(MANY), BURST).await?;
    all_answered(&calls, BURST)?;
    let accepted = count(&calls, |outcome| matches!(outcome, Outcome::Served(_)));
    if accepted == 0 || accepted == MANY {
        return Err(format!("accepted {accepted} of {MANY} deposits"));
    }
    for _ in 0..TURNS {
        let before = trial.stats().await;
        let deposit = offer(trial, &mut client, "deposit", 1).await?;
        let withdrawal = offer(trial, &mut client, "withdrawal", -1).await?;
        let after = trial.stats().await;
        let Some((before, after)) = before.zip(after) else {
            return Err("no response to GET /stats".into());
        };
        match (deposit, withdrawal) {
            // a place may have become free in between
            _ if after.done() > before.done() => {}
            (false, true) => {
                return Ok(format!(
                    "accepted {accepted} of {MANY} deposits, and then a withdrawal beside a rejected deposit"
                ));
            }
            (false, false) => {
                return Err(format!(
                    "accepted {accepted} of {MANY} deposits, and then rejected a withdrawal"
                ));
            }
            (true, _) => {} // the queue is not full
        }
    }
    let busy =
        format!("in {TURNS} turns an event was done or the queue was not full: use more work");
    Err(trial.cannot_tell(busy))
}

/// Sends an event of a fresh user over this connection; whether it was accepted.
async fn offer(
    trial: &mut Trial,
    client: &mut ResponseClient,
    what: &'static str,
    amount: i64,
) -> Result<bool, String> {
    let user = fresh_user();
    let request = post_json(trial.addr, &event(&user, amount));
    match trial.call(what, client, &request, PATIENCE).await.outcome {
        Outcome::Served(_) => {
            trial.books.accepted(&user, amount);
            Ok(true)
        }
        Outcome::Shed(_) => Ok(false),
        outcome => Err(format!("{what}: {}", instead(outcome, PATIENCE))),
    }
}

/// A user sends a hundred events at once, then three others one each: theirs are accepted, and so is another one of the
/// first user once its events are done.
pub(crate) async fn check_fair_share(trial: &mut Trial) -> Result<String, String> {
    const OTHERS: usize = 3;
    trial.settled().await;
    let greedy = fresh_user();
    let events = (0..MANY).map(|_| (greedy.clone(), 1)).collect();
    let calls = concurrently(trial, events, BURST).await?;
    let mut client = ResponseClient::new(trial.addr);
    let mut others = 0;
    for _ in 0..OTHERS {
        others += usize::from(offer(trial, &mut client, "event of another user", 1).await?);
    }
    all_answered(&calls, BURST)?;
    let is_429 = |outcome| outcome == Outcome::Rejected(StatusCode::TOO_MANY_REQUESTS);
    let accepted = count(&calls, |outcome| matches!(outcome, Outcome::Served(_)));
    let too_many = count(&calls, is_429);
    let found = format!(
        "of one user's {MANY} events accepted {accepted}, {too_many} got 429; accepted {others} of {OTHERS} of other users"
    );
    if accepted == 0 || too_many == 0 || others < OTHERS {
        return Err(found);
    }
    let without = |call: &&Call| {
        let response = call.response.as_ref().filter(|_| is_429(call.outcome));
        response.is_some_and(|response| response.header(header::RETRY_AFTER).is_none())
    };
    match calls.iter().filter(without).count() {
        0 => {}
        without => return Err(format!("{without} of {too_many} 429s without Retry-After")),
    }
    trial.settled().await;
    client.disconnect(); // a server closes a connection that is idle too long
    let request = post_json(trial.addr, &event(&greedy, 1));
    match trial.call("event of the first user", &mut client, &request, WORK).await.outcome {
        Outcome::Served(_) => {
            trial.books.accepted(&greedy, 1);
            Ok(found)
        }
        outcome => {
            Err(format!("{found}; another one, when these were done: {}", instead(outcome, WORK)))
        }
    }
}

/// So many deposits, each of a fresh user.
fn deposits(count: usize) -> Vec<(String, i64)> {
    (0..count).map(|_| (fresh_user(), 1)).collect()
}

/// Fails if one of them has had no response.
fn all_answered(calls: &[Call], patience: Duration) -> Result<(), String> {
    let accepted = count(calls, |outcome| matches!(outcome, Outcome::Served(_)));
    match count(calls, |outcome| !outcome.is_answer()) {
        0 => Ok(()),
        silent => Err(format!(
            "accepted {accepted} in {} s, and {silent} had no response",
            patience.as_secs()
        )),
    }
}
