//! A raw connection: sends bytes as they are, and reads responses.

use crate::evidence::Evidence;
use crate::trial::{TracedRequest, Trial, instead};
use http1::{Decoded, Decoder, Response, StatusCode};
use probe::http_client::{Failure, Outcome};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

/// How long a response may take that costs the server no work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How long an event may take: a server may work on it, and first on those before it.
pub(crate) const WORK: Duration = Duration::from_secs(10);

/// How long one write of at most a MiB may take.
const SENDING: Duration = Duration::from_secs(3);

/// A raw connection.
#[derive(Debug)]
pub(crate) struct RawConnection {
    stream: TcpStream,
    decoder: Decoder<Response>,
    connected: Instant,
    evidence: Evidence,
    number: usize,
}

impl RawConnection {
    /// Sends bytes as they are. A server that rejects early may close before it has read all of them:
    /// that is not a failure, since its response counts.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.evidence.sent(self.number, bytes.as_ref());
        matches!(timeout(SENDING, self.stream.write_all(bytes.as_ref())).await, Ok(Ok(())))
    }

    /// Sends bytes up to so many times, until a response begins or the server stops reading.
    pub(crate) async fn send_until_response(&mut self, bytes: &[u8], times: usize) {
        let (input, mut output) = self.stream.split();
        let _ = timeout(PATIENCE, async {
            for _ in 0..times {
                tokio::select! {
                    biased;
                    _ = input.readable() => break,
                    sent = output.write_all(bytes) => match sent {
                        Ok(()) => self.evidence.sent(self.number, bytes),
                        Err(_) => break,
                    },
                }
            }
        })
        .await;
    }

    /// Sends request after request and reads no response, until the server's response blocks and with it everything
    /// behind it, or the server has closed; how many requests were sent.
    pub(crate) async fn send_without_reading(&mut self) -> usize {
        const BLOCKED: Duration = Duration::from_millis(300);
        const AT_A_TIME: usize = 10;
        let head = "POST /check-nowhere HTTP/1.1\r\nHost: check\r\nContent-Length: 4000\r\n\r\n";
        let requests = format!("{head}{}", "x".repeat(4000)).repeat(AT_A_TIME); // an echo is as long
        let (mut sent, end) = (0, Instant::now() + SENDING);
        while Instant::now() < end {
            match timeout(BLOCKED, self.stream.write_all(requests.as_bytes())).await {
                Ok(Ok(())) => {
                    self.evidence.sent(self.number, requests.as_bytes());
                    sent += AT_A_TIME;
                }
                Ok(Err(_)) | Err(_) => break,
            }
        }
        sent
    }

    /// Waits until the server ends the connection although it has not read everything, which resets it; the client
    /// still reads nothing. Whether it did so in time.
    pub(crate) async fn wait_for_reset(&mut self, patience: Duration) -> bool {
        let blocked = async { while self.stream.write_all(&[b'x'; 1024]).await.is_ok() {} };
        timeout(patience, blocked).await.is_ok()
    }

    /// When the connection was opened.
    pub(crate) fn connected(&self) -> Instant {
        self.connected
    }

    /// Closes the sending side.
    pub(crate) async fn end_input(&mut self) {
        let _ = self.stream.shutdown().await; // an error means that the server has closed; reading then shows it
    }

    /// The next response, interim ones (1xx) included.
    pub(crate) async fn response(
        &mut self,
        to_head: bool,
        patience: Duration,
    ) -> Result<Response, Outcome> {
        self.decoder.answers_head(to_head);
        let response = match timeout(patience, self.read_response()).await {
            Ok(response) => response.map_err(Outcome::Failed),
            Err(_) => Err(Outcome::TimedOut),
        };
        match &response {
            Ok(response) => self.evidence.received(Instant::now(), self.number, response),
            Err(Outcome::TimedOut) => {} // it may be asked again
            Err(silence) => self.note(&instead(*silence, patience)),
        }
        response
    }

    async fn read_response(&mut self) -> Result<Response, Failure> {
        loop {
            match self.decoder.decode() {
                Ok(Decoded::Complete(response)) => return Ok(response),
                Ok(_) => {}
                Err(_) => return Err(Failure::NotHttp),
            }
            let begun = self.decoder.has_begun();
            if self.stream.read_buf(self.decoder.buffer(4096)).await? == 0 {
                let failure = if begun { Failure::CutShort } else { Failure::Closed };
                return self.decoder.end().ok_or(failure);
            }
        }
    }

    /// Waits until the server closes the connection, without a reset and without another byte.
    pub(crate) async fn end(&mut self, patience: Duration) -> Result<(), String> {
        let ended = self.read_end(patience).await;
        match &ended {
            Ok(()) => self.note("closed by the server"),
            Err(instead) => self.note(instead),
        }
        ended
    }

    fn note(&self, note: &str) {
        self.evidence.note(Instant::now(), self.number, note);
    }

    async fn read_end(&mut self, patience: Duration) -> Result<(), String> {
        if self.decoder.has_begun() {
            return Err("bytes after the response".into());
        }
        match timeout(patience, self.stream.read(&mut [0])).await {
            Ok(Ok(0)) => Ok(()),
            Ok(Ok(_)) => Err("bytes after the response".into()),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                Err("reset, not closed".into())
            }
            Ok(Err(error)) => Err(Failure::from(error).to_string()),
            Err(_) => Err("left open".into()),
        }
    }
}

impl Trial {
    /// Opens a connection; a failure is the figure of the claim.
    pub(crate) async fn open(&mut self) -> Result<RawConnection, String> {
        self.open_with(None).await
    }

    /// Opens a connection that receives only a few KiB that are not read.
    pub(crate) async fn open_narrow(&mut self) -> Result<RawConnection, String> {
        self.open_with(Some(4096)).await
    }

    async fn open_with(&mut self, receive_buffer: Option<u32>) -> Result<RawConnection, String> {
        let opening = async {
            let socket = match self.addr {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            if let Some(size) = receive_buffer {
                socket.set_recv_buffer_size(size)?;
            }
            let stream = socket.connect(self.addr).await?;
            stream.set_nodelay(true)?;
            io::Result::Ok(stream)
        };
        match timeout(WORK, opening).await {
            Ok(Ok(stream)) => {
                let (evidence, number) = (self.evidence.clone(), self.evidence.connection());
                let (decoder, connected) = (Decoder::new(), Instant::now());
                Ok(RawConnection { stream, decoder, connected, evidence, number })
            }
            Ok(Err(error)) => Err(self.failed(error.into())),
            Err(_) => Err(format!("no connection in {} s", WORK.as_secs())),
        }
    }

    /// Sends bytes over a connection and returns the response, which is recorded.
    pub(crate) async fn ask(
        &mut self,
        what: &'static str,
        connection: &mut RawConnection,
        bytes: impl AsRef<[u8]>,
        patience: Duration,
    ) -> Result<Response, String> {
        let began = Instant::now();
        connection.send(bytes).await;
        self.receive(what, connection, began, patience).await
    }

    /// The next response without interim ones, recorded for a request that began at `began`.
    pub(crate) async fn receive(
        &mut self,
        what: &'static str,
        connection: &mut RawConnection,
        began: Instant,
        patience: Duration,
    ) -> Result<Response, String> {
        let end = Instant::now() + patience; // so that interim responses cannot extend it
        let response = loop {
            match connection.response(false, end.saturating_duration_since(Instant::now())).await {
                Ok(interim) if interim.status().is_informational() => {}
                response => break response,
            }
        };
        let outcome = response.as_ref().map_or_else(|silence| *silence, Outcome::of);
        if outcome == Outcome::TimedOut {
            connection.note(&instead(outcome, patience));
        }
        self.record(what, began, Some(connection.connected), Instant::now(), Some(outcome));
        response.map_err(|silence| instead(silence, patience))
    }

    /// Sends bytes over a new connection; the response, and the connection.
    pub(crate) async fn ask_on_new_connection(
        &mut self,
        what: &'static str,
        bytes: impl AsRef<[u8]>,
        patience: Duration,
    ) -> Result<(Response, RawConnection), String> {
        let mut connection = self.open().await?;
        Ok((self.ask(what, &mut connection, bytes, patience).await?, connection))
    }

    /// Sends something that must be rejected: with an error, and by closing the connection.
    pub(crate) async fn must_reject(
        &mut self,
        what: &'static str,
        bytes: impl AsRef<[u8]>,
    ) -> Result<(), String> {
        let (response, mut connection) = self.ask_on_new_connection(what, bytes, PATIENCE).await?;
        is_error(response.status())?;
        connection
            .end(PATIENCE)
            .await
            .map_err(|instead| format!("answered {}, then {instead}", response.status().as_u16()))
    }

    /// Records a connection that only misbehaved and is dropped now.
    pub(crate) fn misbehaved(&mut self, what: &'static str, connection: &RawConnection) {
        let since = |instant: Instant| instant.saturating_duration_since(self.began);
        let connected = since(connection.connected);
        let ended = self.began.elapsed();
        self.trace.push(TracedRequest {
            what,
            began: connected,
            connected: Some(connected),
            ended,
            outcome: None,
        });
    }
}

/// Fails unless the status is an error.
pub(crate) fn is_error(status: StatusCode) -> Result<(), String> {
    if status.as_u16() >= 400 { Ok(()) } else { Err(format!("answered {status}")) }
}
