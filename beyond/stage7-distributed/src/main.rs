//! Stage 7: on most of three machines before the 202, and any number of servers.
//!
//! scripts/cluster.sh    in a second terminal:  cargo stage7
//! and in a third:       cargo client load -n 100 -c 100 --event

mod accounts;
mod cluster;
mod figures;
mod keys;
mod options;
mod stream;

use accounts::Accounts;
use cluster::{connect, with_leaders};
use event::Event;
use figures::{balances, stats};
use http1::{BodyBudget, Connection, Request, Response, StatusCode, header};
use keys::Known;
use options::{Options, Role};
use serde::de::IgnoredAny;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;
use stream::{Delivery, Events, Published};
use tokio::net::TcpListener;
use tokio::sync::{RwLock, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use workshop::{Stage, accept, listen, print_last, stop_signal, warn};

const STAGE: Stage = Stage {
    number: 7,
    name: "beyond/stage7-distributed",
    idea: "an event is on two of three machines before its 202, and any number of servers share the work",
    try_it: "curl -d '{\"user\": \"alice\", \"amount\": 5}' -H 'content-type: application/json' -H 'idempotency-key: 1' {url}/events",
    break_it: "pkill -9 nats-server",
};

const STOPPING: &str = "this server is stopping and accepts no more events";
const GONE: &str = "no server of the cluster responds";

/// How long a hand waits before it asks again, when no partition has an event for it.
const PAUSE: Duration = Duration::from_millis(20);

/// What the connections and the hands of the worker share; what matters is in the cluster.
struct Bank {
    options: Options,
    connections: Semaphore,
    bodies: BodyBudget,
    stop: CancellationToken,
    /// Held from a request to its response; on the signal, `main` waits a second for it at most.
    responding: RwLock<()>,
    events: Events,
    accounts: Accounts,
}

#[tokio::main]
async fn main() -> workshop::Result {
    let options = STAGE.options::<Options>();
    let stop = stop_signal()?;
    let context = connect(&options).await?;
    let (events, accounts) = with_leaders(async || {
        let stream = stream::open(&context, &options).await?;
        let accounts = Accounts::open(&context, &stream).await?;
        Ok((Events::new(&context, stream, &options).await?, accounts))
    })
    .await?;
    let connections = Semaphore::new(options.max_connections);
    let bodies = BodyBudget::new(options.body_memory.saturating_mul(1 << 20));
    let responding = RwLock::new(());
    let bank = Bank { options, connections, bodies, stop, responding, events, accounts };
    let (bank, hands) = (Arc::new(bank), TaskTracker::new());
    if bank.options.role != Role::Worker {
        let listener = listen(&STAGE, &bank.options.addr)?;
        tokio::spawn(serve_all(listener, bank.clone()));
    } else {
        let _ = writeln!(io::stdout(), "working on the stream {}", bank.options.name);
    }
    if bank.options.role != Role::Front {
        (0..bank.options.hands).for_each(|first| drop(hands.spawn(work(first, bank.clone()))));
    }
    bank.stop.cancelled().await; // no further event and no further connection is accepted,
    hands.close();
    hands.wait().await; // what was in hand is back in the stream,
    let _ = timeout(Duration::from_secs(1), bank.responding.write()).await; // responses are sent
    bank.events.flush().await;
    if let Ok(stats) = stats(&bank.accounts, &bank.events).await {
        print_last(&serde_json::to_string(&stats)?);
    }
    Ok(())
}

/// Serves all clients at once.
async fn serve_all(listener: TcpListener, bank: Arc<Bank>) {
    while let Some(stream) = bank.stop.run_until_cancelled(accept(&listener)).await {
        let mut connection = Connection::new(stream).with_budget(&bank.bodies);
        let bank = bank.clone();
        // a task costs a kilobyte and no thread; the loop goes straight back to accept
        tokio::spawn(async move {
            let served = match bank.connections.try_acquire() {
                Ok(_permit) => serve(&mut connection, &bank).await,
                Err(_) => connection.refuse(unavailable("too many connections", 1)).await,
            };
            if let Err(error) = served {
                warn!(%error, "connection lost");
            }
        });
    }
}

/// One connection, request after request.
async fn serve(connection: &mut Connection, bank: &Bank) -> io::Result<()> {
    while let Some(request) = next_request(connection, bank.options.timeout).await? {
        let _responding = bank.responding.read().await;
        let response = respond(request, bank).await;
        timeout(bank.options.timeout, connection.write_response(response)).await??; // late, or lost
    }
    Ok(())
}

/// The next complete request; `None` once the client is done. A read returns what has arrived so
/// far, three bytes or a request and a half, so this reads until a request is complete.
async fn read_request(connection: &mut Connection) -> io::Result<Option<Request>> {
    loop {
        match connection.decode() {
            Ok(Some(request)) => return Ok(Some(request)),
            Ok(None) => {}                             // part of it is still missing
            Err(bad) => connection.refuse(bad).await?, // closes it: the next read returns 0
        }
        // only this task waits here, until its deadline
        if connection.read().await? == 0 {
            return Ok(None);
        }
    }
}

/// `read_request` with two deadlines: one until a request begins, one until it is complete.
async fn next_request(connection: &mut Connection, limit: Duration) -> io::Result<Option<Request>> {
    let Ok(begun) = timeout(limit, connection.wait_for_request()).await else {
        return Ok(None); // idle between requests: close without a response
    };
    begun?;
    if let Ok(request) = timeout(limit, read_request(connection)).await {
        return request;
    }
    let detail = "the request was not complete in time; send it faster";
    connection.refuse(Response::problem(StatusCode::REQUEST_TIMEOUT, detail)).await?;
    Ok(None)
}

/// A valid event is stored by the cluster; its response waits for that, and not for the work.
async fn respond(request: Request, bank: &Bank) -> Response {
    match (request.method().as_str(), request.path()) {
        ("POST", "/events") => match (keys::parse(&request), parse(request)) {
            (Ok(key), Ok(event)) => offer(event, key, bank).await,
            (Err(rejection), _) | (_, Err(rejection)) => rejection,
        },
        ("GET" | "HEAD", "/balances") => read(balances(&bank.accounts).await),
        ("GET" | "HEAD", "/stats") => read(stats(&bank.accounts, &bank.events).await),
        (_, "/events") => Response::method_not_allowed("POST"),
        (_, "/balances" | "/stats") => Response::method_not_allowed("GET, HEAD"),
        _ => Response::problem(StatusCode::NOT_FOUND, "try /events, /balances or /stats"),
    }
}

/// The boundary: beyond it there are only valid events.
fn parse(request: Request) -> Result<Event, Response> {
    if !request.content_type_is("application/json") {
        let detail = "send the event as application/json";
        return Err(Response::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    if request.is_encoded() {
        return Err(Response::coding_not_supported());
    }
    let not_json = |detail| Response::problem(StatusCode::BAD_REQUEST, detail);
    let text = std::str::from_utf8(request.body())
        .map_err(|_| not_json("the body is not UTF-8, so it is not JSON".to_owned()))?;
    serde_json::from_str(text).map_err(|error| match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => not_json(format!("the body is not JSON: {error}")),
        Ok(_) => {
            let detail = format!("this JSON is not an event: {error}");
            Response::problem(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    })
}

/// Fail fast: the cluster has a place for the event now, or it is rejected now. What has a place
/// waits until most of the machines have it.
async fn offer(event: Event, key: Option<String>, bank: &Bank) -> Response {
    if bank.stop.is_cancelled() {
        return unavailable(STOPPING, 1);
    }
    if !bank.events.are_connected() {
        return unavailable(GONE, 1); // nothing was sent
    }
    if let Some(key) = &key {
        match bank.accounts.look_up(&event, key).await {
            Ok(Known::New) => {}
            Ok(known) => return known_event(known, &event), // also while the queue is full
            Err(_) => return unavailable(GONE, 1),
        }
    }
    match bank.events.publish(&event, key.as_deref()).await {
        Ok(Published::Stored) => known_event(Known::Stored, &event), // from here on it is a promise
        Ok(Published::Known(number)) => match look_up(number, &event, key, bank).await {
            Ok(known) => known_event(known, &event),
            Err(_) => unknown(),
        },
        Ok(Published::Full) => {
            // until a hand has done what its partition holds; without a free hand it takes longer
            let places = bank.options.places_of_a_partition();
            let until_done = bank.options.work.saturating_mul(places as u32);
            let seconds = until_done.as_millis().div_ceil(1000).max(1) as u64;
            unavailable("the queue is full; try again later", seconds)
        }
        Ok(Published::Rejected(reason)) => {
            unavailable(&format!("the event was not stored: {reason}"), 1)
        }
        Ok(Published::Unknown) | Err(_) => unknown(),
    }
}

/// The engine acknowledges a known key whatever comes with it, so this compares the events.
async fn look_up(
    number: u64,
    event: &Event,
    key: Option<String>,
    bank: &Bank,
) -> cluster::Result<Known> {
    match bank.events.get(number).await? {
        Some(stored) if stored == *event => Ok(Known::Stored),
        Some(_) => Ok(Known::Different),
        None => Ok(bank.accounts.look_up(event, &key.unwrap_or_default()).await?.or_forgotten()),
    }
}

fn known_event(known: Known, event: &Event) -> Response {
    if known != Known::Different {
        return Response::json(StatusCode::ACCEPTED, event);
    }
    let detail = "this key came with another event; use a new one";
    Response::problem(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// One hand of a worker: asks one partition after another for an event, and works on it. The
/// cluster lets one hand at a time have an event of a partition, wherever that hand is.
async fn work(first: usize, bank: Arc<Bank>) {
    let mut idle = 0;
    for turn in first.. {
        if bank.stop.is_cancelled() {
            return;
        }
        let worked = match bank.events.next(turn % bank.events.partitions()).await {
            Ok(Some(delivery)) => apply(&delivery, &bank).await.map(|()| true),
            other => other.map(|_| false),
        };
        if let Err(error) = &worked {
            warn!(%error, "the cluster does not respond; the event is delivered again");
        }
        idle = if let Ok(true) = worked { 0 } else { idle + 1 };
        if idle >= bank.events.partitions() {
            sleep(PAUSE).await;
        }
    }
}

/// The effect, and then the acknowledgement: in the other order a crash between them loses it.
async fn apply(delivery: &Delivery, bank: &Bank) -> cluster::Result<()> {
    let mut remaining = bank.options.work;
    while !remaining.is_zero() {
        let step = remaining.min(bank.options.ack_wait / 3);
        if bank.stop.run_until_cancelled(sleep(step)).await.is_none() {
            return delivery.give_back().await;
        }
        remaining -= step;
        if !remaining.is_zero() {
            delivery.progress().await?; // this hand is alive
        }
    }
    bank.accounts.apply(&delivery.event, delivery.number, delivery.key.as_deref()).await?;
    delivery.done().await
}

fn read(found: cluster::Result<impl serde::Serialize>) -> Response {
    let found = found.inspect_err(|error| warn!(%error, "the cluster cannot be read"));
    found.map_or_else(|_| unavailable(GONE, 1), |found| Response::json(StatusCode::OK, &found))
}

fn unavailable(detail: &str, retry_after: u64) -> Response {
    let response = Response::problem(StatusCode::SERVICE_UNAVAILABLE, detail);
    response.with_header(header::RETRY_AFTER, retry_after)
}

/// Not a rejection: the event may be stored, or may still be.
fn unknown() -> Response {
    let detail = "the cluster did not respond in time, so the event may be stored or not; send it again with its key";
    Response::problem_of_type("urn:problem:unknown-outcome", StatusCode::GATEWAY_TIMEOUT, detail)
}
