//! The command lines of the stages.

use crate::{Stage, fill_in};
use clap::builder::RangedU64ValueParser;
use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};
use std::str::FromStr;
use std::time::Duration;

/// What every stage takes, and the `options` that this one takes beside it.
#[derive(Debug, Parser)]
pub struct Args<Options: clap::Args> {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", allow_hyphen_values = true)]
    pub addr: Addr,
    /// This stage's own.
    #[command(flatten)]
    pub options: Options,
}

/// Stages 1 and 2 take nothing more.
#[derive(Debug, clap::Args)]
pub struct NoOptions;

/// Stage 3 has a deadline.
#[derive(Debug, clap::Args)]
pub struct Deadline {
    /// How long a client may keep the server waiting: to begin a request, to end it, to take the answer; such as 500ms, 2s, 1m
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout, allow_hyphen_values = true)]
    pub timeout: Duration,
}

/// Stage 4 has slow work as well.
#[derive(Debug, clap::Args)]
pub struct SlowWork {
    /// How long a client may keep the server waiting: to begin a request, to end it, to take the answer; such as 500ms, 2s, 1m
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout, allow_hyphen_values = true)]
    pub timeout: Duration,
    /// How long the work for one event takes, such as 0s, 100ms, 2s
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration, allow_hyphen_values = true)]
    pub work: Duration,
}

/// Stage 5 has limits as well.
#[derive(Debug, clap::Args)]
pub struct Limits {
    /// How long a client may keep the server waiting: to begin a request, to end it, to take the answer; such as 500ms, 2s, 1m
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout, allow_hyphen_values = true)]
    pub timeout: Duration,
    /// How long the worker takes for one event, such as 0s, 100ms, 2s
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration, allow_hyphen_values = true)]
    pub work: Duration,
    /// How many events may wait for the worker, 1 or more
    #[arg(long, value_name = "N", default_value = "16", value_parser = count(), allow_hyphen_values = true)]
    pub queue: usize,
    /// What happens to an event when the queue is full
    #[arg(long, value_name = "POLICY", default_value = "reject")]
    pub when_full: WhenFull,
    /// How many connections may be open, 1 or more; one over it is refused with 503
    #[arg(long, value_name = "N", default_value = "1024", value_parser = count(), allow_hyphen_values = true)]
    pub max_connections: usize,
}

/// Fail fast, or wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhenFull {
    /// It is refused at once, with 503 and Retry-After
    Reject,
    /// It waits for a place, and its client with it
    Wait,
}

pub(crate) fn parse<Options: clap::Args>(stage: &Stage) -> Args<Options> {
    let [try_it, break_it] = [stage.try_it, stage.break_it].map(|command| fill_in(command, "127.0.0.1:8080"));
    let mut command = Args::<Options>::command()
        .name(stage.name)
        .about(format!("Stage {}: {}", stage.number, stage.idea))
        .after_help(format!(
            "Try it:    {try_it}\nBreak it:  {break_it}\nRead:      {}/src/main.rs\n\n\
             RUST_LOG=debug logs each request, RUST_LOG=warn no connections. Ctrl-C ends it.",
            stage.name
        ));
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    match parsed.and_then(|mut matches| Args::from_arg_matches_mut(&mut matches)) {
        Ok(args) => args,
        Err(error) => error.format(&mut command).exit(),
    }
}

/// Up to a million: far beyond what is of use here, and far from what would overflow anything.
fn count() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=1_000_000)
}

/// 0 to one hour.
fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= Duration::from_secs(3600) => Ok(duration),
        Ok(_) => Err("at most 1h".into()),
        Err(_) => Err("a duration has a number and a unit, such as 500ms, 2s or 1m".into()),
    }
}

/// As `duration`, but more than 0.
fn timeout(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|timeout| if timeout.is_zero() { Err("more than 0".into()) } else { Ok(timeout) })
}

/// HOST:PORT, not resolved yet.
#[derive(Clone, Debug)]
pub struct Addr(pub(crate) String);

impl FromStr for Addr {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |host: &str| {
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        };
        let is_addr = text.parse::<std::net::SocketAddr>().is_ok()
            || text.rsplit_once(':').is_some_and(|(host, port)| is_name(host) && port.parse::<u16>().is_ok());
        if is_addr {
            Ok(Self(text.to_owned()))
        } else {
            Err("give a host and a port up to 65535, such as 127.0.0.1:8080")
        }
    }
}
