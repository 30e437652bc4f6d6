//! What each command takes and prints.

mod compare;
mod hold;
mod load;

pub(crate) use compare::Compare;
pub(crate) use hold::Hold;
pub(crate) use load::Load;

use anyhow::bail;
use client::caller::{Caller, Failure};
use client::target::Target;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

/// The address of a server that is there.
async fn reach(target: &Target, patience: Duration) -> anyhow::Result<SocketAddr> {
    let addr = target.resolve().await?;
    match timeout(patience, async { Caller::new(addr).connect().await.map(drop) }).await {
        Ok(Err(failure @ Failure::NobodyThere)) => {
            bail!("{}: {failure}; start a server, such as: cargo run -p stage1", target.host)
        }
        _ => Ok(addr), // any other trouble is for the report
    }
}

/// Ends with Ctrl-C, SIGTERM or a terminal that closes; a second one ends the process at once.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut next = async move || {
        tokio::select! {
            _ = hang_up.recv() => 1,
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        }
    };
    Ok(async move {
        next().await;
        tokio::spawn(async move { std::process::exit(128 + next().await) });
    })
}

/// To stdout; whoever closed that does not want to know.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// 1 to 100,000.
fn connections() -> clap::builder::RangedU64ValueParser<usize> {
    clap::builder::RangedU64ValueParser::new().range(1..=100_000)
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
