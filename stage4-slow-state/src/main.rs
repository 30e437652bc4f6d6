//! Stage 4: slow work on shared state.
//!
//! cargo run -p stage4          then, elsewhere:  cargo run -p client -- load -n 10 -c 10 --event

use event::{Event, User};
use http1::{Connection, Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use workshop::{Addr, Stage, accept, clap, duration, warn};

const STAGE: Stage = Stage {
    number: 4,
    name: "stage4-slow-state",
    idea: "balances behind a lock that is held through slow work: async, and still one after another",
    try_it: "curl -d '{\"user\": \"alice\", \"amount\": 5}' -H 'content-type: application/json' {url}/events",
    break_it: "cargo run -p client -- load -n 10 -c 10 --event {addr}",
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
    /// How long the work for one event takes, such as 0s, 100ms, 2s
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration)]
    work: Duration,
}

/// What everyone shares. tokio's mutex is fair: whoever waits longest is next.
type Balances = Arc<Mutex<HashMap<User, i64>>>;

#[tokio::main]
async fn main() -> workshop::Result {
    let options = STAGE.options::<Options>();
    let listener = STAGE.listen(&options.addr)?;
    // on a worker: from main's own thread each connection would change threads first
    tokio::spawn(serve_all(listener, options.timeout, options.work)).await?
}

/// Events, everyone at once.
async fn serve_all(listener: TcpListener, patience: Duration, work: Duration) -> workshop::Result {
    let balances = Balances::default();
    loop {
        let mut connection = Connection::new(accept(&listener).await);
        let balances = balances.clone();
        // a task costs little memory and no thread; the next client is looked at at once
        tokio::spawn(async move {
            if let Err(error) = serve(&mut connection, patience, work, &balances).await {
                warn!(%error, "connection lost");
            }
        });
    }
}

/// One connection, request after request, until the client has enough or we have.
async fn serve(
    connection: &mut Connection,
    patience: Duration,
    work: Duration,
    balances: &Balances,
) -> io::Result<()> {
    while let Some(request) = next_request(connection, patience).await? {
        let response = respond(request, balances, work).await;
        timeout(patience, connection.write_response(response)).await??;
    }
    Ok(())
}

/// The next complete request; `None` once the client is done.
///
/// A read returns what has arrived so far: three bytes, or a request and a half. So we read until
/// a request is complete.
async fn read_request(connection: &mut Connection) -> io::Result<Option<Request>> {
    loop {
        match connection.decode() {
            Ok(Some(request)) => return Ok(Some(request)),
            Ok(None) => {} // part of it is still missing
            Err(bad) => return connection.refuse(bad).await.map(|()| None),
        }
        // only this task waits here, until the deadline
        if connection.read().await? == 0 {
            return Ok(None);
        }
    }
}

/// The next request, if it begins within our patience, and is whole within as much again, however it drips.
async fn next_request(
    connection: &mut Connection,
    patience: Duration,
) -> io::Result<Option<Request>> {
    let whole = match timeout(patience, connection.wait_for_request()).await {
        Ok(_) => timeout(patience, read_request(connection)).await,
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

/// One request: an event is applied before it is answered.
async fn respond(request: Request, balances: &Balances, work: Duration) -> Response {
    match (request.method(), request.path()) {
        (&Method::POST, "/events") => match &parse(&request) {
            // by reference: a task has the room for whatever it moves, all the time that it waits
            Ok(event) => apply(event, balances, work).await,
            Err((status, detail)) => Response::problem(*status, detail),
        },
        (&(Method::GET | Method::HEAD), "/balances") => {
            let balances = balances.lock().await; // behind everyone who came before
            Response::json(StatusCode::OK, &balances.iter().collect::<BTreeMap<_, _>>())
        }
        (_, "/events") => Response::method_not_allowed("POST"),
        (_, "/balances") => Response::method_not_allowed("GET, HEAD"),
        _ => Response::problem(StatusCode::NOT_FOUND, "there are only /events and /balances here"),
    }
}

/// The slow work, and the balance after it.
#[expect(
    clippy::await_holding_invalid_type,
    reason = "the lesson of this stage: see what it does to everyone else"
)]
async fn apply(event: &Event, balances: &Balances, work: Duration) -> Response {
    let mut balances = balances.lock().await;
    sleep(work).await; // the guard lives to the end of the block, so everyone waits with us, all of `work`
    let balance = balances.get(&event.user).copied().unwrap_or(0);
    let Some(balance) = balance.checked_add(event.amount) else {
        return Response::problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the balance would leave the range of i64",
        );
    };
    balances.insert(event.user.clone(), balance);
    Response::json(StatusCode::OK, &Balance { user: &event.user, balance })
}

/// The answer to an event.
#[derive(Serialize)]
struct Balance<'e> {
    user: &'e User,
    balance: i64,
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
