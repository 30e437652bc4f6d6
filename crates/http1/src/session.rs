//! The server's side of a connection, without I/O.

use crate::budget::BodyBudget;
use crate::decoder::{Decoded, Decoder};
use crate::encoder::{self, Encoded, KeepAlive};
use crate::error::BadMessage;
use crate::limits::{DRAIN_BYTES, SCRATCH};
use crate::request::Request;
use crate::response::Response;
use bytes::BytesMut;
use http::{Method, Version};
use tracing::debug;

/// Decides what a server does next on a connection: which request to serve, what to reject, when to
/// send `100 Continue`, and when to linger before closing. It uses neither a socket nor a clock.
///
/// [`Connection`](crate::Connection) and [`blocking::Connection`](crate::blocking::Connection)
/// drive it over a socket. [`push`](Self::push) adds received bytes, [`decode`](Self::decode)
/// returns requests, and [`respond`](Self::respond) encodes responses:
///
/// ```
/// use http1::{Response, ServerSession};
///
/// let mut session = ServerSession::new();
/// session.push(b"GET /hello HTTP/1.1\r\nHo");
/// assert!(session.decode()?.is_none()); // part of it is still missing
/// session.push(b"st: example\r\n\r\n");
/// let request = session.decode()?.expect("a complete request");
/// let response = session.respond(Response::text(request.path().to_owned().into()));
/// let (bytes, _) = response.remaining();
/// assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n") && bytes.ends_with(b"/hello"));
/// # Ok::<(), http1::BadMessage>(())
/// ```
#[derive(Debug)]
pub struct ServerSession {
    decoder: Decoder<Request>,
    exchange: Exchange,
    /// A client waits for `100 Continue` before it sends its body (RFC 9110 §10.1.1).
    continue_due: bool,
    phase: Phase,
}

/// What the response needs to know about its request.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    to_head: bool,
    keep_alive: KeepAlive,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Requests are read and responses written.
    Open,
    /// The last response has been encoded, and no further request is read.
    LastResponse,
    /// The last response rejects a message, and its client may still be sending.
    Rejected,
    /// The client is given time to read the last response.
    Lingering,
}

/// Counts the bytes that are read and dropped after the last response.
#[derive(Debug)]
pub struct Drain {
    remaining: usize,
}

impl Default for ServerSession {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerSession {
    /// A session at the start of a connection.
    pub fn new() -> Self {
        let exchange = Exchange { to_head: false, keep_alive: KeepAlive::Implied };
        Self { decoder: Decoder::new(), exchange, continue_due: false, phase: Phase::Open }
    }

    /// The same session, whose bodies are part of this budget.
    #[must_use]
    pub fn with_budget(mut self, budget: &BodyBudget) -> Self {
        self.decoder = self.decoder.with_budget(budget);
        self
    }

    /// Adds bytes as they were received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
    }

    /// The buffer of a request that has begun, to read into without a copy, with capacity for at
    /// least `additional` more bytes. `None` between requests, when a session owns no buffer: then
    /// use [`push`](Self::push).
    pub fn buffer(&mut self, additional: usize) -> Option<&mut BytesMut> {
        self.decoder.has_begun().then(|| self.decoder.buffer(additional))
    }

    /// Where the next bytes can be read to without passing through a buffer, if they are part of a
    /// large body. Then call [`filled`](Self::filled) instead of [`push`](Self::push).
    pub(crate) fn spare(&mut self) -> Option<&mut [u8]> {
        self.decoder.spare()
    }

    pub(crate) fn filled(&mut self, count: usize) {
        self.decoder.filled(count);
    }

    /// The next request, if it has been received completely; `None` while part of it is missing.
    ///
    /// # Errors
    /// The message is malformed or too large: [`reject`](Self::reject) it.
    pub fn decode(&mut self) -> Result<Option<Request>, BadMessage> {
        if self.phase != Phase::Open {
            return Ok(None);
        }
        loop {
            match self.decoder.decode()? {
                Decoded::Complete(request) => {
                    self.continue_due = false; // its body has arrived unasked
                    self.exchange = Exchange::of(&request);
                    return Ok(Some(request));
                }
                Decoded::Continue => self.continue_due = true,
                Decoded::NeedMore => return Ok(None),
            }
        }
    }

    /// Whether part of the next request has been received. An empty line before it does not count
    /// (RFC 9112 §2.2).
    pub fn has_begun(&mut self) -> bool {
        self.decoder.drop_blank_lines();
        self.decoder.has_begun()
    }

    /// Whether the last response has been encoded: then no further request is read.
    pub fn is_closing(&self) -> bool {
        self.phase != Phase::Open
    }

    /// The bytes of `100 Continue`, if they must be sent before the next read. They are returned
    /// once.
    pub fn take_continue(&mut self) -> Option<&'static [u8]> {
        let due = std::mem::take(&mut self.continue_due) && self.phase == Phase::Open;
        due.then_some(b"HTTP/1.1 100 Continue\r\n\r\n")
    }

    /// Encodes the response to the request that was decoded last; 503 if its body is beyond the
    /// budget.
    pub fn respond(&mut self, response: Response) -> Encoded {
        let response = self.within_budget(response);
        if self.exchange.keep_alive == KeepAlive::Close {
            self.phase = Phase::LastResponse;
        }
        self.exchange.encode(response)
    }

    /// The response as a part of the budget until it is written.
    fn within_budget(&self, mut response: Response) -> Response {
        let Some(budget) = self.decoder.budget() else { return response };
        if response.body().len() <= SCRATCH || self.exchange.to_head {
            return response;
        }
        let Some(body) = budget.admit(response.body().clone()) else {
            return BadMessage::OverBudget.into();
        };
        response.set_body(body);
        response
    }

    /// Encodes the response to a message that is malformed or was not read completely. It is the
    /// last one; `None` if the last response has already been encoded.
    pub fn reject(&mut self, response: Response) -> Option<Encoded> {
        if self.phase != Phase::Open {
            return None;
        }
        self.phase = Phase::Rejected;
        self.exchange.keep_alive = KeepAlive::Close;
        self.exchange.to_head = self.decoder.is_head_request();
        self.decoder = Decoder::new(); // nothing of the message is needed any more
        Some(self.exchange.encode(response))
    }

    /// Call this once a response is written. `Some` means that the connection must not be closed
    /// yet: the client may still be sending, and a reset would destroy the response before it is
    /// read. Then shut down the sending side, and read and drop what arrives until the [`Drain`] is
    /// full or [`DRAIN_TIME`](crate::DRAIN_TIME) has passed. It is returned once.
    pub fn linger(&mut self) -> Option<Drain> {
        let must_linger = match self.phase {
            Phase::Open | Phase::Lingering => false,
            Phase::LastResponse => self.decoder.has_begun(), // it has sent more
            Phase::Rejected => true,
        };
        must_linger.then(|| {
            self.phase = Phase::Lingering;
            self.decoder = Decoder::new();
            Drain { remaining: DRAIN_BYTES }
        })
    }
}

impl Drain {
    /// Counts bytes that were read and dropped. Returns whether to read on: false at the end of the
    /// input, and once [`DRAIN_BYTES`] have been dropped.
    pub fn drop_bytes(&mut self, count: usize) -> bool {
        self.remaining = self.remaining.saturating_sub(count);
        count > 0 && self.remaining > 0
    }
}

impl Exchange {
    fn of(request: &Request) -> Self {
        // visible ASCII, so they cannot forge a line of the log, but they may be long
        let cut = |text: &str| text.get(..100).unwrap_or(text).to_owned();
        debug!(
            method = cut(request.method().as_str()),
            path = cut(request.path()),
            bytes = request.body().len(),
            "request"
        );
        let keep_alive = match request.persists() {
            false => KeepAlive::Close,
            true if request.version() == Version::HTTP_10 => KeepAlive::Stated,
            true => KeepAlive::Implied,
        };
        Self { to_head: request.method() == Method::HEAD, keep_alive }
    }

    fn encode(self, response: Response) -> Encoded {
        debug!(status = response.status().as_u16(), bytes = response.body().len(), "response");
        encoder::response(response, self.to_head, self.keep_alive)
    }
}
