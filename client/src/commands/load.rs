//! `client load`.

use super::{connections, positive_duration, reach, say, stop_signal};
use anyhow::Context;
use clap::Args;
use client::caller::show;
use client::load::{self, Plan, Until};
use client::report;
use client::target::Target;
use http1::{Bytes, HeaderName, HeaderValue, Method, Request, encode_request, header};
use indicatif::{ProgressBar, ProgressStyle};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

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
