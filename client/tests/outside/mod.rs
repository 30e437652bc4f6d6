//! The client as a process, and servers that were not made for it.

#![allow(dead_code, reason = "each test file uses what it needs")]

use http1::blocking::Connection;
use http1::{Request, Response};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

pub(crate) fn client(args: &[&str]) -> Command {
    let mut client = Command::new(env!("CARGO_BIN_EXE_client"));
    client.args(args).stdin(Stdio::null());
    if args.first() == Some(&"check") {
        client.current_dir(env!("CARGO_TARGET_TMPDIR")); // it writes its evidence there
    }
    client
}

pub(crate) fn run(args: &[&str]) -> Output {
    client(args).output().expect("the client runs")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A server with a thread for each connection; `serve` gets each, and its number.
pub(crate) fn server(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (serve, stream) = (serve.clone(), stream.expect("a connection"));
            thread::spawn(move || serve(number, stream));
        }
    });
    addr
}

/// A server that does not accept and whose backlog is full: a connect to it lasts until something else gives up. It
/// ends with what is returned beside its address.
pub(crate) fn full_backlog() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    let connect = || TcpStream::connect_timeout(&addr, Duration::from_millis(200)).ok();
    let waiting = std::iter::from_fn(connect).collect();
    (addr, (listener, waiting))
}

/// A server that responds to each request with `respond`, which also gets its number.
pub(crate) fn http_server(
    respond: impl Fn(usize, Request) -> Response + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let addr = server(move |_, stream| {
        let mut connection = Connection::new(stream);
        while let Ok(Some(request)) = read_request(&mut connection) {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            if connection.write_response(respond(number, request)).is_err() {
                break;
            }
        }
    });
    (addr, count)
}

/// Reads until a request is complete; `None` once the client is done. Rejects malformed requests.
pub(crate) fn read_request(connection: &mut Connection) -> io::Result<Option<Request>> {
    loop {
        match connection.decode() {
            Ok(Some(request)) => return Ok(Some(request)),
            Ok(None) if connection.read()? == 0 => return Ok(None),
            Ok(None) => {}
            Err(bad) => connection.refuse(bad)?,
        }
    }
}
