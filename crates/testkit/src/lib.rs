//! For tests: start a stage on a free port, stop it, speak raw bytes to it.
//!
//! Everything here panics where a test should fail, with a sentence that says what was missing. Whatever waits for an
//! event waits for up to [`PATIENCE`]: a slow machine passes, a broken server does not hang the tests.

use client::claims::{Finding, Verdict, claim};
pub use client::server::{Ended, Server};
use http1::{Bytes, Decoded, Decoder, Response, StatusCode, header};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long an event is waited for that must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a stage; `binary` from `env!("CARGO_BIN_EXE_…")`.
pub fn start(binary: &str, args: &[&str]) -> Server {
    start_with(binary, args, &[])
}

/// Starts a stage with something in its environment, such as `TOKIO_WORKER_THREADS`.
pub fn start_with(binary: &str, args: &[&str], env: &[(&str, &str)]) -> Server {
    let mut command = Command::new(binary);
    command.args(args).env("RUST_LOG", "off").envs(env.iter().copied()).stderr(Stdio::null());
    Server::start(command).unwrap_or_else(|error| panic!("the server does not start: {error:#}"))
}

/// Tries a claim of the lessons on a server; the test fails unless the verdict is `expected`.
pub fn must_be(expected: Verdict, name: &str, addr: SocketAddr) -> Finding {
    let claim = claim(name).unwrap_or_else(|| panic!("there is no claim {name}"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let finding = runtime.block_on(claim.try_on(addr));
    assert_eq!(finding.verdict, expected, "{}: {}\n{:#?}", claim.sentence, finding.figure, finding.trace);
    finding
}

/// A raw connection to a server.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    decoder: Decoder<Response>,
}

impl Peer {
    /// Connects.
    pub fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE).expect("the server takes connections");
        stream.set_nodelay(true).expect("a socket takes TCP_NODELAY");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket takes a deadline");
        Self { stream, decoder: Decoder::new() }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("the server takes what is sent");
        self
    }

    /// Sends bytes to a server that may have closed already; whether it took them.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Ends what this side sends.
    pub fn end_input(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).expect("the connection stands");
        self
    }

    /// The next response.
    pub fn response(&mut self) -> Response {
        self.next_response(PATIENCE).expect("a response, not the end of the connection")
    }

    /// The next response to a HEAD request.
    pub fn response_to_head(&mut self) -> Response {
        self.decoder.answers_head(true);
        let response = self.response();
        self.decoder.answers_head(false);
        response
    }

    /// The next response; `None` if the server ends the connection first, quietly or not.
    pub fn response_or_end(&mut self) -> Option<Response> {
        self.next_response(PATIENCE)
    }

    /// The next response, if it comes in time.
    pub fn response_within(&mut self, patience: Duration) -> Option<Response> {
        match self.read(patience) {
            Heard::Nothing => None,
            Heard::End => panic!("a response should come, or nothing, not the end of the connection"),
            Heard::Bytes(bytes) => {
                self.decoder.push(&bytes);
                Some(self.response())
            }
        }
    }

    fn next_response(&mut self, patience: Duration) -> Option<Response> {
        loop {
            match self.decoder.decode() {
                Ok(Decoded::Whole(response)) => return Some(response),
                Ok(_) => match self.read(patience) {
                    Heard::Bytes(bytes) => self.decoder.push(&bytes),
                    Heard::End => return None,
                    Heard::Nothing => panic!("no response within {patience:?}"),
                },
                Err(bad) => panic!("what the server sent is no response: {bad}"),
            }
        }
    }

    /// Sends bytes again and again until the server has taken none for `patience`: its buffers and ours are full.
    pub fn send_until_stuck(&mut self, bytes: impl AsRef<[u8]>, patience: Duration) {
        self.stream.set_write_timeout(Some(patience)).expect("a socket takes a deadline");
        while self.stream.write_all(bytes.as_ref()).is_ok() {}
        self.stream.set_write_timeout(Some(PATIENCE)).expect("a socket takes a deadline");
    }

    /// Fails unless `100 Continue` comes next.
    pub fn hears_continue(&mut self) {
        let response = self.response();
        assert_eq!(response.status, StatusCode::CONTINUE);
    }

    /// Fails if anything comes, an end included, while `duration` passes.
    pub fn hears_nothing_for(&mut self, duration: Duration) {
        match self.read(duration) {
            Heard::Nothing => {}
            heard => panic!("nothing should come, and this came: {heard:?}"),
        }
    }

    /// Fails unless the server ends the connection without another byte.
    pub fn hears_the_end(&mut self) {
        match self.read(PATIENCE) {
            Heard::End => {}
            heard => panic!("the connection should end, and this came: {heard:?}"),
        }
    }

    fn read(&mut self, patience: Duration) -> Heard {
        self.stream.set_read_timeout(Some(patience)).expect("a socket takes a deadline");
        let mut bytes = vec![0; 64 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => Heard::End,
            Ok(length) => {
                bytes.truncate(length);
                Heard::Bytes(bytes.into())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Heard::Nothing,
            Err(_) => Heard::End,
        }
    }
}

#[derive(Debug)]
enum Heard {
    Bytes(Bytes),
    End,
    Nothing,
}

/// Sends one request on a connection of its own; its answer.
pub fn ask(addr: SocketAddr, request: impl AsRef<[u8]>) -> Response {
    Peer::connect(addr).send(request).response()
}

/// A GET request.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// A POST request with a body that is JSON, or says so.
pub fn post(path: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A POST request with an event.
pub fn event(user: &str, amount: i64) -> Vec<u8> {
    post("/events", serde_json::json!({ "user": user, "amount": amount }).to_string())
}

/// The body of a response as JSON.
pub fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("no JSON: {error}: {:?}", response.body))
}

/// Fails unless the response has this status and, for an error, a problem document that is complete (RFC 9457).
pub fn must_have_status(response: &Response, status: u16, of: &str) {
    assert_eq!(response.status.as_u16(), status, "{of}: {:?}", response.body);
    if response.status >= StatusCode::BAD_REQUEST {
        assert_eq!(response.header(header::CONTENT_TYPE), Some("application/problem+json"), "{of}");
        let problem = json(response);
        assert_eq!(problem["type"], "about:blank", "{of}");
        assert_eq!(problem["title"].as_str(), response.status.canonical_reason(), "{of}");
        assert_eq!(problem["status"], status, "{of}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{of}: {problem}");
    }
}

/// Connects once for each request, then sends them all, then reads the answers; each with the time from the first
/// send until it was read, which is no less than it took.
pub fn ask_at_once(addr: SocketAddr, requests: &[Vec<u8>]) -> Vec<(Response, Duration)> {
    let mut peers: Vec<Peer> = requests.iter().map(|_| Peer::connect(addr)).collect();
    let began = Instant::now();
    for (peer, request) in peers.iter_mut().zip(requests) {
        peer.send(request);
    }
    peers.iter_mut().map(|peer| (peer.response(), began.elapsed())).collect()
}

/// Asks for `path` again and again until its JSON is as wanted; that JSON.
pub fn wait_until(addr: SocketAddr, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut peer = Peer::connect(addr);
    let began = Instant::now();
    loop {
        let value = json(&peer.send(get(path)).response());
        if wanted(&value) {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "{path} is still {value}");
        std::thread::sleep(Duration::from_millis(5)); // there is no event to wait for: HTTP has to be asked
    }
}
