//! An echo server on each kind of connection, and a client with long timeouts to test it.

#![allow(dead_code, reason = "each test file uses a part of this")]

use http1::{Connection, Decoded, Decoder, Request, Response, blocking};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// How long a client waits before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Echoes the body, or the path if the body is empty.
fn respond(request: Request) -> Response {
    match request.body().is_empty() {
        true => Response::text(request.path().to_owned().into()),
        false => Response::text(request.into_body()),
    }
}

/// Reads until a request is complete; `None` once the client is done. Rejects malformed requests.
pub(crate) async fn read_request(connection: &mut Connection) -> io::Result<Option<Request>> {
    loop {
        match connection.decode() {
            Ok(Some(request)) => return Ok(Some(request)),
            Ok(None) if connection.read().await? == 0 => return Ok(None),
            Ok(None) => {}
            Err(bad) => connection.refuse(bad).await?,
        }
    }
}

fn read_request_blocking(connection: &mut blocking::Connection) -> io::Result<Option<Request>> {
    loop {
        match connection.decode() {
            Ok(Some(request)) => return Ok(Some(request)),
            Ok(None) if connection.read()? == 0 => return Ok(None),
            Ok(None) => {}
            Err(bad) => connection.refuse(bad)?,
        }
    }
}

fn serve_blocking(listener: &TcpListener) -> io::Result<()> {
    let mut connection = blocking::Connection::new(listener.accept()?.0);
    while let Some(request) = read_request_blocking(&mut connection)? {
        connection.write_response(respond(request))?;
    }
    Ok(())
}

fn serve_tokio(listener: &TcpListener) -> io::Result<()> {
    serve_with_tokio(listener, async |mut connection| {
        while let Some(request) = read_request(&mut connection).await? {
            connection.write_response(respond(request)).await?;
        }
        Ok(())
    })
}

/// Serves one connection on a separate runtime.
pub(crate) fn serve_with_tokio(
    listener: &TcpListener,
    serve: impl AsyncFnOnce(Connection) -> io::Result<()>,
) -> io::Result<()> {
    let (stream, _) = listener.accept()?;
    stream.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(async { serve(Connection::new(tokio::net::TcpStream::from_std(stream)?)).await })
}

/// Polls a future once and drops it. Returns its output if it was ready.
pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Runs a test against both connections. The server must return without an error once the client
/// has disconnected.
#[track_caller]
pub(crate) fn with_both_servers(test: impl Fn(Client)) {
    with_both_servers_at(bind, test);
}

/// Runs a test against both connections, with the listeners that `bind` returns.
#[track_caller]
pub(crate) fn with_both_servers_at(bind: impl Fn() -> TcpListener, test: impl Fn(Client)) {
    for (name, serve) in
        [("tokio", serve_tokio as fn(&TcpListener) -> io::Result<()>), ("std", serve_blocking)]
    {
        println!("over {name}:");
        with_server(bind(), serve, &test);
    }
}

/// Runs a test against one server, which must return without an error.
#[track_caller]
pub(crate) fn with_server(
    listener: TcpListener,
    serve: impl FnOnce(&TcpListener) -> io::Result<()> + Send + 'static,
    test: impl FnOnce(Client),
) {
    let address = listener.local_addr().expect("a bound listener");
    let server = thread::spawn(move || serve(&listener));
    test(Client::new(TcpStream::connect(address).expect("a listener")));
    server.join().expect("no panic").expect("the server returns without an error");
}

/// A listener on any free port.
pub(crate) fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// A listener whose connections have send buffers that are smaller than a large response.
pub(crate) fn bind_narrow() -> TcpListener {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let bind = || {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_send_buffer_size(64 * 1024)?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener = socket.listen(1)?.into_std()?;
        listener.set_nonblocking(false)?;
        io::Result::Ok(listener)
    };
    bind().expect("a free port")
}

/// The client's end of a connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    decoder: Decoder<Response>,
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, decoder: Decoder::new() }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("a server that reads");
    }

    /// Closes the sending side.
    #[track_caller]
    pub(crate) fn end_input(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }

    /// The next response, including interim ones.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        self.next_response(false)
    }

    #[track_caller]
    pub(crate) fn response_to_head(&mut self) -> Response {
        self.next_response(true)
    }

    #[track_caller]
    fn next_response(&mut self, to_head: bool) -> Response {
        self.decoder.answers_head(to_head);
        let mut piece = [0; 1000];
        loop {
            match self.decoder.decode().expect("HTTP") {
                Decoded::Complete(response) => return response,
                _ => match self.stream.read(&mut piece).expect("a response in time") {
                    0 => panic!("closed without a response"),
                    length => self.decoder.push(&piece[..length]),
                },
            }
        }
    }

    /// Everything that arrives until the server closes the connection.
    #[track_caller]
    pub(crate) fn rest(mut self) -> String {
        let mut bytes = self.decoder.buffer(0).to_vec();
        self.stream.read_to_end(&mut bytes).expect("a connection that ends without a reset");
        String::from_utf8(bytes).expect("text")
    }
}
