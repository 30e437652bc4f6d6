//! Stage 5: a bounded queue.
//!
//! cargo run -p stage5          then, elsewhere:  cargo run -p client -- load -n 100 -c 100 --event

use event::{Event, User};
use http1::{Connection, Method, Request, Response, StatusCode, header};
use serde::Serialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use workshop::{Addr, Stage, accept, clap, debug, duration, stop_signal, warn};

const STAGE: Stage = Stage {
    number: 5,
    name: "stage5-backpressure",
    idea: "a bounded queue before one worker: what fits is taken, the rest is refused at once",
    try_it: "curl -d '{\"user\": \"alice\", \"amount\": 5}' -H 'content-type: application/json' {url}/events",
    break_it: "cargo run -p client -- load -n 100 -c 100 --event {addr}",
};

#[derive(clap::Parser)]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    addr: Addr,
    /// How long each wait for a client may last: until a request begins, until it is complete, and
    /// until the response is sent; such as 500ms, 2s, 1m
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = workshop::timeout)]
    timeout: Duration,
    /// How long the worker takes for one event, such as 0s, 100ms, 2s
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration)]
    work: Duration,
    /// How many events may wait for the worker, 1 or more
    #[arg(long, value_name = "N", default_value = "16", value_parser = workshop::count)]
    queue: usize,
    /// What happens to an event when the queue is full; reject: it gets 503 and Retry-After
    /// immediately; wait: it waits for room, which blocks its client
    #[arg(long, value_name = "POLICY", default_value = "reject")]
    when_full: WhenFull,
    /// How many connections may be open, 1 or more; any further one is refused with 503
    #[arg(long, value_name = "N", default_value = "1024", value_parser = workshop::count)]
    max_connections: usize,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum WhenFull {
    Reject,
    Wait,
}

/// What each connection holds: a way into the queue, above all. The worker is done when nobody holds one any more.
struct Bank {
    options: Options,
    queue: mpsc::Sender<Event>,
    stop: CancellationToken,
    ledger: Arc<Mutex<Ledger>>,
}

/// What happened so far: but for the balances the answer to `GET /stats`, and the last word on stdout. Its lock is held
/// for an instant, never across an await.
#[derive(Default, Serialize)]
struct Ledger {
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
    let (stop, stopped) = (CancellationToken::new(), stop_signal()?);
    let listener = STAGE.listen(&options.addr)?;
    let (queue, events) = mpsc::channel(options.queue);
    let ledger = Arc::new(Mutex::new(Ledger { capacity: options.queue, ..Ledger::default() }));
    let worker = tokio::spawn(work(events, options.work, ledger.clone()));
    // on a worker: from main's own thread each connection would change threads first
    tokio::spawn(serve_all(
        listener,
        Bank { options, queue, stop: stop.clone(), ledger: ledger.clone() },
    ));
    stopped.await;
    stop.cancel();
    worker.await?; // every answer is given and every promise kept
    let ledger = lock(&ledger);
    debug!(balances = %serde_json::to_string(&ledger.balances)?, "stopped");
    let _ = writeln!(io::stdout(), "{}", serde_json::to_string(&*ledger)?); // whoever closed it does not want to know
    Ok(())
}

/// Events, everyone at once, until the server is told to stop.
async fn serve_all(listener: TcpListener, bank: Bank) {
    let bank = Arc::new(bank);
    let places = Arc::new(Semaphore::new(bank.options.max_connections));
    loop {
        let mut connection = tokio::select! {
            stream = accept(&listener) => Connection::new(stream),
            () = bank.stop.cancelled() => return,
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            let answer =
                overloaded("there are too many connections; try again later", Duration::ZERO);
            tokio::spawn(async move { connection.refuse(answer).await });
            continue;
        };
        let bank = bank.clone();
        // a task costs little memory and no thread; the next client is looked at at once
        tokio::spawn(async move {
            if let Err(error) = serve(&mut connection, &bank).await {
                warn!(%error, "connection lost");
            }
            drop((connection, place)); // in this order: its place is free once it is closed
        });
    }
}

/// One connection, request after request, until the client has enough, or we have, or the server is told to stop.
async fn serve(connection: &mut Connection, bank: &Bank) -> io::Result<()> {
    loop {
        // `while let` would keep what it matches in the task, also while that waits for the next one
        let Some(request) = next_request_while_open(connection, bank).await? else { return Ok(()) };
        let response = respond(request, bank).await;
        if bank.stop.is_cancelled() {
            connection.close_after_response();
        }
        timeout(bank.options.timeout, connection.write_response(response)).await??;
    }
}

/// The next request; when the server stops, one that is not here whole is refused, and has a moment to begin.
async fn next_request_while_open(
    connection: &mut Connection,
    bank: &Bank,
) -> io::Result<Option<Request>> {
    let patience = bank.options.timeout;
    tokio::select! {
        biased;
        request = next_request(connection, patience) => return request,
        () = bank.stop.cancelled() => {}
    }
    // what has come by now is still in the kernel, perhaps
    let _ = timeout(Duration::from_millis(50), connection.wait_for_request()).await;
    if connection.has_begun() || connection.is_closing() {
        connection.refuse(stopping()).await?;
    }
    Ok(None)
}

/// The next request, if it begins within our patience, and is whole within as much again, however it drips.
async fn next_request(
    connection: &mut Connection,
    patience: Duration,
) -> io::Result<Option<Request>> {
    let whole = match timeout(patience, connection.wait_for_request()).await {
        Ok(_) => timeout(patience, connection.read_request()).await,
        Err(_) if !connection.is_new() => return Ok(None), // kept alive and idle: no word is owed
        Err(late) => Err(late),
    };
    match whole {
        Ok(request) => request,
        Err(_) => {
            let late = Response::problem(
                StatusCode::REQUEST_TIMEOUT,
                "no whole request came in time; send it faster",
            );
            connection.refuse(late).await?;
            Ok(None)
        }
    }
}

/// One request: an event is checked and queued, never worked on here.
async fn respond(request: Request, bank: &Bank) -> Response {
    match (request.method(), request.path()) {
        (&Method::POST, "/events") => match &parse(&request) {
            Ok(_) if bank.stop.is_cancelled() => stopping(),
            Ok(event) if bank.options.when_full == WhenFull::Wait => {
                wait_for_place(event, bank).await
            }
            Ok(event) => offer(event, bank),
            Err((status, detail)) => Response::problem(*status, detail),
        },
        (&(Method::GET | Method::HEAD), "/balances") => {
            Response::json(StatusCode::OK, &lock(&bank.ledger).balances)
        }
        (&(Method::GET | Method::HEAD), "/stats") => {
            Response::json(StatusCode::OK, &*lock(&bank.ledger))
        }
        (_, "/events") => Response::method_not_allowed("POST"),
        (_, "/balances" | "/stats") => Response::method_not_allowed("GET, HEAD"),
        _ => Response::problem(
            StatusCode::NOT_FOUND,
            "there are only /events, /balances and /stats here",
        ),
    }
}

/// Fail fast: there is a place in the queue now, or the client is told now that there is none.
fn offer(event: &Event, bank: &Bank) -> Response {
    let mut ledger = lock(&bank.ledger); // held over sending and counting, so that /stats always adds up
    match bank.queue.try_send(event.clone()) {
        Ok(()) => {
            ledger.accepted(); // from here on it is promised
            Response::json(StatusCode::ACCEPTED, event)
        }
        Err(_) => {
            ledger.rejected += 1;
            let until_done = bank.options.work.saturating_mul(ledger.queued as u32 + 1); // at most a million
            overloaded("the queue is full; try again later", until_done)
        }
    }
}

/// The other policy: the client waits for a place, for as long as that takes.
async fn wait_for_place(event: &Event, bank: &Bank) -> Response {
    let taken = Response::json(StatusCode::ACCEPTED, event);
    let place = tokio::select! {
        biased;
        () = bank.stop.cancelled() => return stopping(),
        Ok(place) = bank.queue.reserve() => place, // `send().await` in two steps, to count between them
    };
    let (event, mut ledger) = (event.clone(), lock(&bank.ledger));
    place.send(event);
    ledger.accepted();
    taken
}

/// The one worker: takes events in their order and applies them, and nobody else does. It is done when the queue is
/// empty and nobody is left who could send: every promise is kept.
async fn work(mut events: mpsc::Receiver<Event>, work: Duration, ledger: Arc<Mutex<Ledger>>) {
    while let Some(event) = events.recv().await {
        sleep(work).await;
        lock(&ledger).apply(event);
    }
}

/// A panic while it was held would have left it whole: it holds numbers, and each change is one step.
fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    fn accepted(&mut self) {
        self.accepted += 1;
        self.recount();
    }

    fn apply(&mut self, event: Event) {
        match self.balances.get(&event.user).unwrap_or(&0).checked_add(event.amount) {
            Some(balance) => {
                self.balances.insert(event.user, balance);
                self.processed += 1;
            }
            None => self.failed += 1, // its client has long had its 202: all that is left is to count it
        }
        self.recount();
    }

    /// The worker has one of those that are not done in hand; the others wait.
    fn recount(&mut self) {
        self.queued = (self.accepted - self.processed - self.failed).saturating_sub(1);
    }
}

fn overloaded(detail: &str, wait: Duration) -> Response {
    let seconds = wait.as_millis().div_ceil(1000).max(1) as u64;
    Response::problem(StatusCode::SERVICE_UNAVAILABLE, detail)
        .with_header(header::RETRY_AFTER, seconds)
}

fn stopping() -> Response {
    Response::problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "this server is stopping and takes no more events",
    )
}

/// The boundary: past it there are events, and nothing else.
fn parse(request: &Request) -> Result<Event, (StatusCode, String)> {
    if !request.content_type_is("application/json") {
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the event as application/json".into(),
        ));
    }
    let text = std::str::from_utf8(request.body()).map_err(|_| {
        (StatusCode::BAD_REQUEST, "the body is not UTF-8, so it is not JSON".into())
    })?;
    serde_json::from_str(text).map_err(|error| match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => (StatusCode::UNPROCESSABLE_ENTITY, format!("this JSON is not an event: {error}")),
        Err(error) => (StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}")),
    })
}
