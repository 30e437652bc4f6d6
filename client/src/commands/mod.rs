//! What each command takes and prints.

mod check;
mod claims;
mod compare;
mod doctor;
mod hold;
mod live;
mod load;

pub(crate) use check::Check;
pub(crate) use claims::Claims;
pub(crate) use compare::Compare;
pub(crate) use doctor::Doctor;
pub(crate) use hold::Hold;
pub(crate) use load::Load;

use anyhow::bail;
use probe::http_client::{Caller, Failure};
use probe::number::number;
use probe::target::Target;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

/// The exit code when no connection could be made at all.
pub(crate) const NO_CONNECTION: u8 = 3;

/// Whoever is not there says so at once; more patience would only delay the command, and what it says of the wait.
const LOOK: Duration = Duration::from_secs(1);

/// The address of a server that is there; else it is said that there is none.
async fn resolve(target: &Target) -> Option<SocketAddr> {
    let reached = async {
        let addr = target.resolve().await?;
        let connected = async { Caller::new(addr).connect().await.map(drop) };
        match timeout(LOOK, connected).await {
            Ok(Err(failure @ Failure::NobodyThere)) => {
                bail!(
                    "{}: {failure}; wait until the server says that it listens, or start one: cargo run -p stage1",
                    target.host
                )
            }
            _ => Ok(addr), // any other trouble is for the report
        }
    };
    reached.await.map_err(|error| complain(&format!("error: {error:#}"))).ok()
}

/// What asks a command to end: Ctrl-C, SIGTERM or a terminal that closes.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The number of the next one; may be dropped while it waits.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.hang_up.recv() => 1,
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}

/// Ends with the first of them; a second one ends the process at once.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut signals = Signals::new()?;
    Ok(async move {
        signals.next().await;
        tokio::spawn(async move { std::process::exit(128 + signals.next().await) });
    })
}

/// To stdout; whoever closed that does not want to know.
pub(crate) fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// A line to stderr; whoever closed that does not want to know either.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// 1 to 10^15, up to which a float is exact.
fn count(text: &str) -> Result<u64, String> {
    match number(text) {
        Some(number) if !text.contains('.') && (1.0..=1e15).contains(&number) => Ok(number as u64),
        _ => Err("a whole number, 1 or more, such as 500 or 10k".into()),
    }
}

/// 1 to 100,000.
fn connections(text: &str) -> Result<usize, String> {
    match count(text).map(usize::try_from)? {
        Ok(number @ ..=100_000) => Ok(number),
        _ => Err("at most 100k: a client has only so many ports".into()),
    }
}

/// More than 0, at most a day.
fn positive_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("more than 0".into()),
        Ok(duration) if duration > Duration::from_secs(24 * 3600) => Err("at most 1day".into()),
        Ok(duration) => Ok(duration),
        Err(_) => Err("a duration has a number and a unit, such as 500ms, 10s or 1m".into()),
    }
}
