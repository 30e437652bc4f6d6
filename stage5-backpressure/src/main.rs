//! Stage 5: a bounded queue.
//!
//! cargo run -p stage5          then, elsewhere:  cargo run -p client -- load -n 100 -c 100 --event

use event::{Event, User};
use http1::{Connection, Method, Request, Response, StatusCode, header};
use serde::Serialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use workshop::args::{Limits, WhenFull};
use workshop::{Stage, accept, debug, stop_signal, warn};

const STAGE: Stage = Stage {
    number: 5,
    name: "stage5-backpressure",
    idea: "a bounded queue before one worker: what fits is taken, the rest is refused at once",
    try_it: "curl -d '{\"user\": \"alice\", \"amount\": 5}' -H 'content-type: application/json' {url}/events",
    break_it: "cargo run -p client -- load -n 100 -c 100 --event {addr}",
};

/// What everyone shares.
struct Bank {
    limits: Limits,
    queue: mpsc::Sender<Event>,
    connections: Arc<Semaphore>,
    ledger: Mutex<Ledger>,
}

/// What happened so far. The lock is held for an instant, never across an await.
#[derive(Default)]
struct Ledger {
    balances: BTreeMap<User, i64>,
    stats: Stats,
}

/// The answer to `GET /stats`, and the last word on stdout.
#[derive(Clone, Default, Serialize)]
struct Stats {
    capacity: usize,
    queued: u64,
    accepted: u64,
    rejected: u64,
    processed: u64,
    failed: u64,
}

#[tokio::main]
async fn main() -> workshop::Result {
    let args = STAGE.args::<Limits>();
    let stop = stop_signal()?;
    let listener = STAGE.listen(&args.addr)?;
    let (queue, events) = mpsc::channel(args.options.queue);
    let connections = Arc::new(Semaphore::new(args.options.max_connections));
    let stats = Stats { capacity: args.options.queue, ..Stats::default() };
    let ledger = Mutex::new(Ledger { stats, ..Ledger::default() });
    let bank = Arc::new(Bank { limits: args.options, queue, connections, ledger });
    // on a worker: from main's own thread each connection would change threads first
    let serving = tokio::spawn(serve_all(listener, bank.clone()));
    work(events, &bank, stop).await;
    serving.await??;
    let Ledger { balances, stats } = &*bank.ledger();
    debug!(balances = %serde_json::to_string(balances)?, "stopped");
    let _ = writeln!(io::stdout(), "{}", serde_json::to_string(stats)?); // whoever closed it does not want to know
    Ok(())
}

/// Events, everyone at once, until the queue is closed; then as long as anyone is still owed an answer.
async fn serve_all(listener: TcpListener, bank: Arc<Bank>) -> workshop::Result {
    loop {
        let stream = tokio::select! {
            stream = accept(&listener) => stream,
            () = bank.queue.closed() => break,
        };
        let Ok(place) = bank.connections.clone().try_acquire_owned() else {
            tokio::spawn(turn_away(stream, bank.limits.timeout));
            continue;
        };
        let bank = bank.clone();
        // a task costs a kilobyte or two and no thread; the next client is looked at at once
        tokio::spawn(async move {
            if let Err(error) = serve(stream, &bank, place).await {
                warn!(%error, "connection lost");
            }
        });
    }
    drop(listener);
    let everyone = bank.limits.max_connections as u32; // at most a million
    let _all = bank.connections.acquire_many(everyone).await?;
    Ok(())
}

/// One connection, request after request, until the client has enough, or we have, or the server is told to stop.
async fn serve(stream: TcpStream, bank: &Bank, _place: OwnedSemaphorePermit) -> io::Result<()> {
    let mut connection = Connection::new(stream);
    while let Some(request) = next_request_while_open(&mut connection, bank).await? {
        let response = respond(request, bank).await;
        if bank.queue.is_closed() {
            connection.close_after_response();
        }
        timeout(bank.limits.timeout, connection.write_response(response)).await??;
    }
    Ok(())
}

/// The next request; once the queue is closed one that is here whole, and one that is still on its way is refused.
async fn next_request_while_open(connection: &mut Connection, bank: &Bank) -> io::Result<Option<Request>> {
    let patience = bank.limits.timeout;
    tokio::select! {
        biased;
        request = next_request(connection, patience) => request,
        () = bank.queue.closed() => {
            if connection.has_begun() {
                timeout(patience, connection.refuse(stopping())).await??;
            }
            Ok(None)
        }
    }
}

/// The next request, if it begins within our patience, and is whole within as much again, however it drips.
async fn next_request(connection: &mut Connection, patience: Duration) -> io::Result<Option<Request>> {
    let whole = match timeout(patience, connection.wait_for_request()).await {
        Ok(_) => timeout(patience, connection.read_request()).await,
        Err(_) if !connection.is_new() => return Ok(None), // kept alive and idle: no word is owed
        Err(late) => Err(late),
    };
    match whole {
        Ok(request) => request,
        Err(_) => {
            let late = Response::problem(StatusCode::REQUEST_TIMEOUT, "no whole request came in time; send it faster");
            timeout(patience, connection.refuse(late)).await??;
            Ok(None)
        }
    }
}

/// One request: an event is checked and queued, never worked on here.
async fn respond(request: Request, bank: &Bank) -> Response {
    match (&request.method, request.path()) {
        (&Method::POST, "/events") => match (parse(&request), bank.limits.when_full) {
            (Ok(event), WhenFull::Reject) => offer(event, bank),
            (Ok(event), WhenFull::Wait) => wait_for_place(event, bank).await,
            (Err((status, detail)), _) => Response::problem(status, detail),
        },
        (&(Method::GET | Method::HEAD), "/balances") => Response::json(StatusCode::OK, &bank.ledger().balances),
        (&(Method::GET | Method::HEAD), "/stats") => Response::json(StatusCode::OK, &bank.ledger().stats),
        (_, "/events") => Response::wrong_method("POST"),
        (_, "/balances" | "/stats") => Response::wrong_method("GET, HEAD"),
        _ => Response::problem(StatusCode::NOT_FOUND, "there are only /events, /balances and /stats here"),
    }
}

/// Fail fast: there is a place in the queue now, or the client is told now that there is none.
fn offer(event: Event, bank: &Bank) -> Response {
    let taken = Response::json(StatusCode::ACCEPTED, &event);
    let mut ledger = bank.ledger(); // held over sending and counting, so that /stats always adds up
    match bank.queue.try_send(event) {
        Ok(()) => {
            ledger.stats.accepted(); // from here on it is promised
            taken
        }
        Err(TrySendError::Full(_)) => {
            ledger.stats.rejected += 1;
            let until_done = bank.limits.work.saturating_mul(bank.limits.queue as u32 + 1); // at most a million
            overloaded("the queue is full; try again later", until_done)
        }
        Err(TrySendError::Closed(_)) => {
            ledger.stats.rejected += 1;
            stopping()
        }
    }
}

/// The other policy: the client waits for a place, for as long as that takes.
async fn wait_for_place(event: Event, bank: &Bank) -> Response {
    let taken = Response::json(StatusCode::ACCEPTED, &event);
    let place = bank.queue.reserve().await; // `send().await` in two steps, to count between them
    let mut ledger = bank.ledger();
    let Ok(place) = place else {
        ledger.stats.rejected += 1;
        return stopping();
    };
    place.send(event);
    ledger.stats.accepted();
    taken
}

/// The one worker: takes events in their order and applies them, and nobody else does. Told to stop, it closes the
/// queue, and is done when that is empty: every promise is kept.
async fn work(mut events: mpsc::Receiver<Event>, bank: &Bank, stop: impl Future<Output = ()>) {
    let (mut stop, mut done) = (pin!(stop), pin!(sleep(Duration::ZERO)));
    let mut in_hand = None;
    loop {
        tokio::select! {
            () = &mut stop, if !events.is_closed() => events.close(),
            () = &mut done, if in_hand.is_some() => {
                if let Some(event) = in_hand.take() {
                    bank.ledger().apply(event);
                }
            }
            event = events.recv(), if in_hand.is_none() => match event {
                Some(event) => {
                    in_hand = Some(event);
                    done.as_mut().reset(Instant::now() + bank.limits.work);
                }
                None => return,
            },
        }
    }
}

impl Bank {
    /// A panic while it was held would have left it whole: it holds numbers, and each change is one step.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    fn apply(&mut self, event: Event) {
        match self.balances.get(&event.user).unwrap_or(&0).checked_add(event.amount) {
            Some(balance) => {
                self.balances.insert(event.user, balance);
                self.stats.processed += 1;
            }
            None => self.stats.failed += 1, // its client is long gone with a 202: all that is left is to count it
        }
        self.stats.queued = self.stats.queued.saturating_sub(1); // the worker has the next one in hand
    }
}

impl Stats {
    /// One more waits in the queue, unless the worker was idle: then it has this one in hand.
    fn accepted(&mut self) {
        self.queued += u64::from(self.accepted > self.processed + self.failed);
        self.accepted += 1;
    }
}

/// One connection too many: it is told so and closed, whatever it wanted.
async fn turn_away(stream: TcpStream, patience: Duration) -> io::Result<()> {
    let response = overloaded("there are too many connections; try again later", Duration::ZERO);
    timeout(patience, Connection::new(stream).refuse(response)).await?
}

fn overloaded(detail: &str, wait: Duration) -> Response {
    let seconds = wait.as_millis().div_ceil(1000).max(1) as u64;
    Response::problem(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, seconds)
}

fn stopping() -> Response {
    Response::problem(StatusCode::SERVICE_UNAVAILABLE, "this server is stopping and takes no more events")
}

/// The boundary: past it there are events, and nothing else.
fn parse(request: &Request) -> Result<Event, (StatusCode, String)> {
    let is_json = |kind: &str| kind.split(';').next().unwrap_or(kind).trim().eq_ignore_ascii_case("application/json");
    let mut kinds = request.headers.get_all(header::CONTENT_TYPE).iter();
    if !kinds.all(|kind| kind.to_str().is_ok_and(is_json)) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the event as application/json".into()));
    }
    let text = std::str::from_utf8(&request.body)
        .map_err(|_| (StatusCode::BAD_REQUEST, "the body is not UTF-8, so it is not JSON".into()))?;
    serde_json::from_str(text).map_err(|error| match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => (StatusCode::UNPROCESSABLE_ENTITY, format!("this JSON is not an event: {error}")),
        Err(error) => (StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}")),
    })
}
