//! What was sent and received in a trial, and when.

use http1::Response;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many bytes of one message are kept.
const KEPT_BYTES: usize = 2048;

/// How many messages are kept.
const KEPT_MESSAGES: usize = 1000;

/// The messages of a trial, in the order in which they were sent and received. A clone shares them.
#[derive(Clone, Debug)]
pub struct Evidence {
    began: Instant,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    messages: Vec<Message>,
    connections: usize,
    dropped: usize,
}

#[derive(Debug)]
struct Message {
    at: Duration,
    connection: usize,
    direction: Direction,
    /// Its beginning.
    bytes: Vec<u8>,
    length: usize,
}

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Sent,
    Received,
    /// What happened instead of a message.
    Note,
}

impl Evidence {
    pub(crate) fn new(began: Instant) -> Self {
        Self { began, log: Arc::default() }
    }

    /// The number of the next connection.
    pub(crate) fn connection(&self) -> usize {
        let mut log = self.lock();
        log.connections += 1;
        log.connections
    }

    pub(crate) fn sent(&self, connection: usize, bytes: &[u8]) {
        self.sent_at(Instant::now(), connection, bytes);
    }

    pub(crate) fn sent_at(&self, at: Instant, connection: usize, bytes: &[u8]) {
        let mut log = self.lock();
        // a message may be sent in pieces
        if let Some(last) = log.messages.iter_mut().rev().find(|last| last.connection == connection)
        {
            if last.direction == Direction::Sent {
                let more = KEPT_BYTES.saturating_sub(last.bytes.len()).min(bytes.len());
                last.bytes.extend_from_slice(&bytes[..more]);
                last.length += bytes.len();
                return;
            }
        }
        self.push(&mut log, at, connection, Direction::Sent, bytes);
    }

    pub(crate) fn received(&self, at: Instant, connection: usize, response: &Response) {
        let mut text = format!("{:?} {}\r\n", response.version(), response.status());
        for (name, value) in response.headers() {
            let _ = write!(text, "{name}: {}\r\n", value.as_bytes().escape_ascii()); // a String takes it all
        }
        text += "\r\n";
        let bytes = [text.as_bytes(), response.body()].concat();
        self.push(&mut self.lock(), at, connection, Direction::Received, &bytes);
    }

    pub(crate) fn note(&self, at: Instant, connection: usize, note: &str) {
        self.push(&mut self.lock(), at, connection, Direction::Note, note.as_bytes());
    }

    fn push(
        &self,
        log: &mut Log,
        at: Instant,
        connection: usize,
        direction: Direction,
        bytes: &[u8],
    ) {
        if log.messages.len() == KEPT_MESSAGES {
            log.dropped += 1;
            return;
        }
        let at = at.saturating_duration_since(self.began);
        let (length, bytes) = (bytes.len(), bytes[..bytes.len().min(KEPT_BYTES)].to_vec());
        log.messages.push(Message { at, connection, direction, bytes, length });
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One message after another: `>` before each line that was sent, `<` before each that was received.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.lock();
        let mut messages: Vec<_> = log.messages.iter().collect();
        messages.sort_by_key(|message| message.at); // a response may be entered late
        for message in messages {
            let Message { at, connection, direction, bytes, length } = message;
            let (verb, mark) = match direction {
                Direction::Sent => ("sent", '>'),
                Direction::Received => ("received", '<'),
                Direction::Note => ("", '-'),
            };
            writeln!(f, "{:>9.3} s  connection {connection} {verb}", at.as_secs_f64())?;
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                let text = String::from_utf8_lossy(line);
                let text = text.strip_suffix("\r\n").unwrap_or(&text);
                let shown: String = text.chars().flat_map(printable).collect();
                writeln!(f, "{mark} {shown}")?;
            }
            if *length > bytes.len() {
                writeln!(f, "{mark} … and {} bytes more", length - bytes.len())?;
            }
            writeln!(f)?;
        }
        match log.dropped {
            0 => Ok(()),
            dropped => writeln!(f, "… and {dropped} messages more"),
        }
    }
}

/// The character, escaped if a terminal would not show it.
fn printable(char: char) -> Vec<char> {
    if char.is_control() { char.escape_default().collect() } else { vec![char] }
}
