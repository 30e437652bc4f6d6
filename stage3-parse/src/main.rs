//! Stage 3: a boundary.
//!
//! cargo run -p stage3          then, elsewhere:  cargo run -p client -- hold -n 3

use event::Event;
use http1::{Connection, Method, Request, Response, StatusCode};
use serde::de::IgnoredAny;
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use workshop::{Addr, Stage, accept, clap, warn};

const STAGE: Stage = Stage {
    number: 3,
    name: "stage3-parse",
    idea: "whole bodies, typed events, a predictable refusal for everything else, and a deadline on every wait",
    try_it: "curl -d '{\"user\": \"alice\", \"amount\": 5}' -H 'content-type: application/json' {url}/events",
    break_it: "curl -d '{\"user\": \"alice\", \"amount\": \"lots\"}' -H 'content-type: application/json' {url}/events",
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
}

#[tokio::main]
async fn main() -> workshop::Result {
    let options = STAGE.options::<Options>();
    let listener = STAGE.listen(&options.addr)?;
    // on a worker: from main's own thread each connection would change threads first
    tokio::spawn(serve_all(listener, options.timeout)).await?
}

/// Events, everyone at once.
async fn serve_all(listener: TcpListener, patience: Duration) -> workshop::Result {
    loop {
        let mut connection = Connection::new(accept(&listener).await);
        // a task costs little memory and no thread; the next client is looked at at once
        tokio::spawn(async move {
            if let Err(error) = serve(&mut connection, patience).await {
                warn!(%error, "connection lost");
            }
        });
    }
}

/// One connection, request after request, until the client has enough or we have.
async fn serve(connection: &mut Connection, patience: Duration) -> io::Result<()> {
    while let Some(request) = next_request(connection, patience).await? {
        let response = respond(request);
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

/// One request: an event comes back as we understood it.
fn respond(request: Request) -> Response {
    match (request.method(), request.path()) {
        (&Method::POST, "/events") => match &parse(&request) {
            Ok(event) => Response::json(StatusCode::OK, event),
            Err((status, detail)) => Response::problem(*status, detail),
        },
        (_, "/events") => Response::method_not_allowed("POST"),
        _ => Response::problem(StatusCode::NOT_FOUND, "there is only /events here"),
    }
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
