//! What each command takes and prints.

use anyhow::{Context, bail};
use clap::Args;
use client::caller::{Caller, Failure, show};
use client::hold::{self, Fate, Manner, Open};
use client::load::{self, Plan, Until};
use client::target::Target;
use client::{compare, report, table};
use http1::{Bytes, HeaderName, HeaderValue, Method, Request, encode_request, header};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

/// Send requests, and tell what came of them: served, refused, rejected, timed out or failed.
#[derive(Args)]
#[command(after_help = "\
Examples:
  client load -n 1000 -c 10                                   GET / of 127.0.0.1:8080
  client load -n 100 -c 100 --event                           a burst of a hundred events
  client load -z 10s -q 50 -c 20 --event                      fifty events a second for ten seconds
  client load -d '{\"user\": \"alice\", \"amount\": 5}' -T application/json http://127.0.0.1:8080/events

served: a status under 400. refused: 503. rejected: any other 4xx or 5xx. timed out: no whole answer within -t.
failed: no answer at all. cut short: still without an answer when you stopped it. Throughput counts every answer,
goodput the served alone.

\"client\" stands for: cargo run -p client --

Without -q each connection sends when it has its answer (a closed loop). With -q requests are due at their rate,
whatever the server does (an open loop), and latency counts from when a request was due.")]
pub(crate) struct Load {
    /// How many requests [default: 200, unless -z]
    #[arg(short = 'n', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..), allow_hyphen_values = true)]
    count: Option<u64>,
    /// How many connections
    #[arg(short = 'c', value_name = "COUNT", default_value = "50", value_parser = connections(), allow_hyphen_values = true)]
    connections: usize,
    /// For how long, such as 10s, instead of a count
    #[arg(short = 'z', value_name = "DURATION", value_parser = positive_duration, conflicts_with = "count", allow_hyphen_values = true)]
    duration: Option<Duration>,
    /// How many requests per second, in total
    #[arg(short = 'q', value_name = "RATE", value_parser = rate, allow_hyphen_values = true)]
    rate: Option<f64>,
    /// How long a request may take, connecting included
    #[arg(short = 't', value_name = "DURATION", default_value = "10s", value_parser = positive_duration, allow_hyphen_values = true)]
    timeout: Duration,
    /// The method [default: GET, or POST with a body]
    #[arg(short = 'm', value_name = "METHOD")]
    method: Option<Method>,
    /// The body
    #[arg(short = 'd', value_name = "BODY")]
    body: Option<String>,
    /// The body's Content-Type
    #[arg(short = 'T', value_name = "TYPE")]
    content_type: Option<HeaderValue>,
    /// A field, such as 'Accept: text/plain'; may be given several times
    #[arg(short = 'H', value_name = "FIELD", value_parser = field)]
    fields: Vec<(HeaderName, HeaderValue)>,
    /// Post events of five users to /events, amounts 1 to 100
    #[arg(long, conflicts_with_all = ["body", "method", "content_type"])]
    event: bool,
    /// http://HOST:PORT/path, or HOST:PORT
    #[arg(value_name = "URL", default_value = "127.0.0.1:8080")]
    target: Target,
}

impl Load {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let addr = reach(&self.target, self.timeout).await?;
        let until = match (self.duration, self.count) {
            (Some(duration), _) => Until::Elapsed(duration),
            (None, count) => Until::Count(count.unwrap_or(200)),
        };
        let (target, method) = (self.endpoint(), self.method());
        let plan = Plan {
            addr,
            requests: self.requests(&target, &method)?,
            to_head: method == Method::HEAD,
            connections: self.connections,
            until,
            rate: self.rate,
            timeout: self.timeout,
        };
        let bar = bar(until)?;
        let ticking = bar.clone();
        let tally = load::run(plan, stop_signal()?, move |_| tick(&ticking, until)).await;
        bar.finish_and_clear();
        say(&report::summary(&tally, self.connections, &target.to_string()));
        Ok(ExitCode::SUCCESS)
    }

    /// Where the requests go.
    fn endpoint(&self) -> Target {
        let mut target = self.target.clone();
        if self.event && target.path == "/" {
            target.path = "/events".into();
        }
        target
    }

    fn method(&self) -> Method {
        let default = if self.body.is_some() || self.event { Method::POST } else { Method::GET };
        self.method.clone().unwrap_or(default)
    }

    /// The requests as bytes.
    fn requests(&self, target: &Target, method: &Method) -> anyhow::Result<Arc<[Vec<u8>]>> {
        let mut request = Request::new(method.clone(), target.path.parse().context("the path is none")?);
        request.headers.extend(self.fields.iter().map(|(name, value)| (Some(name.clone()), value.clone())));
        if let Some(content_type) = &self.content_type {
            request.headers.insert(header::CONTENT_TYPE, content_type.clone());
        }
        if self.event && !request.headers.contains_key(header::CONTENT_TYPE) {
            request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let encode = |body: Bytes| {
            let (mut request, mut bytes) = (request.clone(), Vec::new());
            request.body = body;
            encode_request(&request, &target.host, &mut bytes);
            bytes
        };
        Ok(if self.event {
            (0..100).map(|number| encode(event(number))).collect()
        } else {
            [encode(self.body.clone().map(Bytes::from).unwrap_or_default())].into()
        })
    }
}

/// The `number`th event: users in turn, amounts that go through 1 to 100 in no order that shows.
fn event(number: u64) -> Bytes {
    let user = ["alice", "bob", "carol", "dave", "erin"][number as usize % 5];
    format!(r#"{{"user":"{user}","amount":{}}}"#, number * 37 % 100 + 1).into()
}

fn bar(until: Until) -> anyhow::Result<ProgressBar> {
    let (length, template) = match until {
        Until::Count(count) => (count, "{bar:40} {pos} of {len} requests, {per_sec}, {elapsed}"),
        Until::Elapsed(duration) => (duration.as_millis() as u64, "{bar:40} {elapsed} of {msg}"),
    };
    let bar = ProgressBar::new(length).with_style(ProgressStyle::with_template(template)?);
    if let Until::Elapsed(duration) = until {
        bar.set_message(show(duration));
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    Ok(bar)
}

fn tick(bar: &ProgressBar, until: Until) {
    match until {
        Until::Count(_) => bar.inc(1),
        Until::Elapsed(_) => bar.set_position(bar.elapsed().as_millis() as u64),
    }
}

/// Hold connections that misbehave, and tell what the server did to each.
#[derive(Args)]
#[command(after_help = "\
Examples:
  client hold                          twenty silent connections to 127.0.0.1:8080, until Ctrl-C
  client hold -n 1000 -z 30s           a thousand, for thirty seconds
  client hold --as half-body           each has sent half a request

\"client\" stands for: cargo run -p client --")]
pub(crate) struct Hold {
    /// How they misbehave
    #[arg(long = "as", value_name = "MANNER", default_value = "silent")]
    manner: Manner,
    /// How many connections
    #[arg(short = 'n', value_name = "COUNT", default_value = "20", value_parser = connections(), allow_hyphen_values = true)]
    count: usize,
    /// For how long, such as 30s [default: until Ctrl-C]
    #[arg(short = 'z', value_name = "DURATION", value_parser = positive_duration, allow_hyphen_values = true)]
    duration: Option<Duration>,
    /// http://HOST:PORT, or HOST:PORT
    #[arg(value_name = "URL", default_value = "127.0.0.1:8080")]
    target: Target,
}

impl Hold {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let addr = reach(&self.target, Duration::from_secs(10)).await?;
        let interrupted = stop_signal()?;
        let duration = self.duration;
        let stop = async move {
            tokio::select! {
                () = interrupted => {}
                () = async { match duration {
                    Some(duration) => tokio::time::sleep(duration).await,
                    None => std::future::pending().await,
                } } => {}
            }
        };
        let open = Open::default();
        let spinner = ProgressBar::new_spinner();
        spinner.enable_steady_tick(Duration::from_millis(100));
        let show_open = async {
            loop {
                spinner.set_message(format!("{} of {} connections open; Ctrl-C to end", open.count(), self.count));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let fates = tokio::select! {
            fates = hold::hold(addr, self.count, self.manner, open.clone(), stop) => fates,
            () = show_open => Vec::new(), // never: it loops
        };
        spinner.finish_and_clear();
        say(&fates_in_words(&fates));
        Ok(ExitCode::SUCCESS)
    }
}

/// How many met each fate, and when.
fn fates_in_words(fates: &[Fate]) -> String {
    let mut kinds: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    for fate in fates {
        let times = kinds.entry(fate.to_string()).or_default();
        if let Fate::Answered(_, after) | Fate::Closed(after) = fate {
            times.push(*after);
        } else {
            times.push(Duration::MAX);
        }
    }
    let mut text = String::new();
    for (kind, times) in kinds {
        text += &format!("{:>7}  {kind}", times.len());
        match (times.iter().min(), times.iter().max()) {
            (Some(first), Some(last)) if *last < Duration::MAX => {
                text += &format!(", the first after {}, the last after {}", show(*first), show(*last));
            }
            _ => {}
        }
        text.push('\n');
    }
    text
}

/// Build and start all five stages, try every claim of the lessons on each, and show them side by side.
pub(crate) async fn compare() -> anyhow::Result<ExitCode> {
    let stopped = stop_signal()?;
    let matrix = tokio::select! {
        matrix = compare::compare(|line| eprintln!("{line}")) => matrix?,
        () = stopped => {
            eprintln!("stopped, and the servers with it"); // they go with what is dropped here
            return Ok(ExitCode::from(130));
        }
    };
    say(&format!("\n{}", table::table(&matrix)));
    Ok(if matrix.is_as_expected() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

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

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        _ => Err("a rate is a number of requests per second, from 0.001 to 1000000".into()),
    }
}

fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("a field reads 'Name: value'")?;
    let name = name.trim().parse().map_err(|_| "that is not a field name")?;
    if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::DATE].contains(&name) {
        return Err("how the body is framed is for the client to say".into());
    }
    Ok((name, value.trim().parse().map_err(|_| "a field's value is one line of text")?))
}
