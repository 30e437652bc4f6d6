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

/// One connection, request after request, until the client has enough.
async fn serve(connection: &mut Connection) -> io::Result<()> {
    // waits as long as this client likes, and only this task waits
    while let Some(request) = connection.read_request().await? {
        let response = respond(request);
        connection.write_response(response).await?;
    }
    Ok(())
}

/// Whatever came goes back.
fn respond(request: Request) -> Response {
    Response::text(request.into_body())
}
