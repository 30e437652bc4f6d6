//! `client load`.

mod against;
mod options;
#[cfg(test)]
mod pairs;
mod pause;
mod progress;

use super::print::{complain, say};
use super::reach::{NO_CONNECTION, complain_of_no_server, resolve};
use super::signals::Signals;
use anyhow::Context;
use clap::error::ErrorKind;
use http1::{Bytes, ClientRequest, HeaderValue, Method, encode_request, header};
use indicatif::ProgressBar;
use load::{
    Balances, Events, LoadStats, Plan, Ramp, Report, Retries, Retry, Shape, Until, diagnose,
};
pub(crate) use options::Load;
use options::Rate;
use pause::RunPause;
use probe::addresses::Addresses;
use probe::target::Target;
use progress::ProgressBars;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// How many of the requests that differ a report can go back to.
const SEED: u64 = 1 << 32;

impl Load {
    pub(crate) async fn run(mut self) -> anyhow::Result<ExitCode> {
        if let (Some(Rate::Rising { .. }), None) = (self.rate, self.duration) {
            let what = "-q: a rate that rises needs -z, over which it does\n";
            return Err(clap::Error::raw(ErrorKind::MissingRequiredArgument, what).into());
        }
        let started = self.start.server_without_log().await?;
        match &started {
            Some(started) => self.target.host = started.server.addr().to_string(),
            None if self.start.is_given() => return Ok(NO_CONNECTION.into()),
            None => {}
        }
        let paused = started.as_ref().and_then(|started| started.server.paused()).or(self.pid);
        let pause = match self.pause.map(|plan| (plan, paused)) {
            None => None,
            Some((plan, Some(paused))) => Some(RunPause::new(plan, paused).context("--pause")?),
            Some((_, None)) => {
                anyhow::bail!("--pause: this system cannot stop what --start started")
            }
        };
        let done = self.load(pause).await;
        if let Some(started) = started {
            started.end().await;
        }
        done
    }

    async fn load(self, mut pause: Option<RunPause>) -> anyhow::Result<ExitCode> {
        if self.no_color {
            console::set_colors_enabled(false);
        }
        if let Some(note) = self.note_on_the_body() {
            complain(&note);
        }
        let Some(server) = resolve(&self.target).await else { return Ok(NO_CONNECTION.into()) };
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..SEED));
        let events = self.event.then(|| Events::random(seed));
        let before = match self.verify {
            false => None,
            true => match balances(&server).await {
                Ok(balances) => Some(balances),
                Err(why) if server.reached().is_none() => {
                    complain(&format!("error: {}: {why}", self.target.host));
                    return Ok(NO_CONNECTION.into());
                }
                Err(why) => anyhow::bail!("--verify: {why}"),
            },
        };
        let (target, method) = (self.endpoint(), self.method());
        let plan =
            self.plan(server.clone(), seed, self.requests(&target, &method, events.as_ref())?);
        let (shape, keep_alive) = (plan.shape, plan.keep_alive);
        let bars = ProgressBars::new(plan.until)?;
        let mut signals = Signals::new()?;
        let stop = async { _ = signals.next().await };
        let run = load::run(plan, stop, |progress| {
            bars.show(progress);
            if let Some(pause) = &mut pause {
                pause.tick(progress.elapsed);
            }
        })
        .await;
        bars.clear();
        let stats = match run {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                complain_of_no_server(&self.target);
                return Ok(NO_CONNECTION.into());
            }
            stats => stats?,
        };
        let pause = pause.map(|pause| pause.end(stats.elapsed));
        if stats.never_connected() {
            for failure in stats.failed.kinds.keys() {
                complain(&format!("error: {}: {failure}", self.target.host));
            }
        }
        let reconciliation = match before.zip(events) {
            None => None,
            Some((before, events)) => {
                let after = tokio::select! {
                    after = balances(&server) => after,
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
            timeline: self.timeline,
            pause: pause.and_then(Result::ok),
            diagnoses: diagnose(&stats, shape, keep_alive)
                .into_iter()
                .chain(self.note_on_events(&stats))
                .chain(pause.and_then(Result::err).map(String::from))
                .collect(),
            assertions: self
                .expectations
                .iter()
                .map(|expectation| expectation.judge(&stats))
                .collect(),
            reconciliation,
            stats,
        };
        say(&if self.json { format!("{:#}\n", report.json()) } else { report.to_string() });
        if !self.against.is_empty() {
            say(&against::table(&self.against, &report.json()));
        }
        Ok(if report.stats.never_connected() {
            NO_CONNECTION.into()
        } else if report.is_as_expected() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// Whether the body is the name of a file, as it would be for curl.
    fn note_on_the_body(&self) -> Option<String> {
        let file = self.body.as_deref()?.strip_prefix('@')?;
        Path::new(file).is_file().then(|| {
            format!("note: -d sends these characters, \"@{file}\"; -D {file} sends the file")
        })
    }

    /// Whether the server wants events, and got other requests.
    fn note_on_events(&self, stats: &LoadStats) -> Option<String> {
        let detail = stats.only_error()?.detail.as_deref()?;
        let wants_events = !self.event && self.target.path == "/" && detail.contains("/events");
        wants_events.then(|| "--event posts events to /events".into())
    }

    fn plan(&self, addresses: Addresses, seed: u64, requests: Arc<[Vec<u8>]>) -> Plan {
        let until = match (self.duration, self.count) {
            (Some(duration), _) => Until::Elapsed(duration),
            (None, count) => Until::Count(count.unwrap_or(200)),
        };
        Plan {
            addresses,
            distinct_requests: if self.verify { requests.len() } else { 0 },
            requests,
            keys: self.keys.then(|| format!("{:016x}", fastrand::u64(..))), // new ones in each run
            to_head: self.method() == Method::HEAD,
            connections: self.connections,
            shape: match self.rate {
                Some(Rate::Constant(rate)) => Shape::Rate(rate),
                Some(Rate::Rising { from, to }) => {
                    Shape::Ramp(Ramp { from, to, over: self.duration.unwrap_or_default() })
                }
                None if self.burst => Shape::Burst,
                None => Shape::ClosedLoop,
            },
            until,
            timeout: self.timeout,
            keep_alive: !self.disable_keepalive,
            retries: Retries {
                shed: self.retry.then_some(Retry { jitter: !self.no_jitter, seed }),
                timed_out: self.retry_timeouts.unwrap_or(0),
                budget: self.retry_budget,
            },
            watch_queue: self.timeline,
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
        for (name, value) in &self.fields {
            request.headers.append(name, value.clone());
        }
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
async fn balances(server: &Addresses) -> Result<Balances, String> {
    let waiting = ProgressBar::new_spinner();
    let balances = Balances::ask(server.clone(), |left| {
        waiting.set_message(format!("the server has {left} events to do"))
    })
    .await;
    waiting.finish_and_clear();
    balances
}
