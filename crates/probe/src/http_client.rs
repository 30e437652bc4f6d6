//! One request and its outcome.

use http1::{
    BadMessage, ClientConnection, ClientRequest, Method, Response, ResponseLike, ResponseSummary,
    StatusCode, Uri, encode_request,
};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Sends requests to one server over one connection at a time, which is opened again when the server closes it.
///
/// It reads each response as `M`.
#[derive(Debug)]
pub struct Client<M> {
    addr: SocketAddr,
    connection: Option<ClientConnection<M>>,
}

/// A client that keeps whole responses.
pub type ResponseClient = Client<Response>;

/// A client that keeps only what a load generator counts.
pub type SummaryClient = Client<ResponseSummary>;

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A status under 400.
    Served(StatusCode),
    /// 503 (load shedding), with the seconds of its `Retry-After`.
    Shed(Option<u64>),
    /// Another status of 400 or more.
    Rejected(StatusCode),
    /// No complete response in time.
    TimedOut,
    /// No response, for this reason.
    Failed(Failure),
}

/// Why there is no response, other than a time-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Failure {
    /// No server listens at the address.
    #[error("connection refused: no server listens there")]
    NotListening,
    /// The client has no file descriptors or ports left.
    #[error("no file descriptor or port is left for another connection")]
    Exhausted,
    /// The server closed the connection before the first byte of a response.
    #[error("the server closed the connection without a response")]
    Closed,
    /// The server closed the connection in the middle of a response.
    #[error("the server closed the connection in the middle of its response")]
    CutShort,
    /// The server closed with unread input, or died.
    #[error("the server reset the connection")]
    Reset,
    /// The response is not well-formed HTTP.
    #[error("what came back is not an HTTP response")]
    NotHttp,
    /// Something else that the socket reported.
    #[error("the network failed: {0}")]
    Other(io::ErrorKind),
}

impl Failure {
    /// What it means, and what to check.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NotListening => "is the server still running, and on this port?",
            Self::Exhausted => "raise ulimit -n, or use fewer connections",
            Self::Closed => "the server gave up on the connection: look at its log and its limits",
            Self::CutShort => {
                "the response ended before its announced length: look at the server's log for a crash"
            }
            Self::Reset => {
                "the server died, or closed with unread input: check whether it still runs"
            }
            Self::NotHttp => {
                "another protocol listens there, or the server breaks HTTP/1.1: try curl -v"
            }
            Self::Other(_) => "look at the route to the server: firewall, address, network",
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::*;
        match error.kind() {
            ConnectionRefused => Self::NotListening,
            AddrNotAvailable => Self::Exhausted,
            UnexpectedEof => Self::CutShort,
            ConnectionReset | BrokenPipe | ConnectionAborted => Self::Reset,
            InvalidData if error.get_ref().is_some_and(|inner| inner.is::<BadMessage>()) => {
                Self::NotHttp
            }
            // EMFILE and ENFILE, which have no `ErrorKind`
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => Self::Exhausted,
            kind => Self::Other(kind),
        }
    }
}

/// A request that has ended: its times, its response and its outcome.
#[derive(Debug)]
pub struct Call<M = Response> {
    /// When the connection was open; `None` if it never was. The kernel connects on the server's behalf: this says
    /// nothing about being served.
    pub connected: Option<Instant>,
    /// When the response was complete, or the request was abandoned.
    pub ended: Instant,
    /// The response, if there was one.
    pub response: Option<M>,
    /// The outcome of the request.
    pub outcome: Outcome,
}

impl<M: ResponseLike> Client<M> {
    /// A client that is not connected yet.
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, connection: None }
    }

    /// Whether there is a connection that the next request can use.
    pub fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| !connection.is_stale())
    }

    /// Connects now, unless it is connected.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn connect(&mut self) -> Result<&mut ClientConnection<M>, Failure> {
        let connection = match self.connection.take() {
            Some(connection) if !connection.is_stale() => connection,
            stale => {
                drop(stale); // before the next one is there: never more connections than asked
                let stream = TcpStream::connect(self.addr).await?;
                stream.set_nodelay(true)?;
                ClientConnection::new(stream)
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// Closes the connection; the next request opens a new one.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Whether the server sent more than it was asked for.
    pub fn has_surplus(&self) -> bool {
        self.connection.as_ref().is_some_and(ClientConnection::has_surplus)
    }

    /// Sends a request (`to_head`: a HEAD request) over the open connection and waits for its response, however long that
    /// takes. If this is cancelled, [disconnect](Self::disconnect): a late response must not be read as the response to the
    /// next request.
    ///
    /// # Errors
    /// Why there is no response; the connection is then closed.
    pub async fn exchange(&mut self, request: &[u8], to_head: bool) -> Result<M, Failure> {
        let connection = self.connection.as_mut().ok_or(Failure::Closed)?;
        let sent = connection.send(request).await;
        // a server that rejects early closes before it has read everything: its response counts, not our failed write
        let answer = match (connection.read_response(to_head).await, sent) {
            (Ok(Some(response)), _) => return Ok(response),
            (_, Err(error)) | (Err(error), _) => Err(error.into()),
            (Ok(None), Ok(())) => Err(Failure::Closed),
        };
        self.disconnect();
        answer
    }

    /// Connects if necessary, sends a request (`to_head`: a HEAD request), and waits for its response until `deadline`.
    pub async fn call(&mut self, request: &[u8], to_head: bool, deadline: Instant) -> Call<M> {
        let mut connected = None;
        let answer = timeout_at(deadline, async {
            self.connect().await?;
            connected = Some(Instant::now());
            self.exchange(request, to_head).await
        })
        .await;
        let (response, outcome) = match answer {
            Ok(Ok(response)) => {
                let outcome = Outcome::of(&response);
                (Some(response), outcome)
            }
            Ok(Err(failure)) => (None, Outcome::Failed(failure)),
            Err(_) => {
                self.disconnect();
                (None, Outcome::TimedOut)
            }
        };
        Call { connected, ended: Instant::now(), response, outcome }
    }
}

impl Outcome {
    /// The outcome that a response is.
    pub fn of(answer: &impl ResponseLike) -> Self {
        match answer.status() {
            StatusCode::SERVICE_UNAVAILABLE => Self::Shed(answer.retry_after()),
            status if status.as_u16() < 400 => Self::Served(status),
            status => Self::Rejected(status),
        }
    }

    /// Whether there was a response, of any status.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Served(_) | Self::Shed(_) | Self::Rejected(_))
    }
}

/// The bytes of a GET request.
pub fn get(addr: SocketAddr, path: &'static str) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(
        &ClientRequest::new(Method::GET, Uri::from_static(path)),
        &addr.to_string(),
        &mut bytes,
    );
    bytes
}
