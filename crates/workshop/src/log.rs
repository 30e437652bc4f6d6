//! The log on stderr, written by a thread of its own: a stderr that nothing reads blocks neither
//! serving nor stopping.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::warn;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How many lines may wait to be written: about 100 KiB, if only connections are logged. Any further
/// one is dropped and counted.
const WAITING_LINES: usize = 1024;
/// How long the end of the process waits for stderr, and then for stdout.
const END_TIME: Duration = Duration::from_secs(1);

static LOG: OnceLock<Log> = OnceLock::new();

/// The way to the thread that writes the log.
#[derive(Clone)]
struct Log {
    entries: SyncSender<Entry>,
    /// How many lines were dropped since the last one that was not.
    dropped: Arc<AtomicU64>,
}

enum Entry {
    /// A line, and how many were dropped before it.
    Line(Box<[u8]>, u64),
    /// Everything before it is written: says so by dropping the sender.
    Flush(#[expect(dead_code, reason = "its drop is the message")] Sender<()>),
}

/// Logs to stderr what `RUST_LOG` asks for, such as `debug` or `http1=debug`; by default `info`.
pub(crate) fn start_log() {
    let wanted = std::env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty());
    let parsed = wanted.as_deref().map(str::parse::<Targets>);
    let targets = match &parsed {
        Some(Ok(targets)) => targets.clone(),
        _ => Targets::new().with_default(LevelFilter::INFO),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(LOG.get_or_init(Log::start).clone())
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
    if let Some(Err(error)) = parsed {
        warn!("RUST_LOG is invalid ({error}), so the level is info; try RUST_LOG=debug");
    }
}

/// Prints the last line of a server on stdout, after its log. Waits for a second for each at most: a
/// pipe that nothing reads does not keep the process from ending.
pub fn print_last(line: &str) {
    flush();
    let line = format!("{line}\n");
    in_time(move |_| {
        // a closed stdout is not an error
        let _ = io::stdout().write_all(line.as_bytes());
    });
}

/// Waits until the log is written, for a second at most.
pub(crate) fn flush() {
    if let Some(log) = LOG.get() {
        in_time(|flushed| drop(log.entries.send(Entry::Flush(flushed))));
    }
}

/// Runs `write` and waits until the sender that it gets is dropped, for a second at most.
fn in_time(write: impl FnOnce(Sender<()>) + Send + 'static) {
    let (done, wait) = channel();
    // a thread that blocks cannot be cancelled, but it ends with the process
    std::thread::spawn(move || write(done));
    let _ = wait.recv_timeout(END_TIME);
}

impl Log {
    fn start() -> Self {
        let (entries, received) = sync_channel(WAITING_LINES);
        let log = Self { entries, dropped: Arc::default() };
        let dropped = log.dropped.clone();
        let thread = std::thread::Builder::new().name("log".into());
        // without the thread every line is dropped, and the server still serves
        let _ = thread.spawn(move || write_entries(&received, &dropped, io::stderr()));
        log
    }
}

/// Writes the lines, and where some were dropped, how many.
fn write_entries(entries: &Receiver<Entry>, dropped: &AtomicU64, mut log: impl Write) {
    // a closed stderr costs the lines of the log and nothing else
    let report = |log: &mut dyn Write, count| {
        if count > 0 {
            let line = format!("{count} lines are missing here: the log was not read\n");
            let _ = log.write_all(line.as_bytes());
        }
    };
    loop {
        let entry = entries.try_recv().or_else(|_| {
            // all that had a place is written: what was dropped came after it
            report(&mut log, dropped.swap(0, Ordering::Relaxed));
            entries.recv()
        });
        match entry {
            Ok(Entry::Line(line, missing)) => {
                report(&mut log, missing);
                let _ = log.write_all(&line);
            }
            Ok(Entry::Flush(_)) => report(&mut log, dropped.swap(0, Ordering::Relaxed)),
            Err(_) => return,
        }
    }
}

impl<'l> MakeWriter<'l> for Log {
    type Writer = &'l Log;

    fn make_writer(&'l self) -> &'l Log {
        self
    }
}

/// Each write is a line.
impl Write for &Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let missing = self.dropped.swap(0, Ordering::Relaxed);
        if self.entries.try_send(Entry::Line(line.into(), missing)).is_err() {
            self.dropped.fetch_add(missing + 1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stderr whose every write waits until it is allowed.
    struct Jammed {
        begun: Sender<String>,
        allowed: Receiver<()>,
    }

    impl Write for Jammed {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(String::from_utf8_lossy(line).into_owned());
            let _ = self.allowed.recv();
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_without_room_are_dropped_and_counted_and_nothing_waits() {
        let (entries, received) = sync_channel(WAITING_LINES);
        let log = Log { entries, dropped: Arc::default() };
        let ((begun, lines), (allow, allowed)) = (channel(), channel());
        let dropped = log.dropped.clone();
        let writer = std::thread::spawn(move || {
            write_entries(&received, &dropped, Jammed { begun, allowed });
        });
        let write = |line: &str| (&log).write_all(line.as_bytes()).unwrap();
        write("in hand");
        assert_eq!(lines.recv().unwrap(), "in hand");
        (0..WAITING_LINES).for_each(|_| write("waits"));
        (0..100).for_each(|_| write("dropped"));
        allow.send(()).unwrap(); // the line in hand is written, and the next one leaves its place
        assert_eq!(lines.recv().unwrap(), "waits");
        write("after the gap");
        write("dropped at the end");
        drop(allow); // from now on each write succeeds
        drop(log);
        writer.join().unwrap();
        let lines: Vec<_> = lines.iter().collect();
        let missing = |count| format!("{count} lines are missing here: the log was not read\n");
        assert_eq!(lines[..WAITING_LINES - 1], vec!["waits"; WAITING_LINES - 1]);
        assert_eq!(lines[WAITING_LINES - 1..], [&missing(100), "after the gap", &missing(1)]);
    }
}
