//! `client load`.

use super::arguments::{connections, count, positive_duration};
use super::live::Live;
use super::print::{complain, say};
use super::reach::{NO_CONNECTION, resolve};
use super::signals::Signals;
use anyhow::Context;
use clap::Args;
use http1::{Bytes, ClientRequest, HeaderName, HeaderValue, Method, encode_request, header};
use indicatif::ProgressBar;
use load::{Balances, Events, Expectation, Plan, Report, Retry, Shape, Until, diagnose};
use probe::number::number;
use probe::target::Target;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Send requests, and report what was served, shed, rejected, timed out or failed
#[derive(Args)]
#[command(after_help = "\
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
    count: Option<u64>,
    /// How many connections, at most
    #[arg(short = 'c', value_name = "COUNT", default_value = "50", value_parser = connections, allow_hyphen_values = true)]
    connections: usize,
    /// For how long, such as 10s, instead of a count
    #[arg(short = 'z', value_name = "DURATION", value_parser = positive_duration, conflicts_with = "count", allow_hyphen_values = true)]
    duration: Option<Duration>,
    /// How many requests per second, in total
    #[arg(short = 'q', value_name = "RATE", value_parser = rate, allow_hyphen_values = true)]
    rate: Option<f64>,
    /// Make all requests due at once, when every connection is open
    #[arg(long, conflicts_with_all = ["rate", "duration"])]
    burst: bool,
    /// How long a request may take, connecting included
    #[arg(short = 't', value_name = "DURATION", default_value = "10s", value_parser = positive_duration, allow_hyphen_values = true)]
    timeout: Duration,
    /// The method [default: GET, or POST with a body]
    #[arg(short = 'm', value_name = "METHOD")]
    method: Option<Method>,
    /// The body
    #[arg(short = 'd', value_name = "BODY")]
    body: Option<String>,
    /// A file with the body
    #[arg(short = 'D', value_name = "FILE", value_parser = file, conflicts_with = "body")]
    file: Option<Bytes>,
    /// The body's Content-Type
    #[arg(short = 'T', value_name = "TYPE")]
    content_type: Option<HeaderValue>,
    /// A header field, such as 'Accept: text/plain'; may be repeated
    #[arg(short = 'H', value_name = "FIELD", value_parser = field)]
    fields: Vec<(HeaderName, HeaderValue)>,
    /// A new connection for each request
    #[arg(long)]
    disable_keepalive: bool,
    /// Post events of fifty random users to /events, amounts 1 to 100
    #[arg(long, conflicts_with_all = ["body", "file", "method", "content_type"])]
    event: bool,
    /// Ask the server afterwards whether it applied what it acknowledged; no other client may send
    /// meanwhile
    #[arg(long, requires = "event")]
    verify: bool,
    /// Send a request that got 503 again, not before its Retry-After, and later each time; its
    /// latency goes on counting
    #[arg(long)]
    retry: bool,
    /// Send it again exactly then, like all the others: a retry burst
    #[arg(long, requires = "retry")]
    no_jitter: bool,
    /// The seed of the random users, amounts and waits [default: a new one each time]
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    seed: Option<u64>,
    /// What the run must show, such as 'served.p99<200ms' or failed=0; may be repeated
    #[arg(long = "expect", value_name = "EXPECTATION")]
    expectations: Vec<Expectation>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// No colours, as with NO_COLOR
    #[arg(long)]
    no_color: bool,
    /// http://HOST:PORT/path, or HOST:PORT
    #[arg(value_name = "URL", default_value = "127.0.0.1:8080")]
    target: Target,
}

/// How many of the requests that differ a report can go back to.
const SEED: u64 = 1 << 32;

impl Load {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        if self.no_color {
            console::set_colors_enabled(false);
        }
        let Some(addr) = resolve(&self.target).await else { return Ok(NO_CONNECTION.into()) };
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..SEED));
        let events = self.event.then(|| Events::random(seed));
        let before = match self.verify {
            false => None,
            true => match balances(addr).await {
                Ok(balances) => Some(balances),
                Err(why) => anyhow::bail!("--verify: {why}"),
            },
        };
        let (target, method) = (self.endpoint(), self.method());
        let plan = self.plan(addr, seed, self.requests(&target, &method, events.as_ref())?);
        let (shape, keep_alive) = (plan.shape, plan.keep_alive);
        let live = Live::new(plan.until)?;
        let mut signals = Signals::new()?;
        let stop = async { _ = signals.next().await };
        let stats = load::run(plan, stop, |progress| live.show(progress)).await?;
        live.clear();
        if stats.never_connected() {
            for failure in stats.failed.kinds.keys() {
                complain(&format!("error: {}: {failure}", self.target.host));
            }
        }
        let reconciliation = match before.zip(events) {
            None => None,
            Some((before, events)) => {
                let after = tokio::select! {
                    after = balances(addr) => after,
                    _ = signals.next() => Err("you did not wait until the server had done what it took".into()),
                };
                Some(after.map(|after| {
                    Balances::agree(&before, &after, &events, &stats.acknowledged, &stats.unknown)
                }))
            }
        };
        let report = Report {
            target: target.to_string(),
            method: method.to_string(),
            shape,
            seed: (self.event || self.retry).then_some(seed),
            diagnoses: diagnose(&stats, shape, keep_alive),
            assertions: self
                .expectations
                .iter()
                .map(|expectation| expectation.judge(&stats))
                .collect(),
            reconciliation,
            stats,
        };
        say(&if self.json { format!("{:#}\n", report.json()) } else { report.to_string() });
        Ok(if report.stats.never_connected() {
            NO_CONNECTION.into()
        } else if report.is_as_expected() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn plan(&self, addr: SocketAddr, seed: u64, requests: Arc<[Vec<u8>]>) -> Plan {
        let until = match (self.duration, self.count) {
            (Some(duration), _) => Until::Elapsed(duration),
            (None, count) => Until::Count(count.unwrap_or(200)),
        };
        Plan {
            addr,
            distinct_requests: if self.verify { requests.len() } else { 0 },
            requests,
            to_head: self.method() == Method::HEAD,
            connections: self.connections,
            shape: match self.rate {
                Some(rate) => Shape::Rate(rate),
                None if self.burst => Shape::Burst,
                None => Shape::ClosedLoop,
            },
            until,
            timeout: self.timeout,
            keep_alive: !self.disable_keepalive,
            retry: self.retry.then_some(Retry { jitter: !self.no_jitter, seed }),
        }
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
        let has_body = self.body.is_some() || self.file.is_some() || self.event;
        self.method.clone().unwrap_or(if has_body { Method::POST } else { Method::GET })
    }

    /// The requests as bytes.
    fn requests(
        &self,
        target: &Target,
        method: &Method,
        events: Option<&Events>,
    ) -> anyhow::Result<Arc<[Vec<u8>]>> {
        let mut request =
            ClientRequest::new(method.clone(), target.path.parse().context("the path is none")?);
        request
            .headers
            .extend(self.fields.iter().map(|(name, value)| (Some(name.clone()), value.clone())));
        if let Some(content_type) = &self.content_type {
            request.headers.insert(header::CONTENT_TYPE, content_type.clone());
        }
        if self.event && !request.headers.contains_key(header::CONTENT_TYPE) {
            request
                .headers
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if self.disable_keepalive {
            request.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let encode = |body: Bytes| {
            let (mut request, mut bytes) = (request.clone(), Vec::new());
            request.body = body;
            encode_request(&request, &target.host, &mut bytes);
            bytes
        };
        Ok(match (events, &self.file, &self.body) {
            (Some(events), ..) => events.bodies().map(encode).collect(),
            (None, Some(file), _) => [encode(file.clone())].into(),
            (None, None, body) => {
                [encode(body.clone().map(Bytes::from).unwrap_or_default())].into()
            }
        })
    }
}

/// What the server says of its balances, once it has done all that it took.
async fn balances(addr: SocketAddr) -> Result<Balances, String> {
    let waiting = ProgressBar::new_spinner();
    let balances = Balances::ask(addr, |left| {
        waiting.set_message(format!("the server has {left} events to do"))
    })
    .await;
    waiting.finish_and_clear();
    balances
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = number(text).filter(|rate| (0.001..=1e6).contains(rate));
    rate.ok_or_else(|| "a rate is a number of requests per second, from 0.001 to 1M".into())
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
