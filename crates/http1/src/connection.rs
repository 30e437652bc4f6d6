//! A connection for tokio.

use crate::decoder::{Decoded, Decoder};
use crate::encoder::{Encoded, KeepAlive};
use crate::exchange::{CONTINUE, Exchange};
use crate::message::{Message, ResponseLike};
use crate::request::Request;
use crate::response::Response;
use crate::{BadMessage, DRAIN_BYTES, DRAIN_TIME, SCRATCH};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// One side of an HTTP/1.1 connection. A server's, as here, reads requests and writes responses; a client's is a
/// `Connection<Response>`, or a `Connection<ResponseSummary>`.
///
/// Between messages it owns no buffer. No method but [`refuse`](Self::refuse) has a deadline: each waits for as
/// long as the peer likes, and may be dropped while it waits.
#[derive(Debug)]
pub struct Connection<M = Request> {
    stream: TcpStream,
    decoder: Decoder<M>,
    exchange: Exchange,
    /// No request has come yet.
    first: bool,
    /// The last response is written, and the peer has been given the time to read it.
    lingered: bool,
    continue_owed: bool,
}

/// Reads once and hands on what came; how much that was. An idle connection waits here without a buffer: the bytes land
/// on the stack of whoever is woken, and only what is taken is kept.
fn poll_read(
    stream: &mut TcpStream,
    context: &mut Context<'_>,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    let mut scratch = [const { MaybeUninit::uninit() }; SCRATCH];
    let mut scratch = ReadBuf::uninit(&mut scratch);
    ready!(Pin::new(stream).poll_read(context, &mut scratch))?;
    take(scratch.filled());
    Poll::Ready(Ok(scratch.filled().len()))
}

// Reading and writing keep nothing in their futures: what every connection of a server waits in is small this way.
impl<M: Message> Connection<M> {
    /// A connection over a stream that nothing was read from.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            decoder: Decoder::new(),
            exchange: Exchange::START,
            first: true,
            lingered: false,
            continue_owed: false,
        }
    }

    /// Reads once; `false` at the end of the input.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let Self { stream, decoder, .. } = self;
        let read = match decoder.has_begun() {
            true => ready!(pin!(stream.read_buf(decoder.buffer(SCRATCH / 4))).poll(context))?,
            false => ready!(poll_read(stream, context, |bytes| decoder.push(bytes)))?,
        };
        Poll::Ready(Ok(read > 0))
    }

    fn fill(&mut self) -> impl Future<Output = io::Result<bool>> {
        poll_fn(|context| self.poll_fill(context))
    }

    /// All of it, in one write if the kernel has room.
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        encoded: &mut Encoded,
    ) -> Poll<io::Result<()>> {
        loop {
            let stream = Pin::new(&mut self.stream);
            let written = match encoded.remaining() {
                ([], []) => return Poll::Ready(Ok(())),
                (part, []) | ([], part) => stream.poll_write(context, part), // the cheaper system call
                (head, body) => {
                    stream.poll_write_vectored(context, &[IoSlice::new(head), IoSlice::new(body)])
                }
            };
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => encoded.advance(written),
            }
        }
    }

    fn write(&mut self, encoded: &mut Encoded) -> impl Future<Output = io::Result<()>> {
        poll_fn(|context| self.poll_write(context, encoded))
    }
}

impl Connection<Request> {
    /// Waits until the first byte of the next request is here, or the input has ended.
    ///
    /// # Errors
    /// What the socket reports.
    pub async fn wait_for_request(&mut self) -> io::Result<()> {
        while !self.exchange.over {
            self.decoder.drop_blank_lines(); // some clients end a body with one: no part of a next request
            if self.decoder.has_begun() || !self.fill().await? {
                break;
            }
        }
        Ok(())
    }

    /// Whether part of the next request is here.
    pub fn has_begun(&self) -> bool {
        self.decoder.has_begun()
    }

    /// Whether the last answer is on its way or written.
    pub fn is_closing(&self) -> bool {
        self.exchange.over
    }

    /// Whether no request has come yet.
    pub fn is_new(&self) -> bool {
        self.first
    }

    /// The next request, if all of it has been read; `None` while some of it is missing.
    ///
    /// # Errors
    /// The message is malformed or too large: [`refuse`](Self::refuse) it.
    pub fn decode(&mut self) -> Result<Option<Request>, BadMessage> {
        loop {
            match self.decoder.decode()? {
                Decoded::Complete(request) => {
                    (self.exchange, self.first) = (Exchange::of(&request), false);
                    return Ok(Some(request));
                }
                Decoded::Continue => self.continue_owed = true,
                Decoded::NeedMore => return Ok(None),
            }
        }
    }

    /// Reads once, and returns whether any bytes had arrived; 0 when no more will be read. Sends `100 Continue` first
    /// to a client that waits for it.
    ///
    /// # Errors
    /// What the socket reports.
    pub async fn read(&mut self) -> io::Result<usize> {
        if self.exchange.over {
            return Ok(0);
        }
        if std::mem::take(&mut self.continue_owed) {
            Box::pin(self.stream.write_all(CONTINUE)).await?; // boxed, since hardly anyone waits for it
        }
        match self.fill().await {
            Ok(read) => Ok(read.into()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Reads until a request is whole, and refuses what is none.
    ///
    /// # Errors
    /// What the socket reports.
    pub async fn read_request(&mut self) -> io::Result<Option<Request>> {
        loop {
            match self.decode() {
                Ok(Some(request)) => return Ok(Some(request)),
                Ok(None) if self.read().await? == 0 => return Ok(None),
                Ok(None) => {}
                Err(bad) => return self.refuse(bad).await.map(|()| None),
            }
        }
    }

    /// Makes the response to the request that was read last the last one: it says `Connection: close`, and no further request is read.
    pub fn close_after_response(&mut self) {
        self.exchange.keep_alive = KeepAlive::Close;
    }

    /// Answers the request that was read last.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn write_response(
        &mut self,
        response: Response,
    ) -> impl Future<Output = io::Result<()>> + Send {
        let mut encoded = self.exchange.encode(response); // here, so that the future does not hold the response
        async move {
            self.write(&mut encoded).await?;
            // there is more from this peer, and it will not be read: the answer must not be lost with it
            if self.exchange.over && self.decoder.has_begun() {
                Box::pin(self.linger()).await
            } else {
                Ok(())
            }
        }
    }

    /// Answers a request that was not read whole, or not at all, and ends the connection such that the peer gets
    /// to read the answer: it is told that nothing follows, and what it still sends is read and dropped for up to
    /// [`DRAIN_TIME`] and [`DRAIN_BYTES`]. Does nothing on a connection that has been refused already.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn refuse(
        &mut self,
        response: impl Into<Response>,
    ) -> impl Future<Output = io::Result<()>> + Send {
        let response = response.into();
        // boxed, or every connection would carry the room for its refusal
        Box::pin(async move {
            let answered = timeout(DRAIN_TIME, async {
                if !self.exchange.over {
                    self.exchange = Exchange {
                        keep_alive: KeepAlive::Close,
                        to_head: self.decoder.is_head(),
                        ..self.exchange
                    };
                    let mut encoded = self.exchange.encode(response);
                    self.write(&mut encoded).await?;
                }
                self.linger().await // also where a refusal was given up half-way
            });
            answered.await.unwrap_or(Ok(())) // over time: we have done what we can
        })
    }

    /// Closes without a reset: says that nothing follows, and drops what still comes, for a while.
    async fn linger(&mut self) -> io::Result<()> {
        if self.lingered {
            return Ok(());
        }
        self.decoder = Decoder::new();
        let _ = self.stream.shutdown().await; // fails where it was done before
        let _ = timeout(DRAIN_TIME, self.drain()).await;
        self.lingered = true;
        Ok(())
    }

    async fn drain(&mut self) -> io::Result<()> {
        let mut dropped = 0;
        while dropped < DRAIN_BYTES {
            match poll_fn(|context| poll_read(&mut self.stream, context, |_| ())).await? {
                0 => break,
                read => dropped += read,
            }
        }
        Ok(())
    }
}

impl<M: ResponseLike> Connection<M> {
    /// Sends bytes as they are: a request from [`encode_request`](crate::encode_request), or none.
    ///
    /// # Errors
    /// What the socket reports.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        // nearly always the kernel has room for all of it, and nobody needs to be woken for that
        let sent = match self.stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            sent => sent?,
        };
        if sent == bytes.len() { Ok(()) } else { self.stream.write_all(&bytes[sent..]).await }
    }

    /// The next response, interim ones (1xx) skipped; `None` if the peer closed the connection before its first byte.
    ///
    /// # Errors
    /// What the socket reports; `UnexpectedEof` if the peer closed the connection within the response;
    /// `InvalidData` with a [`BadMessage`] inside if this is no HTTP response.
    pub async fn read_response(&mut self, to_head: bool) -> io::Result<Option<M>> {
        self.decoder.answers_head(to_head);
        loop {
            match self.decoder.decode() {
                Ok(Decoded::Complete(response)) if response.is_interim() => {}
                Ok(Decoded::Complete(response)) => {
                    self.exchange.over = !response.persists();
                    return Ok(Some(response));
                }
                Ok(Decoded::Continue | Decoded::NeedMore) => {
                    let begun = self.decoder.has_begun();
                    if !self.fill().await? {
                        self.exchange.over = true;
                        return match self.decoder.end() {
                            Some(response) => Ok(Some(response)),
                            None if begun => Err(io::ErrorKind::UnexpectedEof.into()),
                            None => Ok(None),
                        };
                    }
                }
                Err(bad) => {
                    self.exchange.over = true;
                    return Err(invalid(bad));
                }
            }
        }
    }

    /// Whether the server has closed the connection since its last response, or said more than was asked: then no
    /// request belongs on it any more. Does not wait.
    pub fn is_stale(&self) -> bool {
        // without news from the kernel this asks nobody
        self.is_over()
            || self.decoder.has_begun()
            || !matches!(self.stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether bytes came after a response that belong to none.
    pub fn has_surplus(&self) -> bool {
        self.decoder.has_begun()
    }

    /// Whether no further response can come: the server has ended the connection, or said that it will, or what it
    /// said was no HTTP.
    pub fn is_over(&self) -> bool {
        self.exchange.over
    }
}

pub(crate) fn invalid(bad: BadMessage) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, bad)
}
