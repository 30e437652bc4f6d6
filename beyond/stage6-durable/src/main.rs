//! Stage 6: on the disk before the 202.
//!
//! cargo stage6          then, in another terminal:  cargo client load -n 100 -c 100 --event

mod keys;
mod ledger;
mod options;
mod store;

use event::Event;
use http1::{BodyBudget, Connection, Request, Response, StatusCode, header};
use keys::{Key, Known};
use ledger::{Accepted, Ledger, Write};
use options::Options;
use serde::de::IgnoredAny;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::{RwLock, Semaphore, mpsc, oneshot};
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use workshop::{Stage, accept, debug, listen, print_last, stop_signal, warn};

const STAGE: Stage = Stage {
    number: 6,
    name: "beyond/stage6-durable",
    idea: "an event is on the disk before its 202, and those that arrive meanwhile share the next sync",
    try_it: "curl -d '{\"user\": \"alice\", \"amount\": 5}' -H 'content-type: application/json' -H 'idempotency-key: 1' {url}/events",
    break_it: "scripts/crash.sh 6",
};

const STOPPING: &str = "this server is stopping and accepts no more events";

/// How long the writer waits after an error of the disk.
const PAUSE: Duration = Duration::from_millis(100);

/// What the connections, the writer and the worker share.
struct Bank {
    options: Options,
    connections: Semaphore,
    bodies: BodyBudget,
    stop: CancellationToken,
    /// Held from a request to its response; on the signal, `main` waits a second for it at most.
    responding: RwLock<()>,
    ledger: Mutex<Ledger>,
}

#[tokio::main]
async fn main() -> workshop::Result {
    let options = STAGE.options::<Options>();
    let stop = stop_signal()?;
    let data = options.data.display();
    let (store, found) =
        Store::open(store::file(&options.data), options.remember).map_err(|error| {
            io::Error::other(format!("cannot open {data}: {error}; another file: --data"))
        })?;
    let ((disk, writes), (queue, events)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let worker_disk = disk.downgrade();
    let (ledger, backlog) = Ledger::new(options.queue, disk, found);
    let listener = listen(&STAGE, &options.addr)?;
    let _ = writeln!(io::stdout(), "  data      {data}: {} events to apply", backlog.len());
    backlog.into_iter().try_for_each(|event| queue.send(event))?;
    let connections = Semaphore::new(options.max_connections);
    let bodies = BodyBudget::new(options.body_memory.saturating_mul(1 << 20));
    let (responding, ledger) = (RwLock::new(()), Mutex::new(ledger));
    let bank = Arc::new(Bank { options, connections, bodies, stop, responding, ledger });
    let server = tokio::spawn(serve_all(listener, bank.clone()));
    let writer = tokio::spawn(write(store, writes, queue, bank.clone()));
    tokio::spawn(work(events, worker_disk, bank.clone()));
    bank.stop.cancelled().await;
    bank.ledger().disk = None; // no further event is accepted,
    server.abort(); // no further connection is accepted,
    writer.await?; // what waits is on the disk, and is applied after the next start,
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

/// A valid event is stored; its response waits for the disk, and not for the work.
async fn respond(request: Request, bank: &Bank) -> Response {
    match (request.method().as_str(), request.path()) {
        ("POST", "/events") => match (keys::parse(&request), parse(request)) {
            (Ok(key), Ok(event)) => offer(event, key, bank).await,
            (Err(rejection), _) | (_, Err(rejection)) => rejection,
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

/// Fail fast: the event has a place now, or is rejected now. What has a place waits for the disk.
async fn offer(event: Event, key: Option<String>, bank: &Bank) -> Response {
    let accepted = Response::json(StatusCode::ACCEPTED, &event);
    let key = key.map(|text| Arc::new(Key { user: event.user.clone(), text }));
    let (stored, is_stored) = oneshot::channel();
    {
        let ledger = &mut *bank.ledger(); // decides everything; the disk is not asked
        let Some(disk) = &ledger.disk else { return unavailable(STOPPING, 1) };
        match key.as_ref().map_or(Known::New, |key| ledger.keys.look_up(key, &event)) {
            Known::Stored => return accepted, // also while the queue is full: it has its place
            Known::Writing => return unavailable("this event is being stored", 1),
            Known::Different => {
                let detail = "this key came with another event; use a new one";
                return Response::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
            }
            Known::New => {}
        }
        let not_done = ledger.not_done() + ledger.writing;
        if not_done > ledger.capacity as u64 {
            ledger.rejected += 1;
            let until_done = bank.options.work.saturating_mul(not_done as u32);
            let seconds = until_done.as_millis().div_ceil(1000).max(1) as u64;
            return unavailable("the queue is full; try again later", seconds);
        }
        if let Some(key) = &key {
            ledger.keys.begin(key.clone(), &event);
        }
        ledger.writing += 1;
        let _ = disk.send(Write::Accepted(Accepted { event, key, stored }));
    }
    match is_stored.await {
        Ok(Ok(())) => accepted, // from here on it is a promise
        Ok(Err(error)) => unavailable(&format!("the event was not stored: {error}"), 1),
        Err(_) => unavailable("the event was not stored", 1),
    }
}

/// The only writer: what arrived while the disk was busy goes there in one transaction and shares
/// one sync. It ends once all senders are dropped and everything is written.
async fn write(
    mut store: Store,
    mut writes: mpsc::UnboundedReceiver<Write>,
    queue: mpsc::UnboundedSender<(u64, Event)>,
    bank: Arc<Bank>,
) {
    let (mut arrived, mut applied) = (Vec::new(), Vec::new());
    loop {
        // only what is left of a failed transaction does not wait for more
        let wait = if applied.is_empty() { Duration::MAX } else { Duration::ZERO };
        let arrives = writes.recv_many(&mut arrived, bank.options.group);
        if let Ok(0) = timeout(wait, arrives).await {
            return;
        }
        let mut accepted = Vec::new();
        for write in arrived.drain(..) {
            match write {
                Write::Accepted(event) => accepted.push(event),
                Write::Applied(number, event) => applied.push((number, event)),
            }
        }
        let events = accepted.iter().map(|Accepted { event, key, .. }| (event, key.as_deref()));
        let committed = block_in_place(|| {
            let committed = store.commit(events, &applied);
            std::thread::sleep(bank.options.sync);
            committed
        });
        match committed {
            Ok(committed) => {
                debug!(accepted = accepted.len(), applied = applied.len(), "synced");
                let numbers = committed.first..;
                bank.ledger().stored(&accepted, committed);
                applied.clear();
                for (Accepted { event, stored, .. }, number) in accepted.into_iter().zip(numbers) {
                    let _ = queue.send((number, event));
                    let _ = stored.send(Ok(())); // a client that has left changes nothing
                }
            }
            Err(error) => {
                warn!(%error, applied = applied.len(), "the disk does not store events");
                bank.ledger().rejected(&accepted);
                for Accepted { stored, .. } in accepted {
                    let _ = stored.send(Err(error.to_string()));
                }
                sleep(PAUSE).await; // opening it again takes time, too
            }
        }
    }
}

/// The only worker: works on one event after another, in the order in which they were accepted.
async fn work(
    mut events: mpsc::UnboundedReceiver<(u64, Event)>,
    disk: mpsc::WeakUnboundedSender<Write>,
    bank: Arc<Bank>,
) {
    while let Some((number, event)) = events.recv().await {
        if !bank.options.work.is_zero() {
            sleep(bank.options.work).await; // a sleep of nothing would take a millisecond
        }
        let Some(disk) = disk.upgrade() else { return }; // stopping: the event is still in the log
        let _ = disk.send(Write::Applied(number, event));
    }
}

impl Bank {
    /// The ledger, locked: for an instant, never across an await. No panic leaves it half changed.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.queued = ledger.not_done().saturating_sub(1); // the worker has one of them in hand
        ledger
    }
}

fn unavailable(detail: &str, retry_after: u64) -> Response {
    let response = Response::problem(StatusCode::SERVICE_UNAVAILABLE, detail);
    response.with_header(header::RETRY_AFTER, retry_after)
}
