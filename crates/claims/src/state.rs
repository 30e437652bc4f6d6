//! Balances: each event is counted once.

use crate::concurrency::{SLACK, concurrently};
use crate::event::{event, fresh_user, post_event};
use crate::raw_connection::{PATIENCE, WORK};
use crate::routing::send_event;
use crate::trial::{Trial, instead};
use probe::duration::show;
use probe::http_client::{Outcome, ResponseClient, get};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long an accepted event may take to be done.
const DONE: Duration = Duration::from_secs(20);

/// Posts two events of one user and compares the balances.
pub(crate) async fn check_balance(trial: &mut Trial) -> Result<String, String> {
    let user = fresh_user();
    for (amount, balance) in [(5, 5), (-7, -2)] {
        let response = send_event(trial, &event(&user, amount)).await?;
        let document = serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
        match document.get("balance") {
            Some(found) if *found == balance => {}
            Some(found) => return Err(format!("balance {found}, expected {balance}")),
            None => return Err("the response has no balance".into()),
        }
    }
    Ok("5, then -7: balance -2".into())
}

/// Posts ten concurrent events of one user and compares the sum with the balance.
pub(crate) async fn check_no_lost_update(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(10).await;
    let user = fresh_user();
    balance(trial, &user).await?; // fails if there are no balances
    let events = (1..=10).map(|amount| event(&user, amount)).collect();
    let mut acknowledged = 0;
    for (amount, call) in (1..=10).zip(concurrently(trial, events, WORK).await?) {
        match call.outcome {
            Outcome::Served(_) => acknowledged += amount,
            Outcome::Shed(_) => {}
            outcome => return Err(format!("one of ten: {}", instead(outcome, WORK))),
        }
    }
    if acknowledged == 0 {
        return Err("accepted none of ten".into());
    }
    let found = wait_for_balance(trial, &user, acknowledged).await?;
    if found == Some(acknowledged) {
        Ok(format!("{acknowledged} acknowledged, {acknowledged} counted"))
    } else {
        Err(format!("{acknowledged} acknowledged, {} counted", found.unwrap_or(0)))
    }
}

/// Posts an event and disconnects at once; it must still count.
pub(crate) async fn check_sender_gone(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(1).await;
    let user = fresh_user();
    balance(trial, &user).await?;
    let mut connection = trial.open().await?;
    connection.send(post_event(trial.addr, "application/json", event(&user, 5).as_bytes())).await;
    trial.misbehaved("event whose sender leaves", &connection);
    drop(connection);
    match wait_for_balance(trial, &user, 5).await? {
        Some(5) => Ok("sender gone, event counted".into()),
        _ => Err("sender gone, event lost".into()),
    }
}

/// Posts an event just below `i64::MAX`, one that overflows it, and a small one that fits. A balance that
/// wraps or saturates is then wrong.
pub(crate) async fn check_overflow(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(3).await;
    let user = fresh_user();
    balance(trial, &user).await?;
    for amount in [i64::MAX - 3, 5, 1] {
        let request = post_event(trial.addr, "application/json", event(&user, amount).as_bytes());
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
    let user = fresh_user();
    balance(trial, &user).await?;
    let mut writers = Vec::new();
    for _ in 0..4 {
        let request = post_event(trial.addr, "application/json", event(&user, 1).as_bytes());
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
async fn balance(trial: &mut Trial, user: &str) -> Result<Option<i64>, String> {
    let balances: Map<String, Value> = trial.fetch("/balances", WORK).await?;
    Ok(balances.get(user).and_then(Value::as_i64))
}

/// The user's balance, once it has the wanted value or the time is up.
async fn wait_for_balance(
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

    /// The same, not recorded in the trace.
    pub(crate) async fn look<T: DeserializeOwned>(&self, path: &'static str) -> Option<T> {
        let request = get(self.addr, path);
        let call =
            ResponseClient::new(self.addr).call(&request, false, Instant::now() + PATIENCE).await;
        serde_json::from_slice(call.response?.body()).ok()
    }
}
