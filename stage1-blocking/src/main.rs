//! Stage 1: one thread.
//!
//! cargo stage1          then, in another terminal:  scripts/flood.sh

mod options;

use http1::{Request, Response, blocking::Connection};
use options::Options;
use std::io;
use std::net::TcpListener;
use workshop::blocking::{accept, listen};
use workshop::{Stage, warn};

const STAGE: Stage = Stage {
    number: 1,
    name: "stage1-blocking",
    idea: "one thread serves one client at a time, however long that takes",
    try_it: "curl -d hello {url}",
    break_it: "scripts/flood.sh {addr}",
};

fn main() -> workshop::Result {
    let options = STAGE.options::<Options>();
    let listener = listen(&STAGE, &options.addr)?;
    serve_all(listener)
}

/// Serves one client after another.
fn serve_all(listener: TcpListener) -> ! {
    loop {
        let mut connection = Connection::new(accept(&listener));
        // no other client is served until this returns
        if let Err(error) = serve(&mut connection) {
            warn!(%error, "connection lost");
        }
    }
}

/// One connection, request after request.
fn serve(connection: &mut Connection) -> io::Result<()> {
    while let Some(request) = read_request(connection)? {
        let response = respond(request);
        connection.write_response(response)?;
    }
    Ok(())
}

/// The next complete request; `None` once the client is done. A read returns what has arrived so
/// far, three bytes or a request and a half, so this reads until a request is complete.
fn read_request(connection: &mut Connection) -> io::Result<Option<Request>> {
    loop {
        match connection.decode() {
            Ok(Some(request)) => return Ok(Some(request)),
            Ok(None) => {}                       // part of it is still missing
            Err(bad) => connection.refuse(bad)?, // closes it: the next read returns 0
        }
        // the only thread waits here, for as long as this client likes
        if connection.read()? == 0 {
            return Ok(None);
        }
    }
}

/// An echo: the body comes back.
fn respond(request: Request) -> Response {
    Response::text(request.into_body())
}
