//! Connections that misbehave, many at a time, and what the server does to each.

use crate::addresses::Addresses;
use crate::http_client::Failure;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};
use tokio_util::sync::CancellationToken;

/// How a connection misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Misbehaviour {
    /// Connects and sends nothing
    Silent,
    /// Sends the beginning of a head and stops
    HalfHead,
    /// Sends a head and half of the announced body
    HalfBody,
    /// Sends a complete request, one byte a second
    Drip,
}

const WHOLE: &[u8] =
    b"POST /events HTTP/1.1\r\nHost: held\r\nContent-Type: application/json\r\nContent-Length: 31\r\n\r\n\
    {\"user\": \"mallory\", \"amount\": 1}";

impl Misbehaviour {
    /// The bytes that are sent immediately, and those that follow one by one.
    pub fn bytes(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Silent => (b"", b""),
            Self::HalfHead => (&WHOLE[..30], b""),
            Self::HalfBody => (&WHOLE[..WHOLE.len() - 16], b""),
            Self::Drip => (b"", WHOLE),
        }
    }
}

/// The outcome of a connection that was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldOutcome {
    /// The connection could not be opened, for this reason.
    NotOpened(String),
    /// The server left it open to the end.
    StillOpen,
    /// The server sent a response with this status line, so long after the connection was opened.
    Answered(String, Duration),
    /// The server sent something that is not HTTP, so long after the connection was opened.
    NotHttp(Duration),
    /// The server closed the connection without a response, so long after it was opened.
    Closed(Duration),
}

impl fmt::Display for HeldOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpened(why) => write!(f, "not opened: {why}"),
            Self::StillOpen => f.write_str("still open, no response"),
            Self::Answered(status, _) => write!(f, "answered: {status}"),
            Self::NotHttp(_) => f.write_str("answered with something that is not HTTP"),
            Self::Closed(_) => f.write_str("closed without a response"),
        }
    }
}

/// The number of connections that are open at this moment, for a progress display.
#[derive(Clone, Debug, Default)]
pub struct OpenConnections(Arc<AtomicUsize>);

impl OpenConnections {
    /// The number.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long the others wait for the first connection.
const LOOK: Duration = Duration::from_secs(1);

const NO_PLACE: &str = "the server does not accept, and the kernel's backlog is full";

/// Opens `count` connections that misbehave, holds them until `stop` ends or none is left, and returns the outcome of each.
///
/// The others are opened once the first is, or after a second.
///
/// # Errors
/// [`Failure::NotListening`] if no server listens there.
pub async fn hold(
    server: impl Into<Addresses>,
    count: usize,
    misbehaviour: Misbehaviour,
    open: OpenConnections,
    stop: impl Future<Output = ()>,
) -> Result<Vec<HeldOutcome>, Failure> {
    let server = server.into();
    let stopped = CancellationToken::new();
    let mut held = JoinSet::new();
    let mut start = || {
        let (connected, connecting) = oneshot::channel();
        let (server, open, stopped) = (server.clone(), open.clone(), stopped.clone());
        held.spawn(hold_one(server, misbehaviour, open, stopped, connected));
        connecting
    };
    let mut stop = pin!(stop);
    tokio::select! {
        biased;
        first = timeout(LOOK, start()) => {
            if let Ok(Ok(Some(failure @ Failure::NotListening))) = first {
                return Err(failure);
            }
            (1..count).for_each(|_| drop(start()));
        }
        () = &mut stop => stopped.cancel(),
    }
    let outcomes = async {
        let mut outcomes = Vec::with_capacity(count);
        while let Some(outcome) = held.join_next().await {
            outcomes.extend(outcome); // none is ever aborted
        }
        outcomes.resize(count, HeldOutcome::NotOpened(NO_PLACE.into())); // those that were not begun
        outcomes
    };
    let mut outcomes = pin!(outcomes);
    tokio::select! {
        outcomes = &mut outcomes => return Ok(outcomes), // the server has ended them all
        () = stop, if !stopped.is_cancelled() => stopped.cancel(),
    }
    Ok(outcomes.await)
}

/// One connection; `connected` is told why there is none, or that there is one.
async fn hold_one(
    server: Addresses,
    misbehaviour: Misbehaviour,
    open: OpenConnections,
    stopped: CancellationToken,
    connected: oneshot::Sender<Option<Failure>>,
) -> HeldOutcome {
    let connecting = tokio::select! {
        connecting = server.connect() => connecting.map_err(Failure::from),
        () = stopped.cancelled() => {
            return HeldOutcome::NotOpened(NO_PLACE.into());
        }
    };
    let _ = connected.send(connecting.as_ref().err().copied()); // only the first one is awaited
    let mut stream = match connecting {
        Ok(stream) => stream,
        Err(failure) => {
            return HeldOutcome::NotOpened(format!("{failure}; {}", failure.advice()));
        }
    };
    open.0.fetch_add(1, Ordering::Relaxed);
    let opened = Instant::now();
    let outcome = tokio::select! {
        outcome = misbehave(&mut stream, misbehaviour, opened) => outcome,
        () = stopped.cancelled() => HeldOutcome::StillOpen,
    };
    open.0.fetch_sub(1, Ordering::Relaxed);
    outcome
}

/// Sends what this misbehaviour sends, and waits for a response or the end.
async fn misbehave(
    stream: &mut TcpStream,
    misbehaviour: Misbehaviour,
    opened: Instant,
) -> HeldOutcome {
    let (at_once, dripping) = misbehaviour.bytes();
    let (mut input, mut output) = stream.split();
    let send = async {
        let mut tick = interval(Duration::from_secs(1));
        output.write_all(at_once).await?;
        for byte in dripping.chunks(1) {
            tick.tick().await;
            output.write_all(byte).await?;
        }
        std::io::Result::Ok(())
    };
    let hear = async {
        let mut heard = Vec::new();
        let mut piece = [0; 512];
        // to the end, or until the status line is complete
        while heard.len() < 4096 && !heard.contains(&b'\n') {
            match input.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(length) => heard.extend_from_slice(&piece[..length]),
            }
        }
        heard
    };
    // a failed write says no more than the concurrent read
    let (mut send, mut hear) = (pin!(send), pin!(hear));
    let mut sent = false;
    let heard = loop {
        tokio::select! {
            heard = &mut hear => break heard,
            _ = &mut send, if !sent => sent = true,
        }
    };
    let line = heard.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let status = match line.strip_prefix(b"HTTP/1.") {
        Some([b'0'..=b'9', b' ', status @ ..]) => Some(status),
        _ => None,
    };
    match status {
        Some(status) => HeldOutcome::Answered(status.escape_ascii().to_string(), opened.elapsed()),
        None if heard.is_empty() => HeldOutcome::Closed(opened.elapsed()),
        None => HeldOutcome::NotHttp(opened.elapsed()),
    }
}
