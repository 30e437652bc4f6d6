//! Idempotency keys, and what survives `kill -9`.

use crate::concurrency::concurrently;
use crate::event::{event, fresh_user, post_with_key};
use crate::raw_connection::WORK;
use crate::state::{balance, wait_for_balance};
use crate::trial::{Trial, instead};
use http1::StatusCode;
use probe::http_client::{Outcome, ResponseClient};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a rejected event is sent again.
const RETRYING: Duration = Duration::from_secs(40);

/// How long a server that was killed may take to start again.
const STARTS_AGAIN: Duration = Duration::from_secs(20);

/// More events than any queue here has places for.
const TOO_MANY: usize = 200;

/// Posts an event three times with its key, and another twice at the same moment.
pub(crate) async fn check_key_once(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(2).await;
    let (user, key, key_at_once) = (fresh_user(), fresh_user(), fresh_user());
    balance(trial, &user).await?; // fails if there are no balances
    for time in 1..=3 {
        match send(trial, &user, 5, &key).await? {
            Outcome::Served(_) => {}
            outcome => return Err(format!("sent {time} times: {}", instead(outcome, WORK))),
        }
    }
    let request = post_with_key(trial.addr, &event(&user, 7), &key_at_once);
    let mut both = [ResponseClient::new(trial.addr), ResponseClient::new(trial.addr)];
    let end = Instant::now() + WORK;
    let [first, second] = &mut both;
    let (first, second) =
        tokio::join!(first.call(&request, false, end), second.call(&request, false, end));
    let mut acknowledged = 0;
    for call in [first, second] {
        match call.outcome {
            Outcome::Served(_) => acknowledged += 1,
            // the other one is on its way to where it is stored
            Outcome::Shed(_) | Outcome::Rejected(StatusCode::CONFLICT) => {}
            outcome => return Err(format!("one of two at once: {}", instead(outcome, WORK))),
        }
    }
    if acknowledged == 0 {
        return Err("of two at once none was accepted".into());
    }
    trial.books.accepted(&user, 12);
    must_have(trial, &user, 12).await?;
    Ok("sent 3 times, and twice at once: each counted once".into())
}

/// Posts an event, and another with the same key.
pub(crate) async fn check_key_conflict(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(2).await;
    let (user, key) = (fresh_user(), fresh_user());
    balance(trial, &user).await?;
    must_accept(trial, &user, 5, &key).await?;
    match send(trial, &user, 6, &key).await? {
        Outcome::Rejected(StatusCode::UNPROCESSABLE_ENTITY) => {}
        outcome => return Err(instead(outcome, WORK)),
    }
    match send(trial, &user, 5, &key).await? {
        Outcome::Served(_) => {}
        outcome => return Err(format!("then the first again: {}", instead(outcome, WORK))),
    }
    must_have(trial, &user, 5).await?;
    Ok("answered 422, and the first event counted".into())
}

/// Posts event after event until one is rejected, and posts that again until it is accepted.
pub(crate) async fn check_key_retry(trial: &mut Trial) -> Result<String, String> {
    let user = fresh_user();
    balance(trial, &user).await?;
    let (accepted, rejected, wait) = fill(trial, &user).await?;
    let (began, mut wait) = (Instant::now(), wait);
    loop {
        sleep(Duration::from_secs(wait)).await;
        match send(trial, &user, 1, &rejected).await? {
            Outcome::Served(_) => break,
            Outcome::Shed(seconds) if began.elapsed() < RETRYING => wait = seconds.unwrap_or(1),
            outcome => return Err(format!("sent again: {}", instead(outcome, WORK))),
        }
    }
    trial.books.accepted(&user, 1);
    match send(trial, &user, 1, &rejected).await? {
        Outcome::Served(_) => {}
        outcome => return Err(format!("once more: {}", instead(outcome, WORK))),
    }
    must_have(trial, &user, accepted + 1).await?;
    Ok(format!("rejected after {accepted}, accepted later, counted once"))
}

/// Posts an event, fills the queue, and posts the event again.
pub(crate) async fn check_key_while_full(trial: &mut Trial) -> Result<String, String> {
    const ROUNDS: usize = 10;
    trial.room_for(1).await;
    let (user, others, key) = (fresh_user(), fresh_user(), fresh_user());
    balance(trial, &user).await?;
    must_accept(trial, &user, 5, &key).await?;
    for _ in 0..ROUNDS {
        fill(trial, &others).await?;
        match send(trial, &user, 5, &key).await? {
            Outcome::Served(_) => {}
            outcome => return Err(instead(outcome, WORK)),
        }
        // if a new one is rejected after it, too, the queue was full in between
        match send(trial, &others, 1, &fresh_user()).await? {
            Outcome::Shed(_) => {
                must_have(trial, &user, 5).await?;
                return Ok("acknowledged between two rejections, counted once".into());
            }
            Outcome::Served(_) => trial.books.accepted(&others, 1),
            outcome => return Err(instead(outcome, WORK)),
        }
    }
    Err(trial.cannot_tell(format!("{ROUNDS} times the queue was full before it, and not after")))
}

/// Posts ten events at once, kills the server, and starts it again.
pub(crate) async fn check_survives_kill(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(10).await;
    let user = fresh_user();
    balance(trial, &user).await?;
    must_be_started_here(trial)?;
    let calls = concurrently(trial, vec![(user.clone(), 1); 10], WORK).await?;
    let is_accepted = |call: &&probe::http_client::Call| matches!(call.outcome, Outcome::Served(_));
    let accepted = calls.iter().filter(is_accepted).count() as i64;
    if accepted == 0 {
        return Err("accepted none of ten".into());
    }
    kill_and_start(trial).await?;
    match wait_for_balance(trial, &user, accepted).await?.unwrap_or(0) {
        found if found == accepted => Ok(format!("{accepted} acknowledged, {accepted} kept")),
        found if found < accepted => {
            Err(format!("{accepted} acknowledged, {} lost", accepted - found))
        }
        found => Err(format!("{accepted} acknowledged, {found} counted")),
    }
}

/// Posts an event, kills the server, starts it again, and posts the event again.
pub(crate) async fn check_key_after_kill(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(1).await;
    let (user, key) = (fresh_user(), fresh_user());
    balance(trial, &user).await?;
    must_be_started_here(trial)?;
    must_accept(trial, &user, 5, &key).await?;
    kill_and_start(trial).await?;
    match send(trial, &user, 5, &key).await? {
        Outcome::Served(_) => {}
        outcome => return Err(format!("sent again: {}", instead(outcome, WORK))),
    }
    must_have(trial, &user, 5).await?;
    match send(trial, &user, 6, &key).await? {
        Outcome::Rejected(_) => Ok("sent again after it, counted once".into()),
        _ => Err("the key was forgotten: another event was accepted with it".into()),
    }
}

/// Posts events of amount 1 until one is rejected: how many were accepted, the key of the rejected one, and its
/// `Retry-After` in seconds.
async fn fill(trial: &mut Trial, user: &str) -> Result<(i64, String, u64), String> {
    for accepted in 0..TOO_MANY {
        let key = fresh_user();
        match send(trial, user, 1, &key).await? {
            Outcome::Served(_) => trial.books.accepted(user, 1),
            Outcome::Shed(seconds) => return Ok((accepted as i64, key, seconds.unwrap_or(1))),
            outcome => return Err(instead(outcome, WORK)),
        }
    }
    Err(format!("accepted {TOO_MANY}, rejected none"))
}

/// Posts an event with a key, over a new connection.
async fn send(trial: &mut Trial, user: &str, amount: i64, key: &str) -> Result<Outcome, String> {
    let request = post_with_key(trial.addr, &event(user, amount), key);
    let (response, _) = trial.ask_on_new_connection("event with a key", request, WORK).await?;
    Ok(Outcome::of(&response))
}

/// The same, for an event that has not been sent before and must be accepted.
async fn must_accept(trial: &mut Trial, user: &str, amount: i64, key: &str) -> Result<(), String> {
    match send(trial, user, amount, key).await? {
        Outcome::Served(_) => {
            trial.books.accepted(user, amount);
            Ok(())
        }
        outcome => Err(format!("the first time: {}", instead(outcome, WORK))),
    }
}

/// Waits until everything is applied; the balance must be this.
async fn must_have(trial: &mut Trial, user: &str, expected: i64) -> Result<(), String> {
    match wait_for_balance(trial, user, expected).await? {
        Some(found) if found == expected => Ok(()),
        found => Err(format!("balance {}, expected {expected}", found.unwrap_or(0))),
    }
}

fn must_be_started_here(trial: &mut Trial) -> Result<(), String> {
    match trial.server {
        Some(_) => Ok(()),
        None => Err(trial.cannot_tell(
            "only a server that is started with --start 'COMMAND {port}' can be killed".into(),
        )),
    }
}

/// Kills the server, with everything that it has started, and starts it again with the same command on the same port.
async fn kill_and_start(trial: &mut Trial) -> Result<(), String> {
    must_be_started_here(trial)?;
    let Some(server) = &mut trial.server else { return Ok(()) };
    server
        .kill_and_start(STARTS_AGAIN)
        .await
        .map_err(|error| format!("it does not start again: {error:#}"))
}
