//! A server's connection for tokio.

use crate::budget::BodyBudget;
use crate::encoder::Encoded;
use crate::error::BadMessage;
use crate::limits::{DRAIN_TIME, MAX_LINGERING, SCRATCH};
use crate::poll_read::poll_read;
use crate::request::Request;
use crate::response::Response;
use crate::session::ServerSession;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The connections of this process that are being drained. One bound for all of its servers, since
/// they share its file descriptors.
static LINGERING: Semaphore = Semaphore::const_new(MAX_LINGERING);

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

    /// The same connection, whose bodies are part of this budget.
    #[must_use]
    pub fn with_budget(mut self, budget: &BodyBudget) -> Self {
        self.session = self.session.with_budget(budget);
        self
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
            if self.session.is_closing() {
                let _ = Box::pin(timeout(DRAIN_TIME, self.linger())).await;
            }
            Ok(())
        }
    }

    /// Rejects a message that is malformed or was not read completely, or refuses a connection
    /// before its first byte. Closes it so that the client can read the response: the sending side
    /// is shut down, and the client's bytes are read and dropped for up to [`DRAIN_TIME`] and
    /// [`DRAIN_BYTES`](crate::DRAIN_BYTES), unless [`MAX_LINGERING`] other connections of this
    /// process are being drained. Does nothing if the last response was sent before: a call that
    /// was cancelled is not begun again.
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
            let Some(mut encoded) = self.session.reject(response) else { return Ok(()) };
            let rejected = timeout(DRAIN_TIME, async {
                self.write(&mut encoded).await?;
                self.linger().await;
                Ok(())
            });
            rejected.await.unwrap_or(Ok(())) // the client is too slow to read the response
        })
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { stream, session } = self;
        if session.is_closing() {
            return Poll::Ready(Ok(0));
        }
        let read = if let Some(spare) = session.spare() {
            let mut spare = ReadBuf::new(spare);
            let read = Pin::new(stream).poll_read(context, &mut spare);
            let count = spare.filled().len();
            session.filled(count);
            read.map_ok(|()| count)
        } else if let Some(buffer) = session.buffer(SCRATCH / 4) {
            pin!(stream.read_buf(buffer)).poll(context)
        } else {
            poll_read(stream, context, |bytes| session.push(bytes))
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

    /// Closes the sending side and drains the other one, if the client may still be sending. The
    /// caller sets the deadline.
    async fn linger(&mut self) {
        let Some(mut drain) = self.session.linger() else { return };
        let _ = self.stream.shutdown().await; // fails if it is shut down already
        let Ok(_permit) = LINGERING.try_acquire() else {
            // what has arrived is read nevertheless, or closing would reset the connection
            while self.stream.try_read(&mut [0; 1024]).is_ok_and(|count| drain.drop_bytes(count)) {}
            return;
        };
        let mut read = async || {
            poll_fn(|context| poll_read(&mut self.stream, context, |_| ())).await.unwrap_or(0)
        };
        while drain.drop_bytes(read().await) {}
    }
}
