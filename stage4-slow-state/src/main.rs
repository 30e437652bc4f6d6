//! Stage 4: slow work on shared state.
//!
//! cargo stage4          then, in another terminal:  cargo client load -n 10 -c 10 --event

mod options;

use event::{Event, User};
use http1::{Connection, Request, Response, StatusCode};
use options::Options;
use serde::Serialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use workshop::{Stage, accept, listen, warn};

const STAGE: Stage = Stage {
    number: 4,
    name: "stage4-slow-state",
    idea: "a lock is held through slow work: async, and still one event after another",
    try_it: "curl -d '{\"user\": \"alice\", \"amount\": 5}' -H 'content-type: application/json' {url}/events",
    break_it: "cargo client load -n 10 -c 10 --event {addr}",
};

/// What all connections share. tokio's mutex is fair: the task that has waited longest is next.
type Balances = Arc<Mutex<HashMap<User, i64>>>;

#[tokio::main]
async fn main() -> workshop::Result {
    let options = STAGE.options::<Options>();
    let listener = listen(&STAGE, &options.addr)?;
    // spawned, so that it runs on a worker thread, as the tasks that it spawns do
    tokio::spawn(serve_all(listener, options.timeout, options.work)).await?
}

/// Serves all clients at once.
async fn serve_all(listener: TcpListener, limit: Duration, work: Duration) -> workshop::Result {
    let balances = Balances::default();
    loop {
        let mut connection = Connection::new(accept(&listener).await);
        let balances = balances.clone();
        // a task costs a kilobyte and no thread; the loop goes straight back to accept
        tokio::spawn(async move {
            if let Err(error) = serve(&mut connection, limit, work, &balances).await {
                warn!(%error, "connection lost");
            }
        });
    }
}

/// One connection, request after request.
async fn serve(
    connection: &mut Connection,
    limit: Duration,
    work: Duration,
    balances: &Balances,
) -> io::Result<()> {
    while let Some(request) = next_request(connection, limit).await? {
        let response = respond(request, work, balances).await;
        timeout(limit, connection.write_response(response)).await??; // late, or lost
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

/// A valid event is applied before its response is sent.
async fn respond(request: Request, work: Duration, balances: &Balances) -> Response {
    match (request.method().as_str(), request.path()) {
        ("POST", "/events") => match parse(request) {
            Ok(event) => apply(event, work, balances).await,
            Err(rejection) => rejection,
        },
        ("GET" | "HEAD", "/balances") => {
            let balances = balances.lock().await; // behind every event that came before
            Response::json(StatusCode::OK, &balances.iter().collect::<BTreeMap<_, _>>())
        }
        (_, "/events") => Response::method_not_allowed("POST"),
        (_, "/balances") => Response::method_not_allowed("GET, HEAD"),
        _ => Response::problem(StatusCode::NOT_FOUND, "try /events or /balances"),
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

/// The slow work, and the balance after it.
#[expect(clippy::await_holding_invalid_type, reason = "the lesson: every other event waits too")]
async fn apply(event: Event, work: Duration, balances: &Balances) -> Response {
    let mut balances = balances.lock().await;
    sleep(work).await; // the guard lives to the end of the block, so every other event waits
    let balance = balances.get(&event.user).copied().unwrap_or(0);
    let Some(balance) = balance.checked_add(event.amount) else {
        let detail = "the balance would leave the range of i64";
        return Response::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
    };
    balances.insert(event.user.clone(), balance);
    Response::json(StatusCode::OK, &Balance { user: event.user, balance })
}

/// The response to an event.
#[derive(Serialize)]
struct Balance {
    user: User,
    balance: i64,
}
