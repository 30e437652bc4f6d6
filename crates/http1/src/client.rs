//! A client's connection, for tokio.

use crate::decoder::{Decoded, Decoder};
use crate::limits::SCRATCH;
use crate::message::ResponseLike;
use crate::poll_read::poll_read;
use crate::response::Response;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

/// The client's side of an HTTP/1.1 connection over a tokio socket. It decodes each response as
/// `M`: a complete [`Response`], or a [`ResponseSummary`](crate::ResponseSummary).
///
/// Between responses it owns no buffer. It has no deadline: each method waits for as long as the
/// server takes. Reading can be cancelled; a `send` that is cancelled may have sent part of its
/// bytes.
#[derive(Debug)]
pub struct ClientConnection<M = Response> {
    stream: TcpStream,
    decoder: Decoder<M>,
    /// No further response can come.
    over: bool,
    /// The first bytes that were received since [`record`](Self::record).
    recorded: Option<Vec<u8>>,
}

/// How many bytes are recorded, at most.
const RECORDED: usize = 8 * 1024;

impl<M: ResponseLike> ClientConnection<M> {
    /// A connection over a stream from which nothing has been read.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, decoder: Decoder::new(), over: false, recorded: None }
    }

    /// Sends bytes as they are: a request from [`encode_request`](crate::encode_request), or
    /// anything else.
    ///
    /// # Errors
    /// What the socket reports.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        // nearly always the socket's buffer has space for all of it, and no task needs to be woken
        let sent = match self.stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            sent => sent?,
        };
        if sent == bytes.len() { Ok(()) } else { self.stream.write_all(&bytes[sent..]).await }
    }

    /// Sends a request and reads its response, as [`send`](Self::send) and
    /// [`read_response`](Self::read_response) do, but at the same time: the server may respond
    /// before it has read the whole request, and may stop reading until its response is read. A
    /// final response that is complete by then ends the sending, and the connection with it (RFC
    /// 9112 §9.5).
    ///
    /// # Errors
    /// Those of [`read_response`](Self::read_response); what the socket reports on sending, if there
    /// is no response either.
    pub async fn exchange(&mut self, request: &[u8], to_head: bool) -> io::Result<Option<M>> {
        self.decoder.answers_head(to_head);
        let mut sent = 0;
        let failed = loop {
            // nearly always the socket's buffer has space for all of it
            match self.stream.try_write(&request[sent..]) {
                Ok(written) => sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => break Some(error),
            }
            if sent == request.len() {
                break None;
            }
            let ready = self.stream.ready(Interest::READABLE | Interest::WRITABLE).await?;
            if ready.is_readable() {
                let buffer = self.decoder.buffer(SCRATCH);
                let before = buffer.len();
                match self.stream.try_read_buf(buffer) {
                    Ok(0) => break None, // `read_response` reads this end, too
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => break Some(error),
                    Ok(_) => record(&mut self.recorded, &buffer[before..]),
                }
                if let Some(response) = self.decode()? {
                    self.over = true;
                    return Ok(Some(response));
                }
            }
        };
        // a server that rejects early closes before it has read everything: its response counts,
        // not the failed write
        match (self.read_response(to_head).await, failed) {
            (Ok(Some(response)), None) => Ok(Some(response)),
            (Ok(Some(response)), Some(_)) => {
                self.over = true;
                Ok(Some(response))
            }
            (Err(error), _) if error.kind() == io::ErrorKind::InvalidData => Err(error),
            (_, Some(error)) => Err(error),
            (read, None) => read,
        }
    }

    /// The next response; interim ones (1xx) are skipped. `to_head` means that it answers a HEAD
    /// request. `None` if the server closed the connection before the first byte.
    ///
    /// # Errors
    /// What the socket reports; `UnexpectedEof` if the server closed the connection within the
    /// response; `InvalidData` with a [`BadMessage`](crate::BadMessage) inside if the response is
    /// malformed or too large.
    pub async fn read_response(&mut self, to_head: bool) -> io::Result<Option<M>> {
        self.decoder.answers_head(to_head);
        loop {
            if let Some(response) = self.decode()? {
                return Ok(Some(response));
            }
            let begun = self.decoder.has_begun();
            if poll_fn(|context| self.poll_read(context)).await? == 0 {
                self.over = true;
                return match self.decoder.end() {
                    Some(response) => Ok(Some(response)),
                    None if begun => Err(io::ErrorKind::UnexpectedEof.into()),
                    None => Ok(None),
                };
            }
        }
    }

    /// The next final response among the bytes that have been read.
    fn decode(&mut self) -> io::Result<Option<M>> {
        loop {
            match self.decoder.decode() {
                Ok(Decoded::Complete(response)) if response.is_interim() => {}
                Ok(Decoded::Complete(response)) => {
                    self.over = !response.persists();
                    return Ok(Some(response));
                }
                Ok(Decoded::Continue | Decoded::NeedMore) => return Ok(None),
                Err(bad) => {
                    self.over = true;
                    return Err(io::Error::new(io::ErrorKind::InvalidData, bad));
                }
            }
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { stream, decoder, recorded, .. } = self;
        if decoder.has_begun() {
            let buffer = decoder.buffer(SCRATCH / 4);
            let before = buffer.len();
            let length = ready!(pin!(stream.read_buf(buffer)).poll(context))?;
            record(recorded, &buffer[before..]);
            Poll::Ready(Ok(length))
        } else {
            poll_read(stream, context, |bytes| {
                record(recorded, bytes);
                decoder.push(bytes);
            })
        }
    }

    /// Keeps the first 8 KiB of what is received from now on, for a client that decodes a
    /// [`ResponseSummary`](crate::ResponseSummary) and wants to look at one response more closely.
    pub fn record(&mut self) {
        self.recorded = Some(Vec::new());
    }

    /// What was recorded; recording ends.
    pub fn take_recorded(&mut self) -> Vec<u8> {
        self.recorded.take().unwrap_or_default()
    }

    /// Whether the server has closed the connection since its last response, or has sent bytes that
    /// no request asked for: then the next request needs a new connection. Does not wait.
    pub fn is_stale(&self) -> bool {
        self.is_over()
            || self.decoder.has_begun()
            // if this reads a byte, it is lost, but the connection is then stale anyway
            || !matches!(self.stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether bytes have been read after the last response, although no request asked for them.
    pub fn has_surplus(&self) -> bool {
        self.decoder.has_begun()
    }

    /// Whether no further response can come: the server has closed the connection or announced it,
    /// or what it sent was not HTTP.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

fn record(recorded: &mut Option<Vec<u8>>, bytes: &[u8]) {
    if let Some(recorded) = recorded {
        recorded.extend_from_slice(&bytes[..bytes.len().min(RECORDED - recorded.len())]);
    }
}
