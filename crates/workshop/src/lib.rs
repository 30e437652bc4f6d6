//! What every stage's `main` needs and no lesson is about: arguments, the banner, the log, accept, Ctrl-C.

pub mod blocking;
#[cfg(feature = "tokio")]
mod listener;
mod options;
#[cfg(feature = "tokio")]
mod signals;
mod socket;

pub use clap;
#[cfg(feature = "tokio")]
pub use listener::accept;
pub use options::{Addr, count, duration, timeout};
#[cfg(feature = "tokio")]
pub use signals::stop_signal;
pub use tracing::{debug, warn};

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What a stage's `main` returns: nothing, or why it ends, which then goes to stderr in one line, with exit code 1.
pub type Result = std::result::Result<(), OneLineError>;

/// Any error, in one line: also where backtraces are asked for.
pub struct OneLineError(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for OneLineError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl std::fmt::Debug for OneLineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

/// A stage as it presents itself: in its `--help`, and in the banner once it listens.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// 1 to 5.
    pub number: u8,
    /// Its folder and its binary.
    pub name: &'static str,
    /// What it is about, in one line.
    pub idea: &'static str,
    /// A command to try it; `{url}` and `{addr}` stand for where it listens.
    pub try_it: &'static str,
    /// A command to break it, or to see it hold; the same.
    pub break_it: &'static str,
}

impl Stage {
    pub(crate) fn announce(&self, addr: SocketAddr) {
        let Self { number, name, idea, .. } = self;
        let [try_it, break_it] = [self.try_it, self.break_it].map(|command| fill_in(command, addr));
        let banner = format!(
            "listening on http://{addr}\n\
             stage {number}: {idea}\n  \
               try it    {try_it}\n  \
               break it  {break_it}\n  \
               read      {name}/src/main.rs\n"
        );
        // whoever closed our stdout does not want to know
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(banner.as_bytes()).and_then(|()| stdout.flush());
        if !addr.ip().is_loopback() {
            warn!(
                "{addr} can be reached from other machines; this is a server for lessons, so mind who is there"
            );
        }
    }
}

fn fill_in(command: &str, addr: impl std::fmt::Display) -> String {
    command.replace("{url}", &format!("http://{addr}")).replace("{addr}", &addr.to_string())
}

/// To stderr: `RUST_LOG`, such as `debug` or `http1=debug`; `info` unless told otherwise.
fn start_log() {
    let wanted = std::env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty());
    let parsed = wanted.as_deref().map(str::parse::<Targets>);
    let targets = match &parsed {
        Some(Ok(targets)) => targets.clone(),
        _ => Targets::new().with_default(LevelFilter::INFO),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
    if let Some(Err(error)) = parsed {
        warn!("RUST_LOG is not understood ({error}); try RUST_LOG=debug. Going on with info");
    }
}
