//! The command line of `client load`.

use super::pause::{PauseAt, pause_at};
use crate::commands::arguments::{connections, count, positive_duration};
use crate::commands::start::Start;
use clap::{ArgGroup, Args};
use client::recorded::Recorded;
use http1::{Bytes, HeaderName, HeaderValue, Method, header};
use load::{Expectation, RetryBudget};
use probe::number::number;
use probe::pause::Paused;
use probe::target::Target;
use std::time::Duration;

/// Send requests, and report what was served, shed, rejected, timed out or failed
#[derive(Args)]
#[command(group(ArgGroup::new("random").args(["event", "retry"]).multiple(true)))]
#[command(group(ArgGroup::new("paused").args(["start", "pid"])))]
#[command(group(ArgGroup::new("again").args(["retry", "retry_timeouts"]).multiple(true)), after_help = "\
Examples:
  client load -n 1000 -c 10                  GET / of 127.0.0.1:8080
  cargo client load -n 100 -c 100 --event          100 events at once
  cargo client load -z 10s -q 50 -c 20 --event     50 events a second for 10 s
  cargo client load -n 10k --event --verify        is every acknowledged event applied?
  cargo client load -n 100 -c 100 --event --retry  send rejected events again
  cargo client load -d '{\"user\": \"alice\", \"amount\": 5}' \\
      http://127.0.0.1:8080/events
  cargo client load -z 5s -q 200 --expect 'served.p99<200ms' --expect failed=0

served: a status under 400. shed: 503. rejected: any other 4xx or 5xx. timed out:
no complete response within -t. failed: no response at all. aborted: not done
when you stopped the run. Throughput counts all responses, goodput only served ones.

Without -q each connection sends once it has its response (a closed loop): a slow
server is sent less, which hides the waiting. With -q requests are due at their
rate, whatever the server does (an open loop), and latency counts from when a
request was due; the latency from when it was sent stands beside it.

An expectation is FIGURE COMPARISON VALUE. Figures: requests, served, shed,
rejected, timed_out, failed, aborted, not_sent, throughput, goodput, elapsed;
of each outcome also .min, .mean, .p50 to .p99.99 and .max. A count may be a
share: 'served>=99%'.

Exit code: 0; 1 if an expectation is not met or an acknowledged event was not
applied; 2 for a bad command line; 3 if no connection could be opened.")]
pub(crate) struct Load {
    /// How many requests, such as 500 or 10k [default: 200, unless -z]
    #[arg(short = 'n', value_name = "COUNT", value_parser = count, allow_hyphen_values = true)]
    pub(super) count: Option<u64>,
    /// How many connections, at most
    #[arg(short = 'c', value_name = "COUNT", default_value = "50", value_parser = connections, allow_hyphen_values = true)]
    pub(super) connections: usize,
    /// For how long, such as 10s, instead of a count
    #[arg(short = 'z', value_name = "DURATION", value_parser = positive_duration, conflicts_with = "count", allow_hyphen_values = true)]
    pub(super) duration: Option<Duration>,
    /// How many requests per second, in total; with -z also one that rises, such as 20..200
    #[arg(short = 'q', value_name = "RATE", value_parser = rate, allow_hyphen_values = true)]
    pub(super) rate: Option<Rate>,
    /// Make all requests due at once, when every connection is open
    #[arg(long, conflicts_with_all = ["rate", "duration"])]
    pub(super) burst: bool,
    /// How long a request may take, connecting included
    #[arg(short = 't', value_name = "DURATION", default_value = "10s", value_parser = positive_duration, allow_hyphen_values = true)]
    pub(super) timeout: Duration,
    /// The method [default: GET, or POST with a body]
    #[arg(short = 'm', value_name = "METHOD")]
    pub(super) method: Option<Method>,
    /// The body
    #[arg(short = 'd', value_name = "BODY")]
    pub(super) body: Option<String>,
    /// A file with the body
    #[arg(short = 'D', value_name = "FILE", value_parser = file, conflicts_with = "body")]
    pub(super) file: Option<Bytes>,
    /// The body's Content-Type
    #[arg(short = 'T', value_name = "TYPE")]
    pub(super) content_type: Option<HeaderValue>,
    /// A header field, such as 'Accept: text/plain'; may be repeated
    #[arg(short = 'H', value_name = "FIELD", value_parser = field)]
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
    /// A new connection for each request
    #[arg(long)]
    pub(super) disable_keepalive: bool,
    /// Post events of fifty random users to /events, amounts 1 to 100
    #[arg(long, conflicts_with_all = ["body", "file", "method", "content_type"])]
    pub(super) event: bool,
    /// Send each event with an Idempotency-Key; one that is sent again has the same key
    // as for --verify
    #[arg(long, requires = "event", conflicts_with_all = ["body", "file", "method", "content_type"])]
    pub(super) keys: bool,
    /// Ask the server afterwards whether it applied what it acknowledged; no other client may send
    /// meanwhile
    // clap does not ask for what conflicts with an argument that is there, so those of --event are repeated
    #[arg(long, requires = "event", conflicts_with_all = ["body", "file", "method", "content_type"])]
    pub(super) verify: bool,
    /// Send a request that got 503 again, not before its Retry-After, and later each time; its
    /// latency goes on counting
    #[arg(long)]
    pub(super) retry: bool,
    /// Send it again exactly then, like all the others: a retry burst
    #[arg(long, requires = "retry")]
    pub(super) no_jitter: bool,
    /// Send a request that timed out again, up to so many times: at once, or with --retry after its
    /// back-off. A request counts once, by its last attempt; its latency counts from when it was
    /// first due, and each attempt has its own -t
    #[arg(long, value_name = "COUNT", value_parser = retries, allow_hyphen_values = true)]
    pub(super) retry_timeouts: Option<u32>,
    /// At most so many retries in all, and so much of one more for each served request, such as
    /// 10:0.1; the budget never exceeds the first number
    #[arg(long, value_name = "TOKENS:RATIO", value_parser = retry_budget, requires = "again", allow_hyphen_values = true)]
    pub(super) retry_budget: Option<RetryBudget>,
    /// A line for each second, also with how many requests wait in a server that has GET /stats
    #[arg(long)]
    pub(super) timeline: bool,
    /// Stop the server for a while after the beginning of the run, as SIGSTOP does, such as 3s@5s;
    /// needs --start or --pid. It continues whatever ends this client
    #[arg(long, value_name = "DURATION@START", value_parser = pause_at, requires = "paused", allow_hyphen_values = true)]
    pub(super) pause: Option<PauseAt>,
    /// The process that --pause stops, which must be yours
    // clap does not ask for what conflicts with an argument that is there, so --start-timeout is named, too
    #[arg(long, value_name = "PID", requires = "pause", conflicts_with_all = ["start", "start_timeout"], allow_hyphen_values = true)]
    pub(super) pid: Option<Paused>,
    /// The seed of the random users, amounts and waits [default: a new one each time]
    #[arg(long, value_name = "NUMBER", requires = "random", allow_hyphen_values = true)]
    pub(super) seed: Option<u64>,
    /// What the run must show, such as 'served.p99<200ms' or failed=0; may be repeated
    #[arg(long = "expect", value_name = "EXPECTATION")]
    pub(super) expectations: Vec<Expectation>,
    /// Also compare with a run that --json has recorded; with several of them, with their mean and
    /// spread
    #[arg(long, value_name = "FILE", value_parser = Recorded::read, conflicts_with = "json")]
    pub(super) against: Vec<Recorded>,
    /// Print the report as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// No colours, as with NO_COLOR
    #[arg(long)]
    pub(super) no_color: bool,
    #[command(flatten)]
    pub(super) start: Start,
    /// http://HOST:PORT/path, HOST:PORT or PORT; with --start only the path counts
    #[arg(value_name = "URL", default_value = "127.0.0.1:8080")]
    pub(super) target: Target,
}

/// Requests per second.
#[derive(Clone, Copy)]
pub(super) enum Rate {
    Constant(f64),
    Rising { from: f64, to: f64 },
}

fn rate(text: &str) -> Result<Rate, String> {
    let one = |text: &str| number(text).filter(|rate| (0.001..=1e6).contains(rate));
    let rate = match text.split_once("..") {
        None => one(text).map(Rate::Constant),
        Some((from, to)) => {
            let rising = one(from).zip(one(to)).filter(|(from, to)| from < to);
            return rising.map(|(from, to)| Rate::Rising { from, to }).ok_or_else(|| {
                "a rate that rises has a beginning and a higher end, such as 20..200".into()
            });
        }
    };
    rate.ok_or_else(|| "a rate is a number of requests per second, from 0.001 to 1M".into())
}

/// 1 to 1000.
fn retries(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| (1..=1000).contains(count));
    count.ok_or_else(|| "a whole number, 1 to 1000".into())
}

fn retry_budget(text: &str) -> Result<RetryBudget, String> {
    let part = |text, most: f64| number(text).filter(|number| (0.0..=most).contains(number));
    text.split_once(':')
        .and_then(|(tokens, ratio)| {
            Some(RetryBudget { tokens: part(tokens, 1e9)?, per_success: part(ratio, 1000.0)? })
        })
        .ok_or_else(|| {
            "a budget reads TOKENS:RATIO, both 0 or more, such as 10:0.1: 10 retries, and one more for every \
             10 requests that are served"
                .into()
        })
}

fn file(path: &str) -> Result<Bytes, String> {
    std::fs::read(path).map(Bytes::from).map_err(|error| format!("cannot read it: {error}"))
}

fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("a field reads 'Name: value'")?;
    let name = name.trim().parse().map_err(|_| "that is not a field name")?;
    if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::DATE].contains(&name) {
        return Err("how the body is framed is for the client to say".into());
    }
    Ok((name, value.trim().parse().map_err(|_| "a field's value is one line of text")?))
}
