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

/// Serves one connection, request after request, until the client closes it.
fn serve(connection: &mut Connection) -> io::Result<()> {
    while let Some(request) = read_request(connection)? {
        connection.write_response(respond(request))?;
    }
    Ok(())
}

/// The next complete request; `None` once the client is done.
///
/// A read returns what has arrived so far: three bytes, or a request and a half. So we read until
/// a request is complete.
fn read_request(connection: &mut Connection) -> io::Result<Option<Request>> {
    loop {
        match connection.decode() {
            Ok(Some(request)) => return Ok(Some(request)),
            Ok(None) => {} // part of it is still missing
            Err(bad) => return connection.refuse(bad).map(|()| None),
        }
        // the only thread waits here, for as long as this client likes
        if connection.read()? == 0 {
            return Ok(None);
        }
    }
}

/// Whatever came goes back.
fn respond(request: Request) -> Response {
    Response::text(request.into_body())
}
