//! One request and its outcome.

use crate::addresses::Addresses;
use http1::{
    BadMessage, ClientConnection, ClientRequest, Method, Response, ResponseLike, ResponseSummary,
    StatusCode, Uri, encode_request,
};
use std::net::SocketAddr;
use std::pin::Pin;
use std::{fmt, io};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Sends requests to one server over one connection at a time, which is opened again when the server closes it.
///
/// It reads each response as `M`.
#[derive(Debug)]
pub struct Client<M> {
    addresses: Addresses,
    connecting: Connecting,
    connection: Option<ClientConnection<M>>,
    /// Whether the connection has had a response.
    kept: bool,
}

/// A connect that was begun, and goes on when [`Client::connect`] is called again.
struct Connecting(Option<Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>>);

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "connecting" } else { "not connecting" })
    }
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
    /// The server closed a connection on which it had responded before, without a response to this request.
    #[error("the server closed a kept connection without a response")]
    ClosedKept,
    /// The response does not begin as one.
    #[error("what came back is not an HTTP response")]
    NotHttp,
    /// The response is malformed, too large or not supported.
    #[error("what came back cannot be read: {0}")]
    Unreadable(BadMessage),
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
            Self::ClosedKept => {
                "it did not announce that with Connection: close: every client that keeps connections meets this"
            }
            Self::Unreadable(_) => "the server sent it: look at it with curl -v or nc",
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
            InvalidData => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(BadMessage::NotHttp) => Self::NotHttp,
                Some(bad) => Self::Unreadable(*bad),
                None => Self::Other(InvalidData),
            },
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
    pub fn new(addresses: impl Into<Addresses>) -> Self {
        let addresses = addresses.into();
        Self { addresses, connecting: Connecting(None), connection: None, kept: false }
    }

    /// Whether there is a connection that the next request can use. One that the server has closed is closed here, too.
    pub fn is_connected(&mut self) -> bool {
        // before the next one is opened: never more connections than asked
        self.connection.take_if(|connection| connection.is_stale());
        self.connection.is_some()
    }

    /// Connects, unless it is connected. If this is cancelled, the next call goes on with the same connect.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn connect(&mut self) -> Result<(), Failure> {
        if self.is_connected() {
            return Ok(());
        }
        let addresses = &self.addresses;
        let connecting = self.connecting.0.get_or_insert_with(|| {
            let addresses = addresses.clone();
            Box::pin(async move { addresses.connect().await })
        });
        let connected = connecting.await;
        self.connecting.0 = None;
        let stream = connected?;
        stream.set_nodelay(true)?;
        self.connection = Some(ClientConnection::new(stream));
        self.kept = false;
        Ok(())
    }

    /// Closes the connection, or the attempt to open one; the next request opens a new one.
    pub fn disconnect(&mut self) {
        self.connection = None;
        self.connecting.0 = None;
    }

    /// Records the next response, up to 8 KiB of it.
    pub fn record(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.record();
        }
    }

    /// What was recorded; nothing if the connection is gone. Recording ends.
    pub fn take_recorded(&mut self) -> Vec<u8> {
        self.connection.as_mut().map(ClientConnection::take_recorded).unwrap_or_default()
    }

    /// Whether the server sent more than it was asked for.
    pub fn has_surplus(&self) -> bool {
        self.connection.as_ref().is_some_and(ClientConnection::has_surplus)
    }

    /// Sends a request (`to_head`: a HEAD request) over the open connection and waits for its response, however long that
    /// takes. A response that is complete before the request is sent ends the sending. If this is cancelled, [disconnect](Self::disconnect): a late response must not be read as the response to the
    /// next request.
    ///
    /// # Errors
    /// Why there is no response; the connection is then closed.
    pub async fn exchange(&mut self, request: &[u8], to_head: bool) -> Result<M, Failure> {
        let connection = self.connection.as_mut().ok_or(Failure::Closed)?;
        let failure = match connection.exchange(request, to_head).await {
            Ok(Some(response)) => {
                self.kept = true;
                return Ok(response);
            }
            Ok(None) => Failure::Closed,
            Err(error) => error.into(),
        };
        // surplus here is the beginning of a response
        let is_kept = self.kept && !self.has_surplus();
        self.disconnect();
        Err(match failure {
            Failure::Closed | Failure::Reset if is_kept => Failure::ClosedKept,
            failure => failure,
        })
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
