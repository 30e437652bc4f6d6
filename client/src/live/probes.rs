//! The steady look at each server: a request a second, and the figures of its queue and its process.

use super::attacks::send_once;
use super::column::Column;
use super::lock;
use super::state::State;
use super::usage::Meter;
use claims::QueueSample;
use http1::{ClientRequest, HeaderValue, Method, Uri, encode_request, header};
use probe::http_client::{Outcome, ResponseClient};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// What a probe is called.
pub(super) const PROBE: &str = "probe";

const EVERY: Duration = Duration::from_secs(1);

/// How long a probe waits for its response.
const LONGEST: Duration = Duration::from_secs(10);

/// How often the queue is looked at.
const QUEUE_EVERY: Duration = Duration::from_millis(250);

/// How often the state of a server is recorded.
const RECORD_EVERY: Duration = Duration::from_millis(100);

/// How long its figures may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at a server until the task is dropped; when it goes down, a line of `news` says so.
pub(super) async fn watch(column: Arc<Column>, news: Sender<String>) {
    tokio::join!(
        probe(&column),
        look_at_queue(&column),
        look_at_process(&column),
        record(&column, &news)
    );
}

/// A request a second, whether or not the last one got a response.
async fn probe(column: &Arc<Column>) {
    let request: Arc<[u8]> = request(column).into();
    let waiting: Arc<Mutex<BTreeSet<u64>>> = Arc::default();
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        if column.seen().is_some_and(|seen| seen.ended.is_some()) {
            continue;
        }
        let (column, request, waiting) = (column.clone(), request.clone(), waiting.clone());
        tokio::spawn(async move {
            let began = column.requests.now_ms();
            lock(&waiting).insert(began);
            column.pulse().sent(began);
            let outcome = send_once(&column, PROBE, Instant::now(), &request, LONGEST).await;
            let oldest = {
                let mut waiting = lock(&waiting);
                waiting.remove(&began);
                waiting.first().copied()
            };
            let mut pulse = column.pulse();
            match outcome {
                Outcome::TimedOut => {} // it is still silent
                Outcome::Failed(failure) => pulse.failure = Some(failure.to_string()),
                _ => {
                    pulse.answered(began, column.requests.now_ms() - began);
                    pulse.silent_since_ms = oldest;
                }
            }
        });
    }
}

/// What each server responds to without much work: an event where that is all that it does.
fn request(column: &Column) -> Vec<u8> {
    let mut request = match column.stage_number() {
        Some(1..=3) => {
            let mut event = ClientRequest::new(Method::POST, Uri::from_static("/events"));
            event.body = r#"{"user": "probe", "amount": 1}"#.into();
            event
        }
        Some(_) => ClientRequest::new(Method::GET, Uri::from_static("/balances")),
        None => ClientRequest::new(Method::GET, Uri::from_static("/")),
    };
    let json = HeaderValue::from_static("application/json");
    if request.method == Method::POST {
        request.headers.insert(header::CONTENT_TYPE, json);
    }
    encode(&request, column)
}

fn encode(request: &ClientRequest, column: &Column) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(request, &column.host, &mut bytes);
    bytes
}

/// Stages 1 to 4 have no queue; in stage 1 this would wait like any other request.
async fn look_at_queue(column: &Column) {
    if column.stage_number().is_some_and(|stage| stage < 5) {
        return;
    }
    let request = encode(&ClientRequest::new(Method::GET, Uri::from_static("/stats")), column);
    let mut tick = interval(QUEUE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_without = 0;
    while is_without < 20 {
        tick.tick().await;
        let mut client = ResponseClient::new(column.addresses.clone());
        let call = client.call(&request, false, Instant::now() + PATIENCE).await;
        let response = call.response.filter(|_| matches!(call.outcome, Outcome::Served(_)));
        let body =
            response.and_then(|response| serde_json::from_slice::<Value>(response.body()).ok());
        let figures = body.filter(|body| body["capacity"].is_u64() && body["queued"].is_u64());
        if call.outcome.is_answer() && figures.is_none() {
            is_without += 1; // it has no such figures
        } else {
            is_without = 0;
        }
        if let Some(body) = &figures {
            let figure = |name: &str| body[name].as_u64().unwrap_or_default();
            column.record_queue(QueueSample {
                at: column.requests.now(),
                capacity: figure("capacity"),
                queued: figure("queued"),
                accepted: figure("accepted"),
                done: figure("processed").saturating_add(figure("failed")),
            });
        }
        column.pulse().queue = figures.map(|body| {
            let figure = |name: &str| body[name].as_u64();
            serde_json::json!({
                "capacity": figure("capacity"),
                "queued": figure("queued"),
                "accepted": figure("accepted"),
                "rejected": figure("rejected"),
                "processed": figure("processed"),
            })
        });
    }
}

/// What the page shows, also while no browser shows it.
async fn record(column: &Column, news: &Sender<String>) {
    let mut tick = interval(RECORD_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_down = false;
    loop {
        tick.tick().await;
        let state = column.record_state();
        let next = match (&state, column.process()) {
            (State::Ended(_), _) => Some("press Restart to start it again"),
            // a stage that runs is busy
            (State::Failing(_), Err(_)) => Some("start it, or look at its log"),
            _ => None,
        };
        if let (false, Some(next), Some(why)) = (was_down, next, state.reason()) {
            // no one reads that many
            let _ = news.try_send(format!("{}: {why}; {next}", column.name()));
        }
        was_down = next.is_some();
    }
}

async fn look_at_process(column: &Column) {
    let (mut meter, mut tick) = (Meter::default(), interval(EVERY));
    loop {
        tick.tick().await;
        let usage = meter.look(column.seen().and_then(|seen| seen.pid));
        column.pulse().usage = usage;
    }
}
