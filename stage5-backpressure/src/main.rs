//! Stage 5: a bounded queue.
//!
//! cargo stage5          then, in another terminal:  cargo client load -n 100 -c 100 --event

mod options;

use event::{Event, User};
use http1::{BodyBudget, Connection, Request, Response, StatusCode, header};
use options::{Options, WhenFull};
use serde::Serialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{RwLock, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use workshop::{Stage, accept, debug, listen, print_last, stop_signal, warn};

const STAGE: Stage = Stage {
    number: 5,
    name: "stage5-backpressure",
    idea: "a bounded queue and one worker: what fits is accepted, the rest is rejected at once",
    try_it: "curl -d '{\"user\": \"alice\", \"amount\": 5}' -H 'content-type: application/json' {url}/events",
    break_it: "cargo client load -n 100 -c 100 --event {addr}",
};

const STOPPING: &str = "this server is stopping and accepts no more events";

/// What the connections and the worker share.
struct Bank {
    options: Options,
    connections: Semaphore,
    bodies: BodyBudget,
    stop: CancellationToken,
    /// Held from a request to its response; on the signal, `main` waits a second for it at most.
    responding: RwLock<()>,
    ledger: Mutex<Ledger>,
}

/// What has happened so far: the response to `GET /stats`, but for the queue and the balances.
#[derive(Default, Serialize)]
struct Ledger {
    /// The way to the worker; `None` after the signal.
    #[serde(skip)]
    queue: Option<mpsc::Sender<Event>>,
    #[serde(skip)]
    balances: BTreeMap<User, i64>,
    capacity: usize,
    queued: u64,
    accepted: u64,
    rejected: u64,
    processed: u64,
    failed: u64,
}

#[tokio::main]
async fn main() -> workshop::Result {
    let options = STAGE.options::<Options>();
    let stop = stop_signal()?;
    let listener = listen(&STAGE, &options.addr)?;
    let (queue, events) = mpsc::channel(options.queue);
    let ledger = Ledger { queue: Some(queue), capacity: options.queue, ..Ledger::default() };
    let connections = Semaphore::new(options.max_connections);
    let bodies = BodyBudget::new(options.body_memory.saturating_mul(1 << 20));
    let (responding, ledger) = (RwLock::new(()), Mutex::new(ledger));
    let bank = Arc::new(Bank { options, connections, bodies, stop, responding, ledger });
    let server = tokio::spawn(serve_all(listener, bank.clone()));
    let worker = tokio::spawn(work(events, bank.clone()));
    bank.stop.cancelled().await;
    bank.ledger().queue = None; // no further event is accepted,
    server.abort(); // no further connection is accepted,
    worker.await?; // every accepted event is applied,
    let _ = timeout(Duration::from_secs(1), bank.responding.write()).await; // responses are sent
    debug!(balances = %serde_json::to_string(&bank.ledger().balances)?, "stopped");
    print_last(&serde_json::to_string(&*bank.ledger())?);
    Ok(())
}

/// Serves all clients at once.
async fn serve_all(listener: TcpListener, bank: Arc<Bank>) {
    loop {
        let mut connection = Connection::new(accept(&listener).await).with_budget(&bank.bodies);
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

/// A valid event is queued; its response does not wait for the work.
async fn respond(request: Request, bank: &Bank) -> Response {
    match (request.method().as_str(), request.path()) {
        ("POST", "/events") => match (parse(request), bank.options.when_full) {
            (Ok(event), WhenFull::Reject) => offer(event, bank),
            (Ok(event), WhenFull::Wait) => offer_and_wait(event, bank).await,
            (Err(rejection), _) => rejection,
        },
        ("GET" | "HEAD", "/balances") => Response::json(StatusCode::OK, &bank.ledger().balances),
        ("GET" | "HEAD", "/stats") => Response::json(StatusCode::OK, &*bank.ledger()),
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

/// Fail fast: the queue has a place now, or the event is rejected now.
fn offer(event: Event, bank: &Bank) -> Response {
    let mut ledger = bank.ledger(); // held from sending to counting, so that /stats always adds up
    let Some(queue) = &ledger.queue else { return unavailable(STOPPING, 1) };
    match queue.try_send(event.clone()) {
        Ok(()) => {
            ledger.accepted += 1; // from here on it is a promise
            Response::json(StatusCode::ACCEPTED, &event)
        }
        Err(_) => {
            ledger.rejected += 1;
            let until_done = bank.options.work.saturating_mul(ledger.queued as u32 + 1);
            let seconds = until_done.as_millis().div_ceil(1000).max(1) as u64;
            unavailable("the queue is full; try again later", seconds)
        }
    }
}

/// The other policy: the client waits until the queue has a place.
async fn offer_and_wait(event: Event, bank: &Bank) -> Response {
    let Some(queue) = bank.ledger().queue.clone() else { return unavailable(STOPPING, 1) };
    let Some(Ok(place)) = bank.stop.run_until_cancelled(queue.reserve()).await else {
        return unavailable(STOPPING, 1);
    };
    let mut ledger = bank.ledger();
    place.send(event.clone());
    ledger.accepted += 1;
    Response::json(StatusCode::ACCEPTED, &event)
}

/// The only worker: applies one event after another, in the order in which they were accepted. It
/// ends once the queue is empty and its sender is dropped.
async fn work(mut events: mpsc::Receiver<Event>, bank: Arc<Bank>) {
    while let Some(event) = events.recv().await {
        sleep(bank.options.work).await;
        let ledger = &mut *bank.ledger();
        let balance = ledger.balances.entry(event.user).or_default();
        match balance.checked_add(event.amount) {
            Some(sum) => (*balance, ledger.processed) = (sum, ledger.processed + 1),
            None => ledger.failed += 1, // its client already has a 202: it can only be counted
        }
    }
}

impl Bank {
    /// The ledger, locked: for an instant, never across an await. No panic leaves it half changed.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let not_done = ledger.accepted - ledger.processed - ledger.failed;
        ledger.queued = not_done.saturating_sub(1); // the worker has one of them in hand
        ledger
    }
}

fn unavailable(detail: &str, retry_after: u64) -> Response {
    let response = Response::problem(StatusCode::SERVICE_UNAVAILABLE, detail);
    response.with_header(header::RETRY_AFTER, retry_after)
}
