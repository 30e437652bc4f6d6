//! Stage 2: one task per connection.
//!
//! cargo stage2          then, in another terminal:  scripts/flood.sh -n 1000

mod options;

use http1::{Connection, Request, Response};
use options::Options;
use std::io;
use tokio::net::TcpListener;
use workshop::{Stage, accept, listen, warn};

const STAGE: Stage = Stage {
    number: 2,
    name: "stage2-async",
    idea: "each connection waits in its own task, so a slow client blocks no one else",
    try_it: "curl -d hello {url}",
    break_it: "scripts/flood.sh -n 1000 {addr}",
};

#[tokio::main]
async fn main() -> workshop::Result {
    let options = STAGE.options::<Options>();
    let listener = listen(&STAGE, &options.addr)?;
    // spawned, so that it runs on a worker thread, as the tasks that it spawns do
    tokio::spawn(serve_all(listener)).await?
}

/// Serves all clients at once.
async fn serve_all(listener: TcpListener) -> workshop::Result {
    loop {
        let mut connection = Connection::new(accept(&listener).await);
        // a task costs a kilobyte and no thread; the loop goes straight back to accept
        tokio::spawn(async move {
            if let Err(error) = serve(&mut connection).await {
                warn!(%error, "connection lost");
            }
        });
    }
}

/// One connection, request after request.
async fn serve(connection: &mut Connection) -> io::Result<()> {
    while let Some(request) = read_request(connection).await? {
        let response = respond(request);
        connection.write_response(response).await?;
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
        // only this task waits here, for as long as this client likes
        if connection.read().await? == 0 {
            return Ok(None);
        }
    }
}

/// An echo: the body comes back.
fn respond(request: Request) -> Response {
    Response::text(request.into_body())
}
