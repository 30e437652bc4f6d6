//! A server's connection for std: each call blocks its thread.

use crate::encoder::Encoded;
use crate::error::BadMessage;
use crate::limits::{DRAIN_TIME, SCRATCH};
use crate::request::Request;
use crate::response::Response;
use crate::session::ServerSession;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// The server's side of an HTTP/1.1 connection over a socket of std. Each method blocks its thread
/// for as long as the client takes, except for the short drain after the last response.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    session: ServerSession,
    /// Each read goes here first, and the session copies what it needs, unless it is part of a large
    /// body.
    scratch: Box<[u8]>,
}

impl Connection {
    /// A connection over a stream from which nothing has been read.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, session: ServerSession::new(), scratch: vec![0; SCRATCH].into() }
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
    pub fn read(&mut self) -> io::Result<usize> {
        if self.session.is_closing() {
            return Ok(0);
        }
        if let Some(bytes) = self.session.take_continue() {
            self.stream.write_all(bytes)?;
        }
        let (read, in_place) = match self.session.spare() {
            Some(spare) => (read(&mut self.stream, spare).map(<[u8]>::len), true),
            None => (read(&mut self.stream, &mut self.scratch).map(<[u8]>::len), false),
        };
        match read {
            Ok(count) if in_place => {
                self.session.filled(count);
                Ok(count)
            }
            Ok(count) => {
                self.session.push(&self.scratch[..count]);
                Ok(count)
            }
            // the client has disconnected, which a server treats as the end of the input
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Sends the response to the request that was decoded last.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn write_response(&mut self, response: Response) -> io::Result<()> {
        let encoded = self.session.respond(response);
        self.write(encoded)?;
        self.linger()
    }

    /// Rejects a message that is malformed or was not read completely, and closes the connection so
    /// that the client can read the response. Does nothing once the last response is written.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn refuse(&mut self, response: impl Into<Response>) -> io::Result<()> {
        if let Some(encoded) = self.session.reject(response.into()) {
            self.write(encoded)?;
        }
        self.linger()
    }

    /// Writes all of it, in one system call if it fits into the socket's buffer.
    fn write(&mut self, mut encoded: Encoded) -> io::Result<()> {
        loop {
            let written = match encoded.remaining() {
                ([], []) => return Ok(()),
                (part, []) | ([], part) => self.stream.write(part), // cheaper than a vectored write
                (head, body) => {
                    self.stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)])
                }
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => encoded.advance(written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes the sending side and drains the other one, if the client may still be sending.
    fn linger(&mut self) -> io::Result<()> {
        let Some(mut drain) = self.session.linger() else { return Ok(()) };
        self.stream.shutdown(Shutdown::Write)?;
        let end = Instant::now() + DRAIN_TIME;
        loop {
            let remaining = end.saturating_duration_since(Instant::now());
            if remaining.is_zero() || self.stream.set_read_timeout(Some(remaining)).is_err() {
                break;
            }
            let dropped = read(&mut self.stream, &mut self.scratch).map_or(0, <[u8]>::len);
            if !drain.drop_bytes(dropped) {
                break;
            }
        }
        Ok(())
    }
}

/// Reads once; the slice is empty at the end of the input.
fn read<'b>(stream: &mut TcpStream, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    loop {
        match stream.read(buffer) {
            Ok(length) => return Ok(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
