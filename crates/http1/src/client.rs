//! A client's connection, for tokio.

use crate::decoder::{Decoded, Decoder};
use crate::limits::SCRATCH;
use crate::message::ResponseLike;
use crate::poll_read::poll_read;
use crate::response::Response;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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
}

impl<M: ResponseLike> ClientConnection<M> {
    /// A connection over a stream from which nothing has been read.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, decoder: Decoder::new(), over: false }
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
            match self.decoder.decode() {
                Ok(Decoded::Complete(response)) if response.is_interim() => {}
                Ok(Decoded::Complete(response)) => {
                    self.over = !response.persists();
                    return Ok(Some(response));
                }
                Ok(Decoded::Continue | Decoded::NeedMore) => {
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
                Err(bad) => {
                    self.over = true;
                    return Err(io::Error::new(io::ErrorKind::InvalidData, bad));
                }
            }
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { stream, decoder, .. } = self;
        match decoder.has_begun() {
            true => pin!(stream.read_buf(decoder.buffer(SCRATCH / 4))).poll(context),
            false => poll_read(stream, context, |bytes| decoder.push(bytes)),
        }
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
