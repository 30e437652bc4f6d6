//! Stage 1: one thread.
//!
//! cargo run -p stage1          then, elsewhere:  scripts/flood.sh

use http1::{Request, Response, blocking::Connection};
use std::io;
use std::net::TcpListener;
use workshop::{Addr, Stage, blocking::accept, blocking::listen, clap, warn};

const STAGE: Stage = Stage {
    number: 1,
    name: "stage1-blocking",
    idea: "one thread serves one client at a time, for as long as that takes",
    try_it: "curl -d hello {url}",
    break_it: "scripts/flood.sh {addr}",
};

#[derive(clap::Parser)]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    addr: Addr,
}

fn main() -> workshop::Result {
    let options = STAGE.options::<Options>();
    let listener = listen(&STAGE, &options.addr)?;
    serve_all(listener)
}

/// Echo, one client after another.
fn serve_all(listener: TcpListener) -> ! {
    loop {
        let mut connection = Connection::new(accept(&listener));
        // nobody else is looked at until this returns
        if let Err(error) = serve(&mut connection) {
            warn!(%error, "connection lost");
        }
    }
}

/// One connection, request after request, until the client has enough.
fn serve(connection: &mut Connection) -> io::Result<()> {
    // waits as long as this client likes
    while let Some(request) = connection.read_request()? {
        let response = respond(request);
        connection.write_response(response)?;
    }
    Ok(())
}

/// Whatever came goes back.
fn respond(request: Request) -> Response {
    Response::text(request.into_body())
}
