//! The command lines of the stages.

use crate::{Stage, fill_in};
use clap::builder::{EnumValueParser, PossibleValue, RangedU64ValueParser};
use clap::{Arg, ArgMatches, Command, ValueEnum};
use std::str::FromStr;
use std::time::Duration;

/// What every stage takes, and the `options` that this one takes beside it.
#[derive(Debug)]
pub struct Args<O> {
    /// Where to listen; port 0 picks a free one
    pub addr: Addr,
    /// This stage's own.
    pub options: O,
}

/// What one stage takes beside `--addr`. By hand, since deriving it would double what stage 1 has to build.
pub trait Options: Sized {
    /// As the command line and its help know them.
    fn define() -> Vec<Arg>;
    /// As they were given.
    fn take(matches: &mut ArgMatches) -> Self;
}

/// Stages 1 and 2 take nothing more.
#[derive(Debug)]
pub struct NoOptions;

impl Options for NoOptions {
    fn define() -> Vec<Arg> {
        Vec::new()
    }

    fn take(_: &mut ArgMatches) -> Self {
        Self
    }
}

/// Stage 3 has a deadline.
#[derive(Debug)]
pub struct Deadline {
    /// How long a client may keep the server waiting.
    pub timeout: Duration,
}

impl Options for Deadline {
    fn define() -> Vec<Arg> {
        let help = "How long a client may keep the server waiting: to begin a request, to end it, to take the answer; \
                    such as 500ms, 2s, 1m";
        vec![option("timeout", "DURATION", "10s", help).value_parser(timeout)]
    }

    fn take(matches: &mut ArgMatches) -> Self {
        Self { timeout: taken(matches, "timeout") }
    }
}

/// Stage 4 has slow work as well.
#[derive(Clone, Copy, Debug)]
pub struct SlowWork {
    /// How long a client may keep the server waiting.
    pub timeout: Duration,
    /// How long the work for one event takes.
    pub work: Duration,
}

impl Options for SlowWork {
    fn define() -> Vec<Arg> {
        let mut options = Deadline::define();
        options.push(work("How long the work for one event takes, such as 0s, 100ms, 2s"));
        options
    }

    fn take(matches: &mut ArgMatches) -> Self {
        Self { timeout: taken(matches, "timeout"), work: taken(matches, "work") }
    }
}

/// Stage 5 has limits as well.
#[derive(Debug)]
pub struct Limits {
    /// How long a client may keep the server waiting.
    pub timeout: Duration,
    /// How long the worker takes for one event.
    pub work: Duration,
    /// How many events may wait for the worker, 1 or more.
    pub queue: usize,
    /// What happens to an event when the queue is full.
    pub when_full: WhenFull,
    /// How many connections may be open, 1 or more; one over it is refused with 503.
    pub max_connections: usize,
}

impl Options for Limits {
    fn define() -> Vec<Arg> {
        let queue = "How many events may wait for the worker, 1 or more";
        let when_full = "What happens to an event when the queue is full; reject: it gets 503 and Retry-After at once; wait: it \
                         waits for a place, and its client with it";
        let most = "How many connections may be open, 1 or more; one over it is refused with 503";
        let mut options = Deadline::define();
        options.extend([
            work("How long the worker takes for one event, such as 0s, 100ms, 2s"),
            option("queue", "N", "16", queue).value_parser(count()),
            option("when-full", "POLICY", "reject", when_full)
                .allow_hyphen_values(false)
                .value_parser(EnumValueParser::<WhenFull>::new())
                .hide_possible_values(true),
            option("max-connections", "N", "1024", most).value_parser(count()),
        ]);
        options
    }

    fn take(matches: &mut ArgMatches) -> Self {
        Self {
            timeout: taken(matches, "timeout"),
            work: taken(matches, "work"),
            queue: taken(matches, "queue"),
            when_full: taken(matches, "when-full"),
            max_connections: taken(matches, "max-connections"),
        }
    }
}

/// Fail fast, or wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused at once, with 503 and Retry-After
    Reject,
    /// It waits for a place, and its client with it
    Wait,
}

impl ValueEnum for WhenFull {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Reject, Self::Wait]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Reject => PossibleValue::new("reject"),
            Self::Wait => PossibleValue::new("wait"),
        })
    }
}

fn option(
    name: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Arg {
    // beside the longest of the names there are fifty columns
    let help = format!("{}\n[default: {default}]", fold(help, 50));
    let option =
        Arg::new(name).long(name).value_name(value).default_value(default).hide_default_value(true);
    option.help(help).allow_hyphen_values(true)
}

/// In lines of at most so many characters. Not clap's own feature `wrap_help`, for which stage 1 would have to build
/// rustix.
fn fold(words: &str, width: usize) -> String {
    let (mut folded, mut column) = (String::new(), 0);
    for word in words.split(' ') {
        if column > 0 {
            let fits = column + 1 + word.chars().count() <= width;
            folded.push(if fits { ' ' } else { '\n' });
            column = if fits { column + 1 } else { 0 };
        }
        folded += word;
        column += word.chars().count();
    }
    folded
}

fn work(help: &'static str) -> Arg {
    option("work", "DURATION", "500ms", help).value_parser(duration)
}

fn taken<T: Clone + Send + Sync + 'static>(matches: &mut ArgMatches, name: &str) -> T {
    matches.remove_one(name).expect("each option has a default")
}

pub(crate) fn parse<O: Options>(stage: &Stage) -> Args<O> {
    let [try_it, break_it] = [stage.try_it, stage.break_it]
        .map(|command| fill_in(command, "127.0.0.1:8080").replace(" -H ", " \\\n             -H "));
    let addr =
        option("addr", "HOST:PORT", "127.0.0.1:8080", "Where to listen; port 0 picks a free one");
    let mut command = Command::new(stage.name)
        .arg(addr.value_parser(Addr::from_str))
        .args(O::define())
        .about(fold(&format!("Stage {}: {}", stage.number, stage.idea), 80))
        .after_help(format!(
            "Try it:    {try_it}\nBreak it:  {break_it}\nRead:      {}/src/main.rs\n\n\
             RUST_LOG=debug logs each request, RUST_LOG=warn no connections. Ctrl-C ends it.",
            stage.name
        ));
    match command.try_get_matches_from_mut(std::env::args_os()) {
        Ok(mut matches) => {
            Args { addr: taken(&mut matches, "addr"), options: O::take(&mut matches) }
        }
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
    duration(text)
        .and_then(|timeout| if timeout.is_zero() { Err("more than 0".into()) } else { Ok(timeout) })
}

/// HOST:PORT, not resolved yet.
#[derive(Clone, Debug)]
pub struct Addr(pub(crate) String);

impl FromStr for Addr {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |host: &str| {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        };
        let is_addr = text.parse::<std::net::SocketAddr>().is_ok()
            || text
                .rsplit_once(':')
                .is_some_and(|(host, port)| is_name(host) && port.parse::<u16>().is_ok());
        if is_addr {
            Ok(Self(text.to_owned()))
        } else {
            Err("give a host and a port up to 65535, such as 127.0.0.1:8080")
        }
    }
}
