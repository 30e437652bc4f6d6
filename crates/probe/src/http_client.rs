//! One request, and what came of it.

use http1::{
    BadMessage, ClientConnection, ClientRequest, Method, Response, ResponseLike, ResponseSummary,
    StatusCode, Uri, encode_request,
};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Calls one server, over one connection at a time: kept if the server keeps it, opened anew where it does not.
///
/// Of the answers it keeps what `M` keeps.
#[derive(Debug)]
pub struct Client<M> {
    addr: SocketAddr,
    connection: Option<ClientConnection<M>>,
}

/// A caller that keeps the answers whole.
pub type ResponseClient = Client<Response>;

/// A caller that keeps of the answers what can be counted.
pub type SummaryClient = Client<ResponseSummary>;

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A status under 400.
    Served(StatusCode),
    /// 503, with the seconds of its `Retry-After`: the server said that it cannot now.
    Refused(Option<u64>),
    /// Another status of 400 or more.
    Rejected(StatusCode),
    /// No whole answer in time.
    TimedOut,
    /// No answer at all.
    Failed(Failure),
}

/// Why there is no answer, but for the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Failure {
    /// Nobody listens there.
    #[error("connection refused: no server listens there")]
    NobodyThere,
    /// The client has no file descriptors or ports left.
    #[error("no file descriptor or port is left for another connection")]
    Exhausted,
    /// Closed without a byte of an answer.
    #[error("the server closed the connection without a response")]
    Closed,
    /// Closed within the answer.
    #[error("the server closed the connection in the middle of its response")]
    CutShort,
    /// Reset: it closed on input that it had not read, or it died.
    #[error("the server reset the connection")]
    Reset,
    /// Not HTTP, or not well-formed.
    #[error("what came back is not an HTTP response")]
    NotHttp,
    /// Something else that the socket reported.
    #[error("the network failed: {0}")]
    Other(io::ErrorKind),
}

impl Failure {
    /// What it means, and what to look at.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NobodyThere => "is the server still running, and on this port?",
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
            ConnectionRefused => Self::NobodyThere,
            AddrNotAvailable => Self::Exhausted,
            UnexpectedEof => Self::CutShort,
            ConnectionReset | BrokenPipe | ConnectionAborted => Self::Reset,
            InvalidData if error.get_ref().is_some_and(|inner| inner.is::<BadMessage>()) => {
                Self::NotHttp
            }
            // EMFILE and ENFILE have no kind of their own
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => Self::Exhausted,
            kind => Self::Other(kind),
        }
    }
}

/// A call: when its connection stood, and its answer.
#[derive(Debug)]
pub struct Call<M = Response> {
    /// When the connection was there; `None` if it never was. The kernel connects on the server's behalf: this says
    /// nothing about being served.
    pub connected: Option<Instant>,
    /// When the answer was whole, or the call was given up.
    pub ended: Instant,
    /// The answer, if there was one.
    pub response: Option<M>,
    /// What it comes to.
    pub outcome: Outcome,
}

impl<M: ResponseLike> Client<M> {
    /// Not connected yet.
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, connection: None }
    }

    /// Whether there is a connection that the next request can go over.
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

    /// Ends the connection; the next call opens one.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Whether the server said more than it was asked.
    pub fn has_surplus(&self) -> bool {
        self.connection.as_ref().is_some_and(ClientConnection::has_surplus)
    }

    /// Sends a request, to HEAD or not, over the connection that there is, and waits for its answer, for as long as that
    /// takes. If it is dropped meanwhile, [hang up](Self::disconnect): an answer that comes later must not be taken for the
    /// next one's.
    ///
    /// # Errors
    /// Why there is no answer; then there is no connection any more either.
    pub async fn exchange(&mut self, request: &[u8], to_head: bool) -> Result<M, Failure> {
        let connection = self.connection.as_mut().ok_or(Failure::Closed)?;
        let sent = connection.send(request).await;
        // a server that refuses early closes before it has read everything: its answer counts, not our failed write
        let answer = match (connection.read_response(to_head).await, sent) {
            (Ok(Some(response)), _) => return Ok(response),
            (_, Err(error)) | (Err(error), _) => Err(error.into()),
            (Ok(None), Ok(())) => Err(Failure::Closed),
        };
        self.disconnect();
        answer
    }

    /// Sends a request, to HEAD or not, and waits for its answer until `deadline`.
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
    /// What a response comes to.
    pub fn of(answer: &impl ResponseLike) -> Self {
        match answer.status() {
            StatusCode::SERVICE_UNAVAILABLE => Self::Refused(answer.retry_after()),
            status if status.as_u16() < 400 => Self::Served(status),
            status => Self::Rejected(status),
        }
    }

    /// Whether there was an answer, of whatever kind.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Served(_) | Self::Refused(_) | Self::Rejected(_))
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
