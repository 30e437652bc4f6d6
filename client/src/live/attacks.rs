//! What a page can do to a server: bounded in count and in time, and over when it is told to stop.

use super::column::Column;
use super::requests::{Fate, in_words};
use super::running::Attack;
use claims::GARBAGE;
use http1::{ClientRequest, HeaderValue, Method, encode_request, header};
use probe::hold::{HeldOutcome, Misbehaviour, OpenConnections, hold};
use probe::http_client::{Failure, Outcome, ResponseClient};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// How long an attack lasts, at most.
pub(super) const LONGEST: Duration = Duration::from_secs(120);

/// How long a client waits for a response: the last of a burst in stage 4 waits for 50 seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a request that got 503 is sent again.
const RETRIES: usize = 3;

/// The longest wait before that, whatever the server asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Begins an attack, which ends by itself, or when the attacks on that server are stopped. A steady
/// load that runs already goes on at the rate of the column.
///
/// # Errors
/// Enough attacks on that server are running.
pub(super) fn begin(column: &Arc<Column>, attack: Attack) -> anyhow::Result<()> {
    let Some(stop) = column.running.begin(attack)? else { return Ok(()) };
    let column = column.clone();
    tokio::spawn(async move {
        run(attack, &column, &stop).await;
        column.running.end(attack, &stop);
    });
    Ok(())
}

/// Runs it, until it is over or `stop` is cancelled.
async fn run(attack: Attack, column: &Arc<Column>, stop: &CancellationToken) {
    let run = async {
        match attack {
            Attack::Hold(misbehaviour) => misbehave(column, misbehaviour).await,
            Attack::Garbage => send_garbage(column, stop).await,
            Attack::Burst(count) => send_burst(column, stop, count).await,
            Attack::Steady => send_steadily(column, stop).await,
        }
    };
    tokio::select! {
        () = run => {}
        () = sleep(LONGEST) => {}
        () = stop.cancelled() => {}
    }
}

/// One connection, whose bar ends when the server ends it.
async fn misbehave(column: &Column, misbehaviour: Misbehaviour) {
    let what = match misbehaviour {
        Misbehaviour::Silent => "silent client",
        Misbehaviour::HalfHead | Misbehaviour::HalfBody => "half a request",
        Misbehaviour::Drip => "a byte a second",
    };
    let bar = column.requests.begin(what, Instant::now(), Fate::Held);
    let never = std::future::pending();
    let addresses = column.addresses.clone();
    let held = hold(addresses, 1, misbehaviour, OpenConnections::default(), never).await;
    let (fate, text) = match held {
        Err(failure) => (Fate::Failed, failure.to_string()),
        Ok(outcomes) => match outcomes.first() {
            Some(HeldOutcome::Answered(status, _)) if status.starts_with('2') => {
                (Fate::Served, status.clone())
            }
            Some(HeldOutcome::Answered(status, _)) => (Fate::Rejected, status.clone()),
            Some(HeldOutcome::Closed(_)) => (Fate::Rejected, "disconnected".into()),
            other => (Fate::Failed, other.map(ToString::to_string).unwrap_or_default()),
        },
    };
    bar.end(fate, text);
}

async fn send_garbage(column: &Arc<Column>, stop: &CancellationToken) {
    for garbage in &GARBAGE {
        let request = post(column, garbage.content_type, garbage.body);
        spawn(column, stop, garbage.what, Instant::now(), request, false);
        // so that they are seen one after the other
        sleep(Duration::from_millis(20)).await;
    }
}

/// All at once; it is over when each has a response.
async fn send_burst(column: &Arc<Column>, stop: &CancellationToken, count: usize) {
    let due = Instant::now();
    let tasks: Vec<_> = (0..count).filter_map(|_| spawn_event(column, stop, due)).collect();
    for task in tasks {
        let _ = task.await; // none is aborted
    }
}

/// An open loop: a request is sent when it is due, whatever happened to those before it.
async fn send_steadily(column: &Arc<Column>, stop: &CancellationToken) {
    loop {
        let rate = column.running.rate();
        if rate == 0 {
            return;
        }
        let mut tick = interval(Duration::from_secs(1) / rate);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while column.running.rate() == rate {
            let due = tick.tick().await;
            spawn_event(column, stop, due);
        }
    }
}

fn spawn_event(
    column: &Arc<Column>,
    stop: &CancellationToken,
    due: Instant,
) -> Option<JoinHandle<()>> {
    let user = fastrand::u16(..);
    let body = format!(r#"{{"user": "live-{user}", "amount": 1}}"#);
    let request = post(column, "application/json", body.as_bytes());
    spawn(column, stop, "event", due, request, column.retries())
}

/// Sends a request in a task of its own, if there is room for another one.
fn spawn(
    column: &Arc<Column>,
    stop: &CancellationToken,
    what: &'static str,
    due: Instant,
    request: Vec<u8>,
    retry: bool,
) -> Option<JoinHandle<()>> {
    let Ok(place) = column.places.clone().try_acquire_owned() else {
        column.not_sent();
        return None;
    };
    let (column, stop) = (column.clone(), stop.clone());
    Some(tokio::spawn(async move {
        let _place = place;
        tokio::select! {
            () = send(&column, what, due, &request, retry) => {}
            () = stop.cancelled() => {}
        }
    }))
}

/// A client with a new connection for each request: what is looked at is the server.
async fn send(column: &Column, what: &'static str, mut due: Instant, request: &[u8], retry: bool) {
    for attempt in 0.. {
        let outcome = send_once(column, what, due, request, PATIENCE).await;
        let Outcome::Shed(after) = outcome else { return };
        if !retry || attempt == RETRIES {
            return;
        }
        // never earlier than it was asked to, and not all together
        let wait = Duration::from_secs(after.unwrap_or(1)).min(LONGEST_WAIT);
        sleep(wait + Duration::from_millis(fastrand::u64(..1000))).await;
        due = Instant::now();
    }
}

/// One request with a bar, which begins when it was due.
pub(super) async fn send_once(
    column: &Column,
    what: &'static str,
    due: Instant,
    request: &[u8],
    patience: Duration,
) -> Outcome {
    let bar = column.requests.begin(what, due, Fate::Waiting);
    let mut client = ResponseClient::new(column.addresses.clone());
    let call = client.call(request, false, Instant::now() + patience).await;
    drop(client); // a kept connection would be a silent client
    let mut text = in_words(call.outcome);
    if call.outcome == Outcome::Failed(Failure::NotListening) {
        text = "connection refused".into();
    }
    bar.end_with(&call, text);
    call.outcome
}

fn post(column: &Column, content_type: &'static str, body: &[u8]) -> Vec<u8> {
    let mut request = ClientRequest::new(Method::POST, http1::Uri::from_static("/events"));
    request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    request.body = body.to_vec().into();
    let mut bytes = Vec::new();
    encode_request(&request, &column.host, &mut bytes);
    bytes
}
