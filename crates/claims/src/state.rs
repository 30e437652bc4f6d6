//! Balances: each event is counted once.

use crate::concurrency::{SLACK, concurrently, count};
use crate::event::{event, fresh_user, post_json};
use crate::raw_connection::WORK;
use crate::routing::post;
use crate::trial::{Trial, instead};
use http1::Response;
use probe::duration::show;
use probe::http_client::{Outcome, get};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long an accepted event may take to be done.
const DONE: Duration = Duration::from_secs(20);

/// Posts two events of one user, reads the balance, and posts four at once: each response is the balance after its event.
pub(crate) async fn check_balance(trial: &mut Trial) -> Result<String, String> {
    let user = fresh_user();
    balance(trial, &user).await.ok(); // a server that caches its balances has them now
    for (amount, expected) in [(5, 5), (-7, -2)] {
        match balance_in(&post(trial, &user, amount).await?) {
            Some(found) if found == expected => {}
            Some(found) => return Err(format!("balance {found}, expected {expected}")),
            None => return Err("the response has no balance".into()),
        }
    }
    match balance(trial, &user).await? {
        Some(-2) => {}
        found => {
            let found = found.map_or("none".to_owned(), |found| found.to_string());
            return Err(format!("the response was -2, and GET /balances then has {found}"));
        }
    }
    let amounts = [1, 10, 100, 1000];
    let events = amounts.map(|amount| (user.clone(), amount)).to_vec();
    let mut after = Vec::new();
    for (amount, call) in amounts.iter().zip(concurrently(trial, events, WORK).await?) {
        let found = call.response.as_ref().and_then(balance_in);
        after.push((found.ok_or_else(|| instead(call.outcome, WORK))?, amount));
    }
    after.sort_unstable(); // all amounts are positive: in the order in which they were applied
    let mut before = -2;
    for &(found, amount) in &after {
        if found != before + amount {
            return Err(format!("balance {found} after {amount} was added to {before}"));
        }
        before = found;
    }
    Ok("5, then -7: balance -2; four at once, one after another".into())
}

/// The balance that the response to an event has.
fn balance_in(response: &Response) -> Option<i64> {
    serde_json::from_slice::<Value>(response.body()).ok()?.get("balance")?.as_i64()
}

/// Posts ten concurrent events of one user and compares the sum with the balance.
pub(crate) async fn check_no_lost_update(trial: &mut Trial) -> Result<String, String> {
    let user = fresh_user();
    let events = (1..=10).map(|amount| (user.clone(), amount)).collect();
    let (acknowledged, _) = post_ten(trial, events).await?;
    let found = wait_for_balance(trial, &user, acknowledged).await?;
    if found == Some(acknowledged) {
        Ok(format!("{acknowledged} acknowledged, {acknowledged} counted"))
    } else {
        Err(format!("{acknowledged} acknowledged, {} counted", found.unwrap_or(0)))
    }
}

/// Posts ten concurrent events of ten users and compares each amount with the balance.
pub(crate) async fn check_many_users(trial: &mut Trial) -> Result<String, String> {
    let events: Vec<_> = (1..=10).map(|amount| (fresh_user(), amount)).collect();
    let (_, acknowledged) = post_ten(trial, events.clone()).await?;
    let end = Instant::now() + DONE;
    let lost = loop {
        let balances: Map<String, Value> = trial.fetch("/balances", WORK).await?;
        let is_lost = |(user, amount): &&(String, i64)| {
            balances.get(user).and_then(Value::as_i64) != Some(*amount)
        };
        let lost = acknowledged.iter().filter(is_lost).count();
        if lost == 0 || Instant::now() > end {
            break lost;
        }
        sleep(Duration::from_millis(50)).await;
    };
    let of = acknowledged.len();
    if lost == 0 {
        Ok(format!("{of} users, {of} balances"))
    } else {
        Err(format!("{lost} of {of} users have the wrong balance, or none"))
    }
}

/// Posts ten concurrent events; the sum that was acknowledged, and the events.
async fn post_ten(
    trial: &mut Trial,
    events: Vec<(String, i64)>,
) -> Result<(i64, Vec<(String, i64)>), String> {
    trial.room_for(10).await;
    balance(trial, &events[0].0).await?; // fails if there are no balances
    let (mut sum, mut acknowledged) = (0, Vec::new());
    let calls = concurrently(trial, events.clone(), WORK).await?;
    for ((user, amount), call) in events.into_iter().zip(calls) {
        match call.outcome {
            Outcome::Served(_) => {
                sum += amount;
                acknowledged.push((user, amount));
            }
            Outcome::Shed(_) => {}
            outcome => return Err(format!("one of ten: {}", instead(outcome, WORK))),
        }
    }
    if acknowledged.is_empty() {
        Err("accepted none of ten".into())
    } else {
        Ok((sum, acknowledged))
    }
}

/// How many events are enough to notice a server that loses one in a hundred.
const MANY: usize = 110;

/// How long it posts events until there are enough.
const POSTING: Duration = Duration::from_secs(12);

/// How long a client waits for its turn behind 29 others.
const TURN: Duration = Duration::from_secs(30);

/// Lets three events fail, posts thirty at once until there are enough, and compares the balances of all users, also
/// those of the claims before.
pub(crate) async fn check_none_lost(trial: &mut Trial) -> Result<String, String> {
    const ROUND: usize = 30;
    let user = fresh_user();
    balance(trial, &user).await?; // fails if there are no balances
    let end = Instant::now() + POSTING;
    for amount in [i64::MAX, 1, 1, 1] {
        trial.room_for(1).await;
        trial
            .ask_on_new_connection("event", post_json(trial.addr, &event(&user, amount)), WORK)
            .await?;
    }
    while trial.books.events() < MANY && Instant::now() < end {
        let before = trial.settled().await;
        let users: Vec<_> = (0..3).map(|_| fresh_user()).collect();
        let events = (0..ROUND).map(|number| (users[number % 3].clone(), 1)).collect();
        let calls = concurrently(trial, events, TURN).await?;
        let accepted = count(&calls, |outcome| matches!(outcome, Outcome::Served(_)));
        let has_bound = |seconds: Option<u64>| before.is_some() || seconds.is_some();
        let wrong = calls.iter().find(|call| match call.outcome {
            Outcome::Served(_) => false,
            Outcome::Shed(seconds) => !has_bound(seconds), // rejected by a time-out, not by a queue
            _ => true,
        });
        if let Some(call) = wrong {
            return Err(format!("one of {ROUND} at once: {}", instead(call.outcome, TURN)));
        }
        if accepted == 0 {
            return Err(format!("accepted none of {ROUND}"));
        }
        if let Some(before) = before.filter(|before| accepted < before.least().min(30) as usize) {
            let failed = before.failed;
            return Err(format!(
                "an empty queue of {} accepted {accepted} of {ROUND}, after {failed} had failed",
                before.capacity
            ));
        }
    }
    trial.settled().await;
    let balances: Map<String, Value> = trial.fetch("/balances", WORK).await?;
    let sums = trial.books.sums();
    let wrong = sums
        .iter()
        .find(|(user, sum)| balances.get(user).map_or(Some(0), Value::as_i64) != Some(*sum));
    let events = trial.books.events();
    match wrong {
        None if events < MANY => Ok(format!(
            "{events} events in {} s; with less work for each it tries {MANY}",
            POSTING.as_secs()
        )),
        None => Ok(format!("{events} events of {} users", sums.len())),
        Some((user, sum)) => Err(format!(
            "{sum} acknowledged for one of {} users, {} counted; {events} events",
            sums.len(),
            balances.get(user).and_then(Value::as_i64).unwrap_or(0)
        )),
    }
}

/// Posts one event, and behind it three of another user: the second does not fit after the first, the third does. In
/// another order the balance is another one.
pub(crate) async fn check_in_order(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(4).await;
    let user = fresh_user();
    balance(trial, &user).await?;
    let events =
        [(fresh_user(), 1), (user.clone(), i64::MAX), (user.clone(), 1), (user.clone(), -5)];
    for (user, amount) in events {
        let request = post_json(trial.addr, &event(&user, amount));
        let (response, _) = trial.ask_on_new_connection("event", request, WORK).await?;
        match Outcome::of(&response) {
            Outcome::Served(_) => {}
            Outcome::Rejected(status) if amount == 1 && status.is_client_error() => {}
            outcome => return Err(format!("{amount}: {}", instead(outcome, WORK))),
        }
    }
    let expected = i64::MAX - 5;
    match wait_for_balance(trial, &user, expected).await? {
        Some(found) if found == expected => Ok("three events, in their order".into()),
        found => {
            let found = found.map_or("none".to_owned(), |found| found.to_string());
            Err(format!("balance {found}; in their order it is {expected}"))
        }
    }
}

/// Posts events of three users in the opposite order of their names.
pub(crate) async fn check_balances_sorted(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(3).await;
    let user = fresh_user();
    balance(trial, &user).await?;
    for letter in ["c", "b", "a"] {
        post(trial, &format!("{user}-{letter}"), 0).await?;
    }
    wait_for_balance(trial, &format!("{user}-a"), 0).await?;
    let (response, _) =
        trial.ask_on_new_connection("/balances", get(trial.addr, "/balances"), WORK).await?;
    let text = String::from_utf8_lossy(response.body());
    let places: Vec<_> =
        ["a", "b", "c"].iter().map(|letter| text.find(&format!("\"{user}-{letter}\""))).collect();
    if places.contains(&None) {
        Err("a user has no balance".into())
    } else if places.is_sorted() {
        Ok("in the order of their names".into())
    } else {
        Err("in another order".into())
    }
}

/// How often an idle server is asked for an event that may be on its way.
const READINGS: usize = 10;

/// Posts an event and disconnects at once; it must still count.
pub(crate) async fn check_sender_gone(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(1).await;
    let user = fresh_user();
    balance(trial, &user).await?;
    let mut connection = trial.open().await?;
    connection.send(post_json(trial.addr, &event(&user, 5))).await;
    trial.misbehaved("event whose sender leaves", &connection);
    drop(connection);
    // a server that seems idle may not have read it yet, or may be storing it
    let end = Instant::now() + DONE;
    for _ in 0..READINGS {
        if wait_for_balance(trial, &user, 5).await? == Some(5) {
            return Ok("sender gone, event counted".into());
        }
        if Instant::now() > end {
            break;
        }
    }
    Err("sender gone, event lost".into())
}

/// Posts an event just below `i64::MAX`, one that overflows it, and a small one that fits. A balance that
/// wraps or saturates is then wrong.
pub(crate) async fn check_overflow(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(3).await;
    let user = fresh_user();
    balance(trial, &user).await?;
    for amount in [i64::MAX - 3, 5, 1] {
        let request = post_json(trial.addr, &event(&user, amount));
        let (response, _) = trial.ask_on_new_connection("event", request, WORK).await?;
        match Outcome::of(&response) {
            Outcome::Served(_) => {}
            Outcome::Rejected(status) if amount == 5 && status.is_client_error() => {}
            outcome => return Err(format!("{amount}: {}", instead(outcome, WORK))),
        }
    }
    let expected = i64::MAX - 2;
    match wait_for_balance(trial, &user, expected).await? {
        Some(found) if found == expected => Ok("an overflow changed nothing".into()),
        Some(found) => Err(format!("balance {found}, expected {expected}")),
        None => Err("the user has no balance".into()),
    }
}

/// Reads the balances three times while four events are in flight.
pub(crate) async fn check_reads_not_blocked(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(4).await; // a write that is rejected blocks no read
    let user = fresh_user();
    balance(trial, &user).await?;
    let mut writers = Vec::new();
    for _ in 0..4 {
        let request = post_json(trial.addr, &event(&user, 1));
        let mut connection = trial.open().await?;
        let began = Instant::now();
        connection.send(request).await;
        // responses are read concurrently, so that each has the time at which it came
        writers.push(tokio::spawn(async move {
            let response = connection.response(false, WORK).await;
            (
                began,
                connection.connected(),
                Instant::now(),
                response.as_ref().map_or_else(|silence| *silence, Outcome::of),
            )
        }));
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..3 {
        let asked = Instant::now();
        let read = balance(trial, &user).await;
        slowest = slowest.max(asked.elapsed()); // the first may come before the writes
        read?;
    }
    let has_stats = trial.stats().await.is_some();
    for _ in 0..if has_stats { 3 } else { 0 } {
        let asked = Instant::now();
        trial.stats().await;
        slowest = slowest.max(asked.elapsed());
    }
    for writer in writers {
        // the next claim starts when no work is left
        if let Ok((began, connected, ended, outcome)) = writer.await {
            trial.record("event", began, Some(connected), ended, Some(outcome));
        }
    }
    if slowest > SLACK {
        Err(format!("waited {}", show(slowest)))
    } else {
        Ok(format!("within {}", show(slowest)))
    }
}

/// The user's balance; `None` if it has none.
pub(crate) async fn balance(trial: &mut Trial, user: &str) -> Result<Option<i64>, String> {
    let balances: Map<String, Value> = trial.fetch("/balances", WORK).await?;
    Ok(balances.get(user).and_then(Value::as_i64))
}

/// The user's balance, once it has the wanted value or the time is up.
pub(crate) async fn wait_for_balance(
    trial: &mut Trial,
    user: &str,
    wanted: i64,
) -> Result<Option<i64>, String> {
    let end = Instant::now() + DONE;
    while balance(trial, user).await? != Some(wanted) && Instant::now() < end {
        if trial.idle().await {
            break; // no further event will be applied
        }
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_millis(100)).await; // a wrong server may change it once more
    balance(trial, user).await
}

impl Trial {
    /// Waits for up to a deadline until `GET /stats` shows no work left; `false` if the server has no such figures.
    pub(crate) async fn idle(&self) -> bool {
        self.settled().await.is_some()
    }

    /// The JSON at a path.
    pub(crate) async fn fetch<T: DeserializeOwned>(
        &mut self,
        path: &'static str,
        patience: Duration,
    ) -> Result<T, String> {
        let (response, _) =
            self.ask_on_new_connection(path, get(self.addr, path), patience).await?;
        match Outcome::of(&response) {
            Outcome::Served(_) => serde_json::from_slice(response.body())
                .map_err(|_| format!("GET {path} returns no figures")),
            _ => Err(format!("GET {path} returns {}", response.status().as_u16())),
        }
    }
}
