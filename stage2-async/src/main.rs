//! Stage 2: one task per connection.
//!
//! cargo run -p stage2          then, elsewhere:  scripts/flood.sh

use http1::{Connection, Request, Response};
use std::io;
use tokio::net::TcpListener;
use workshop::{Addr, Stage, accept, clap, warn};

const STAGE: Stage = Stage {
    number: 2,
    name: "stage2-async",
    idea: "each connection waits in a task of its own, so a slow client keeps nobody else waiting",
    try_it: "curl -d hello {url}",
    break_it: "scripts/flood.sh {addr}",
};

#[derive(clap::Parser)]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    addr: Addr,
}

#[tokio::main]
async fn main() -> workshop::Result {
    let options = STAGE.options::<Options>();
    let listener = STAGE.listen(&options.addr)?;
    // on a worker: from main's own thread each connection would change threads first
    tokio::spawn(serve_all(listener)).await?
}

/// Echo, everyone at once.
async fn serve_all(listener: TcpListener) -> workshop::Result {
    loop {
        let mut connection = Connection::new(accept(&listener).await);
        // a task costs little memory and no thread; the next client is looked at at once
        tokio::spawn(async move {
            if let Err(error) = serve(&mut connection).await {
                warn!(%error, "connection lost");
            }
        });
    }
}

/// Serves one connection, request after request, until the client closes it.
async fn serve(connection: &mut Connection) -> io::Result<()> {
    while let Some(request) = read_request(connection).await? {
        connection.write_response(respond(request)).await?;
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
        // only this task waits here, for as long as this client likes
        if connection.read().await? == 0 {
            return Ok(None);
        }
    }
}

/// Whatever came goes back.
fn respond(request: Request) -> Response {
    Response::text(request.into_body())
}
