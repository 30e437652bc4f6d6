//! A server's connection for tokio.

use crate::encoder::Encoded;
use crate::error::BadMessage;
use crate::limits::{DRAIN_TIME, SCRATCH};
use crate::poll_read::poll_read;
use crate::request::Request;
use crate::response::Response;
use crate::session::ServerSession;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The server's side of an HTTP/1.1 connection over a tokio socket.
///
/// Between requests it owns no buffer. Only [`refuse`](Self::refuse) and the drain after the last
/// response have a deadline: otherwise each method waits for as long as the client takes. Waiting
/// for a request can be cancelled without losing bytes; cancelling a write truncates the response.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    session: ServerSession,
}

// The futures of reading and writing hold no buffers, which keeps the task of a connection small.
impl Connection {
    /// A connection over a stream from which nothing has been read.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, session: ServerSession::new() }
    }

    /// The next request, if it has been read completely; `None` while part of it is missing. No
    /// I/O.
    ///
    /// # Errors
    /// The message is malformed or too large: [`refuse`](Self::refuse) it.
    pub fn decode(&mut self) -> Result<Option<Request>, BadMessage> {
        self.session.decode()
    }

    /// Reads once, and returns how many bytes had arrived: 0 at the end of the input, or once the
    /// last response is written. Sends `100 Continue` first to a client that waits for it.
    ///
    /// # Errors
    /// What the socket reports.
    pub async fn read(&mut self) -> io::Result<usize> {
        if let Some(bytes) = self.session.take_continue() {
            Box::pin(self.stream.write_all(bytes)).await?; // boxed, since it is rarely needed
        }
        poll_fn(|context| self.poll_read(context)).await
    }

    /// Waits until the first byte of the next request has been read, or the input has ended.
    ///
    /// # Errors
    /// What the socket reports.
    pub async fn wait_for_request(&mut self) -> io::Result<()> {
        while !self.session.has_begun() && self.read().await? > 0 {}
        Ok(())
    }

    /// Sends the response to the request that was decoded last.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn write_response(
        &mut self,
        response: Response,
    ) -> impl Future<Output = io::Result<()>> + Send {
        // encoded before the future starts, which then does not hold the response as well
        let mut encoded = self.session.respond(response);
        async move {
            self.write(&mut encoded).await?;
            if self.session.is_closing() { Box::pin(self.linger()).await } else { Ok(()) }
        }
    }

    /// Rejects a message that is malformed or was not read completely, or refuses a connection
    /// before its first byte. Closes it so that the client can read the response: the sending side
    /// is shut down, and the client's bytes are read and dropped for up to [`DRAIN_TIME`] and
    /// [`DRAIN_BYTES`](crate::DRAIN_BYTES). Does nothing once the last response is written.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn refuse(
        &mut self,
        response: impl Into<Response>,
    ) -> impl Future<Output = io::Result<()>> + Send {
        let response = response.into();
        // boxed, since it is rarely needed and would enlarge the task of every connection
        Box::pin(async move {
            let rejected = timeout(DRAIN_TIME, async {
                if let Some(mut encoded) = self.session.reject(response) {
                    self.write(&mut encoded).await?;
                }
                self.linger().await // also if an earlier call was cancelled half-way
            });
            rejected.await.unwrap_or(Ok(())) // the client is too slow to read the response
        })
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { stream, session } = self;
        if session.is_closing() {
            return Poll::Ready(Ok(0));
        }
        let read = match session.buffer(SCRATCH / 4) {
            Some(buffer) => pin!(stream.read_buf(buffer)).poll(context),
            None => poll_read(stream, context, |bytes| session.push(bytes)),
        };
        match ready!(read) {
            // the client has disconnected, which a server treats as the end of the input
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Poll::Ready(Ok(0)),
            read => Poll::Ready(read),
        }
    }

    fn write(&mut self, encoded: &mut Encoded) -> impl Future<Output = io::Result<()>> {
        poll_fn(|context| self.poll_write(context, encoded))
    }

    /// Writes the rest, in one system call if it fits into the socket's buffer.
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        encoded: &mut Encoded,
    ) -> Poll<io::Result<()>> {
        loop {
            let stream = Pin::new(&mut self.stream);
            let written = match encoded.remaining() {
                ([], []) => return Poll::Ready(Ok(())),
                // cheaper than a vectored write
                (part, []) | ([], part) => stream.poll_write(context, part),
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

    /// Closes the sending side and drains the other one, if the client may still be sending.
    async fn linger(&mut self) -> io::Result<()> {
        let Some(mut drain) = self.session.linger() else { return Ok(()) };
        let _ = self.stream.shutdown().await; // fails if it is shut down already
        let drained = async {
            let mut read = async || {
                poll_fn(|context| poll_read(&mut self.stream, context, |_| ())).await.unwrap_or(0)
            };
            while drain.drop_bytes(read().await) {}
        };
        let _ = timeout(DRAIN_TIME, drained).await;
        self.session.lingered();
        Ok(())
    }
}
