//! A connection for std: the same, and whoever calls waits.

use crate::decoder::{Decoded, Decoder};
use crate::encoder::{Encoded, KeepAlive};
use crate::exchange::{CONTINUE, Exchange};
use crate::{BadMessage, DRAIN_BYTES, DRAIN_TIME, Request, Response, SCRATCH};
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// A server's side of an HTTP/1.1 connection. Each method blocks its thread for as long as the peer likes, but for
/// the short drain after a refusal.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    decoder: Decoder<Request>,
    exchange: Exchange,
    /// Where bytes land before the decoder takes them.
    scratch: Box<[u8]>,
    continue_owed: bool,
}

impl Connection {
    /// A connection over a stream that nothing was read from.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            decoder: Decoder::new(),
            exchange: Exchange::START,
            scratch: vec![0; SCRATCH].into(),
            continue_owed: false,
        }
    }

    /// The next request, if all of it has been read; `None` while some of it is missing.
    ///
    /// # Errors
    /// The message is malformed or too large: [`refuse`](Self::refuse) it.
    pub fn decode(&mut self) -> Result<Option<Request>, BadMessage> {
        loop {
            match self.decoder.decode()? {
                Decoded::Complete(request) => {
                    self.exchange = Exchange::of(&request);
                    return Ok(Some(request));
                }
                Decoded::Continue => self.continue_owed = true,
                Decoded::NeedMore => return Ok(None),
            }
        }
    }

    /// Reads once, and returns how many bytes had arrived; 0 when no more will be read. Sends `100 Continue` first to a
    /// client that waits for it.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn read(&mut self) -> io::Result<usize> {
        if self.exchange.over {
            return Ok(0);
        }
        if std::mem::take(&mut self.continue_owed) {
            self.stream.write_all(CONTINUE)?;
        }
        match read(&mut self.stream, &mut self.scratch) {
            Ok(bytes) => {
                self.decoder.push(bytes);
                Ok(bytes.len())
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Reads until a request is whole, and refuses what is none.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn read_request(&mut self) -> io::Result<Option<Request>> {
        loop {
            match self.decode() {
                Ok(Some(request)) => return Ok(Some(request)),
                Ok(None) if self.read()? == 0 => return Ok(None),
                Ok(None) => {}
                Err(bad) => return self.refuse(bad).map(|()| None),
            }
        }
    }

    /// Answers the request that was read last.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn write_response(&mut self, response: Response) -> io::Result<()> {
        let encoded = self.exchange.encode(response);
        self.write(encoded)?;
        // there is more from this client, and it will not be read: the answer must not be lost with it
        if self.exchange.over && self.decoder.has_begun() { self.linger() } else { Ok(()) }
    }

    /// All of it, in one write if the kernel has room.
    fn write(&mut self, mut encoded: Encoded) -> io::Result<()> {
        loop {
            let written = match encoded.remaining() {
                ([], []) => return Ok(()),
                (part, []) | ([], part) => self.stream.write(part), // the cheaper system call
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

    /// Answers a message that was not read whole, and closes such that the client gets to read the answer.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn refuse(&mut self, response: impl Into<Response>) -> io::Result<()> {
        let response = response.into();
        self.exchange = Exchange {
            keep_alive: KeepAlive::Close,
            to_head: self.decoder.is_head(),
            ..self.exchange
        };
        let encoded = self.exchange.encode(response);
        self.write(encoded)?;
        self.linger()
    }

    /// Closes without a reset: says that nothing follows, and drops what still comes, for a while.
    fn linger(&mut self) -> io::Result<()> {
        self.decoder = Decoder::new();
        self.stream.shutdown(Shutdown::Write)?;
        let (end, mut dropped) = (Instant::now() + DRAIN_TIME, 0);
        while dropped < DRAIN_BYTES {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
                break;
            }
            match read(&mut self.stream, &mut self.scratch) {
                Ok([]) | Err(_) => break,
                Ok(bytes) => dropped += bytes.len(),
            }
        }
        Ok(())
    }
}

/// Reads once; no bytes at the end of the input.
fn read<'b>(stream: &mut TcpStream, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    loop {
        match stream.read(buffer) {
            Ok(length) => return Ok(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
