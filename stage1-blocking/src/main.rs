//! Stage 1: one thread.
//!
//! cargo run -p stage1          then, elsewhere:  scripts/flood.sh

use http1::{Request, Response, blocking::Connection};
use std::io;
use std::net::TcpListener;
use workshop::args::NoOptions;
use workshop::{Stage, blocking::accept, blocking::listen, warn};

const STAGE: Stage = Stage {
    number: 1,
    name: "stage1-blocking",
    idea: "one thread serves one client at a time, for as long as that takes",
    try_it: "curl -d hello {url}",
    break_it: "scripts/flood.sh {addr}",
};

fn main() -> workshop::Result {
    let args = STAGE.args::<NoOptions>();
    let listener = listen(&STAGE, &args.addr)?;
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
