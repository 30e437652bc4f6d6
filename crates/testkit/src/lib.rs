//! For tests: start a stage on a free port, stop it, send raw bytes to it.
//!
//! Everything here panics where a test should fail, with a sentence that says what was missing.
//! Every wait for an event ends after [`PATIENCE`]: a slow machine passes, a broken server does not
//! hang the tests.

pub mod contract;
pub mod hostile;
pub mod mutants;
pub mod processes;
pub mod scripts;
pub mod verdicts;

use claims::{Finding, Verdict, claim};
use http1::{Bytes, Decoded, Decoder, Response, StatusCode, header};
pub use probe::server::{Ended, Server};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for an event that must come.
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

/// Starts a stage that gets no more than so many file descriptors.
pub fn start_with_descriptors(binary: &str, args: &[&str], descriptors: usize) -> Server {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {descriptors} && exec \"$0\" \"$@\""), binary])
        .args(args);
    command.env("RUST_LOG", "off").stderr(Stdio::null());
    Server::start(command).unwrap_or_else(|error| panic!("the server does not start: {error:#}"))
}

/// Runs a stage that should exit; its status and its output.
pub fn run(binary: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary);
    command.args(args).env_remove("RUST_LOG").envs(env.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|error| panic!("{binary} does not start: {error}"));
    let (pid, (ended, end)) = (child.id().to_string(), mpsc::channel());
    thread::spawn(move || ended.send(child.wait_with_output()));
    match end.recv_timeout(PATIENCE) {
        Ok(output) => output.expect("a child can be waited for"),
        Err(_) => {
            let _ = Command::new("sh").args(["-c", "kill -s KILL \"$0\"", &pid]).status(); // the test fails in any case
            panic!("{binary} {args:?} should exit, but still runs");
        }
    }
}

/// The last line that stage 5 or 6 prints.
pub fn final_figures(ended: &Ended) -> Value {
    let line = ended.output.lines().last().expect("the final figures");
    serde_json::from_str(line).expect("the final figures are JSON")
}

/// Waits until the server accepts no further connection: then it has handled the signal.
pub fn must_stop_accepting(server: &Server) {
    let began = Instant::now();
    while TcpStream::connect(server.addr()).is_ok() {
        assert!(began.elapsed() < PATIENCE, "it still accepts connections");
    }
}

/// Whether a signal is ignored here, and so in every process that a test starts: SIGHUP is if the tests run under `nohup`.
pub fn is_ignored(signal: &str) -> bool {
    let child = Command::new("sh").args(["-c", &format!("kill -s {signal} $$")]).status();
    child.is_ok_and(|status| status.success())
}

/// What a stage writes to stderr, with this `RUST_LOG` or without one, from its start until `talk`
/// has run, at least `lines` lines have arrived, and it is killed.
pub fn log_of(
    binary: &str,
    rust_log: Option<&str>,
    lines: usize,
    talk: impl FnOnce(SocketAddr),
) -> String {
    let (server, mut log) = start_with_log(binary, &[], rust_log);
    talk(server.addr());
    let mut text = String::new();
    while text.lines().count() < lines {
        assert_ne!(log.read_line(&mut text).expect("a log is text"), 0, "it ends after {text:?}");
    }
    drop(server);
    log.read_to_string(&mut text).expect("a log is text");
    text
}

/// Starts a stage with this `RUST_LOG` or without one; what it writes to stderr.
pub fn start_with_log(
    binary: &str,
    args: &[&str],
    rust_log: Option<&str>,
) -> (Server, BufReader<UnixStream>) {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets can be opened");
    ours.set_read_timeout(Some(PATIENCE)).expect("a socket accepts a timeout");
    let mut command = Command::new(binary);
    command
        .args(args)
        .env_remove("RUST_LOG")
        .envs(rust_log.map(|wanted| ("RUST_LOG", wanted)))
        .stderr(OwnedFd::from(theirs));
    let server = Server::start(command)
        .unwrap_or_else(|error| panic!("the server does not start: {error:#}"));
    (server, BufReader::new(ours))
}

/// Starts a stage whose log fills a pipe that nothing reads.
pub fn start_with_jammed_log(binary: &str, args: &[&str]) -> Server {
    let mut command = Command::new(binary);
    command.args(args).env("RUST_LOG", "debug").stderr(Stdio::piped());
    let server = Server::start(command)
        .unwrap_or_else(|error| panic!("the server does not start: {error:#}"));
    // each request is two lines, and a pipe holds 64 KiB
    let request = get(&format!("/{}", "x".repeat(90)));
    let mut peer = Peer::connect(server.addr());
    for _ in 0..1000 {
        peer.send(&request).response();
    }
    server
}

/// Raises this process's limit on file descriptors; fails if the system does not allow it. The
/// stages raise their own limits.
pub fn needs_descriptors(count: u64) {
    let limit = rlimit::increase_nofile_limit(count).expect("the limit can be asked for");
    assert!(
        limit >= count,
        "this test needs {count} file descriptors, and this system gives {limit}: see ulimit -H -n"
    );
}

/// Tries a claim of the lessons on a server; the test fails unless the verdict is `expected`.
pub fn must_be(expected: Verdict, name: &str, addr: SocketAddr) -> Finding {
    let claim = claim(name).unwrap_or_else(|| panic!("there is no claim {name}"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let finding = runtime.block_on(claim.try_on(addr));
    assert_eq!(
        finding.verdict, expected,
        "{}: {}\n{:#?}",
        claim.sentence, finding.figure, finding.trace
    );
    finding
}

/// Tries a claim that depends on time until it is kept: a busy machine can make a server
/// look slow, but not fast. A slow server is slow every time.
pub fn must_be_kept_in_time(name: &str, addr: SocketAddr) {
    let claim = claim(name).unwrap_or_else(|| panic!("there is no claim {name}"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let began = Instant::now();
    loop {
        let finding = runtime.block_on(claim.try_on(addr));
        if finding.verdict == Verdict::Kept {
            return;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{}: {}\n{:#?}",
            claim.sentence,
            finding.figure,
            finding.trace
        );
    }
}

/// A scope guard: runs a function when it is dropped, also in a panic, so that threads that wait
/// for it end, and the test with them.
pub struct OnDrop<F: Fn()>(pub F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A raw connection to a server.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    decoder: Decoder<Response>,
}

impl Peer {
    /// Opens a connection; fails after [`PATIENCE`].
    pub fn connect(addr: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&addr, PATIENCE).expect("the server listens"))
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket's timeout can be set");
        Self { stream, decoder: Decoder::new() }
    }

    /// Connects with buffers so small that a server can write only a few KiB until they are read.
    pub fn connect_narrow(addr: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("the size of a buffer can be set");
        socket.set_tcp_mss(1000).expect("the size of a segment can be set"); // the server's buffer depends on it
        socket.connect(&addr.into()).expect("the server listens");
        Self::over(socket.into())
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("the server reads what is sent");
        self
    }

    /// Sends bytes to a server that may have closed already; whether they could be sent. Fails if
    /// the server neither reads nor
    /// closes.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        match self.stream.write_all(bytes.as_ref()) {
            Ok(()) => true,
            Err(error) if is_timeout(&error) => {
                panic!("the server neither reads what is sent nor closes")
            }
            Err(_) => false,
        }
    }

    /// Sends bytes one by one, `pause` apart, until a response begins; fails if none does.
    pub fn drip_until_response(
        &mut self,
        bytes: impl IntoIterator<Item = u8>,
        pause: Duration,
    ) -> Response {
        for byte in bytes {
            self.send([byte]);
            if let Some(response) = self.response_within(pause) {
                return response;
            }
        }
        panic!("everything was sent, and no response began");
    }

    /// Closes the sending side.
    pub fn end_input(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
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

    /// The next response; `None` if the server closes the connection first, gracefully or not.
    pub fn response_or_end(&mut self) -> Option<Response> {
        self.next_response(PATIENCE)
    }

    /// The next response, if it comes in time.
    pub fn response_within(&mut self, patience: Duration) -> Option<Response> {
        match self.read(patience) {
            ReadResult::TimedOut => None,
            ReadResult::End | ReadResult::Reset(_) => {
                panic!("the connection ended, but a response or silence was expected")
            }
            ReadResult::Bytes(bytes) => {
                self.decoder.push(&bytes);
                Some(self.response())
            }
        }
    }

    fn next_response(&mut self, patience: Duration) -> Option<Response> {
        loop {
            match self.decoder.decode() {
                Ok(Decoded::Complete(response)) => return Some(response),
                Ok(_) => match self.read(patience) {
                    ReadResult::Bytes(bytes) => self.decoder.push(&bytes),
                    ReadResult::End | ReadResult::Reset(_) => return None,
                    ReadResult::TimedOut => panic!("no response within {patience:?}"),
                },
                Err(bad) => panic!("the server sent something that is not a response: {bad}"),
            }
        }
    }

    /// Sends bytes again and again until the server has read none for `patience`: all buffers are
    /// full.
    pub fn send_until_stuck(&mut self, bytes: impl AsRef<[u8]>, patience: Duration) {
        self.stream.set_write_timeout(Some(patience)).expect("a socket's timeout can be set");
        while self.stream.write_all(bytes.as_ref()).is_ok() {}
        self.stream.set_write_timeout(Some(PATIENCE)).expect("a socket's timeout can be set");
    }

    /// Fails unless `100 Continue` comes next.
    pub fn expect_continue(&mut self) {
        let response = self.response();
        assert_eq!(response.status(), StatusCode::CONTINUE);
    }

    /// Fails if anything arrives, an end included, within `duration`.
    #[track_caller]
    pub fn expect_nothing_for(&mut self, duration: Duration) {
        match self.next_input(duration) {
            ReadResult::TimedOut => {}
            input => panic!("expected silence, got {input:?}"),
        }
    }

    /// Fails unless the server closes the connection, without a reset and without another byte.
    #[track_caller]
    pub fn expect_eof(&mut self) {
        match self.next_input(PATIENCE) {
            ReadResult::End => {}
            input => panic!("expected the end of the connection, got {input:?}"),
        }
    }

    /// What arrived together with the last response, or else what arrives next.
    fn next_input(&mut self, patience: Duration) -> ReadResult {
        let unread = self.decoder.buffer(0).split().freeze();
        if unread.is_empty() { self.read(patience) } else { ReadResult::Bytes(unread) }
    }

    /// Waits until part of a response has arrived, and does not read it.
    pub fn expect_partial_response(&mut self) {
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a socket's timeout can be set");
        let arrived = self.stream.peek(&mut [0]).expect("part of a response");
        assert_eq!(arrived, 1, "the server closed the connection");
    }

    /// Whether anything unread has arrived, an end included.
    fn has_input(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("a socket can be made non-blocking");
        let has_input = !matches!(self.stream.peek(&mut [0]), Err(error) if is_timeout(&error));
        self.stream.set_nonblocking(false).expect("a socket can be made blocking");
        has_input
    }

    fn read(&mut self, patience: Duration) -> ReadResult {
        self.stream.set_read_timeout(Some(patience)).expect("a socket's timeout can be set");
        let mut bytes = vec![0; 64 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => ReadResult::End,
            Ok(length) => {
                bytes.truncate(length);
                ReadResult::Bytes(bytes.into())
            }
            Err(error) if is_timeout(&error) => ReadResult::TimedOut,
            // Linux reports this to a reader with a deadline whose process was halted, as on a
            // paused machine
            Err(error) if error.kind() == ErrorKind::Interrupted => self.read(patience),
            Err(error) => ReadResult::Reset(error),
        }
    }
}

#[derive(Debug)]
enum ReadResult {
    Bytes(Bytes),
    End,
    /// The server closed with unread input, or died: what it sent last may be lost.
    Reset(#[expect(dead_code, reason = "printed by a panic")] io::Error),
    TimedOut,
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Fails if anything arrives at any of them, an end included, within `duration`.
#[track_caller]
pub fn expect_silence_for(peers: &mut [Peer], duration: Duration) {
    if let Some(first) = peers.first_mut() {
        first.expect_nothing_for(duration);
    }
    let with_input = peers.iter_mut().map(Peer::has_input).filter(|has_input| *has_input).count();
    assert_eq!(with_input, 0, "{with_input} of {} connections received something", peers.len());
}

/// Sends one request on a new connection; its response.
pub fn ask(addr: SocketAddr, request: impl AsRef<[u8]>) -> Response {
    Peer::connect(addr).send(request).response()
}

/// A GET request.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// A POST request with a body of type application/json.
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
    serde_json::from_slice(response.body())
        .unwrap_or_else(|error| panic!("not JSON: {error}: {:?}", response.body()))
}

/// Fails unless the response has this status and, for an error, a problem document that is complete
/// (RFC 9457).
pub fn must_have_status(response: &Response, status: u16, of: &str) {
    assert_eq!(response.status().as_u16(), status, "{of}: {:?}", response.body());
    if response.status() >= StatusCode::BAD_REQUEST {
        assert_eq!(response.header(header::CONTENT_TYPE), Some("application/problem+json"), "{of}");
        let problem = json(response);
        assert_eq!(problem["type"], "about:blank", "{of}");
        assert_eq!(problem["title"].as_str(), response.status().canonical_reason(), "{of}");
        assert_eq!(problem["status"], status, "{of}");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.len() > 10),
            "{of}: {problem}"
        );
    }
}

/// Connects once for each request, then sends them all, then reads the responses; each with the
/// time from the first send until it was read, which is an upper bound of its latency.
pub fn ask_at_once(addr: SocketAddr, requests: &[Vec<u8>]) -> Vec<(Response, Duration)> {
    let mut peers: Vec<Peer> = requests.iter().map(|_| Peer::connect(addr)).collect();
    let began = Instant::now();
    for (peer, request) in peers.iter_mut().zip(requests) {
        peer.send(request);
    }
    peers.iter_mut().map(|peer| (peer.response(), began.elapsed())).collect()
}

/// Requests `path` again and again until its JSON is as wanted; returns that JSON.
pub fn wait_until(addr: SocketAddr, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut peer = Peer::connect(addr);
    let began = Instant::now();
    loop {
        let value = json(&peer.send(get(path)).response());
        if wanted(&value) {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "{path} is still {value}");
        std::thread::sleep(Duration::from_millis(5)); // HTTP has no event to wait for, so it polls
    }
}
