//! `client hold --probe`: a normal request every second beside the held connections, and a verdict.

use super::{Hold, describe};
use crate::commands::print::say;
use crate::commands::reach::{NO_CONNECTION, complain_of_no_server};
use anyhow::{anyhow, bail};
use clap::ValueEnum;
use probe::addresses::Addresses;
use probe::duration::show;
use probe::hold::{self, HeldOutcome, Misbehaviour, OpenConnections};
use probe::http_client::{Call, Failure, Outcome, ResponseClient, get};
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// From one normal request to the next, unless a response takes longer.
const INTERVAL: Duration = Duration::from_secs(1);

/// A normal request without a response for so long shows a frozen server.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a server may take to serve again when the connections are closed.
const RECOVERY: Duration = Duration::from_secs(10);

/// The first normal request waits until no further connection has opened for so long.
const OPENING: Duration = Duration::from_secs(1);

/// What the held connections did to a normal client; the scripts' words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Verdict {
    /// A normal request got no response
    Frozen,
    /// All did, beside silent connections
    Served,
    /// All did, and the server keeps the incomplete requests open
    Held,
    /// All did, and the server has closed the incomplete requests
    Closed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frozen => "frozen",
            Self::Served => "served",
            Self::Held => "held",
            Self::Closed => "closed",
        })
    }
}

impl Verdict {
    /// Whether connections of this kind can lead to it.
    pub(super) fn is_possible(self, misbehaviour: Misbehaviour) -> bool {
        match self {
            Self::Frozen => true,
            Self::Served => misbehaviour == Misbehaviour::Silent,
            Self::Held | Self::Closed => misbehaviour != Misbehaviour::Silent,
        }
    }
}

/// The normal requests so far, and how many connections were open beside them.
struct Tally {
    requests: usize,
    answered: usize,
    fewest: usize,
    most: usize,
}

impl Tally {
    fn verdict(&self, misbehaviour: Misbehaviour, outcomes: &[HeldOutcome]) -> Option<Verdict> {
        let is_silent = misbehaviour == Misbehaviour::Silent;
        let mut opened = outcomes
            .iter()
            .filter(|outcome| !matches!(outcome, HeldOutcome::NotOpened(_)))
            .peekable();
        if self.answered < self.requests {
            Some(Verdict::Frozen)
        } else if opened.peek().is_none() {
            None
        } else if !is_silent && opened.all(|outcome| *outcome != HeldOutcome::StillOpen) {
            Some(Verdict::Closed)
        } else if self.most == 0 {
            None // every one was closed before the first request
        } else {
            Some(if is_silent { Verdict::Served } else { Verdict::Held })
        }
    }

    fn describe(&self, misbehaviour: Misbehaviour) -> String {
        let Self { requests, answered, fewest, most } = self;
        let requests = if answered == requests {
            format!("{answered} of {requests} requests answered")
        } else {
            format!("no response to {} of {requests} requests", requests - answered)
        };
        let range = if fewest == most { most.to_string() } else { format!("{fewest} to {most}") };
        let noun = noun(misbehaviour);
        let noun = if range == "1" { noun.trim_end_matches('s') } else { noun };
        format!("{requests} with {range} {noun} open")
    }
}

impl Hold {
    /// Holds the connections and sends normal requests, until the server has closed all of them,
    /// the time is over, or `interrupted` ends.
    pub(super) async fn hold_and_probe(
        &self,
        server: Addresses,
        interrupted: impl Future<Output = ()>,
    ) -> anyhow::Result<ExitCode> {
        let host = &self.target.host;
        let (first, summary) = send_request(&server, PATIENCE).await;
        match first {
            Outcome::Failed(Failure::NotListening) => {
                complain_of_no_server(&self.target);
                return Ok(NO_CONNECTION.into());
            }
            first if !first.is_answer() => {
                bail!("{host}: {summary}, before any connection was held: restart the server");
            }
            _ => {}
        }
        let mut tally = Tally { requests: 0, answered: 0, fewest: self.count, most: 0 };
        let (open, stop) = (OpenConnections::default(), CancellationToken::new());
        let all_closed = CancellationToken::new();
        let hold = async {
            let stopped = stop.cancelled();
            let outcomes =
                hold::hold(server.clone(), self.count, self.misbehaviour, open.clone(), stopped);
            let outcomes = outcomes.await;
            all_closed.cancel();
            outcomes
        };
        let probe = async {
            let probed = tokio::select! {
                biased;
                () = interrupted => Ok(()),
                probed = self.send_requests(&server, &open, &all_closed, &mut tally) => probed,
            };
            stop.cancel();
            probed
        };
        let (outcomes, probed) = tokio::join!(hold, probe);
        probed?;
        let Ok(outcomes) = outcomes else {
            complain_of_no_server(&self.target);
            return Ok(NO_CONNECTION.into());
        };
        if tally.requests == 0 {
            say("interrupted\n");
            return Ok(130.into());
        }
        say(&describe(&outcomes));
        let (last, summary) = send_request(&server, RECOVERY).await;
        if last == Outcome::Failed(Failure::NotListening) {
            return Err(server_gone(host)); // it closed them by ending
        }
        say(&format!("{} closed; normal request: {summary}\n", noun(self.misbehaviour)));
        let verdict = tally.verdict(self.misbehaviour, &outcomes);
        let name = verdict.map_or("none".into(), |verdict| verdict.to_string());
        let tally = tally.describe(self.misbehaviour);
        let summary = summary.split(" (").next().unwrap_or_default(); // the status stands above
        say(&format!("verdict: {name} ({tally}; after closing: {summary})\n"));
        Ok(if self.expect.is_some() && self.expect != verdict {
            ExitCode::FAILURE
        } else if outcomes.iter().all(|outcome| matches!(outcome, HeldOutcome::NotOpened(_))) {
            NO_CONNECTION.into()
        } else {
            ExitCode::SUCCESS
        })
    }

    async fn send_requests(
        &self,
        server: &Addresses,
        open: &OpenConnections,
        all_closed: &CancellationToken,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let (host, count, noun) = (&self.target.host, self.count, noun(self.misbehaviour));
        wait_until_open(open, count, all_closed).await;
        let opened = open.count();
        say(&format!("opened {opened} of {count} {noun} to {host}; Ctrl-C closes them\n"));
        let end = self.duration.map(|duration| Instant::now() + duration);
        loop {
            let next = Instant::now() + INTERVAL;
            let (outcome, summary) = send_request(server, PATIENCE).await;
            if outcome == Outcome::Failed(Failure::NotListening) {
                return Err(server_gone(host));
            }
            let open = open.count();
            tally.requests += 1;
            tally.answered += usize::from(outcome.is_answer());
            (tally.fewest, tally.most) = (tally.fewest.min(open), tally.most.max(open));
            let frozen = if outcome == Outcome::TimedOut { ": frozen" } else { "" };
            say(&format!("{open} of {count} {noun} open; normal request: {summary}{frozen}\n"));
            tokio::select! {
                () = sleep_until(end.map_or(next, |end| end.min(next))) => {}
                () = all_closed.cancelled() => {}
            }
            if all_closed.is_cancelled() || end.is_some_and(|end| Instant::now() >= end) {
                return Ok(());
            }
        }
    }
}

fn server_gone(host: &str) -> anyhow::Error {
    anyhow!("{host} refuses connections now: did the server end?")
}

/// Until all are open, or no further one has opened for a while: the backlog may be full.
async fn wait_until_open(open: &OpenConnections, count: usize, all_closed: &CancellationToken) {
    let (mut most, mut since) = (0, Instant::now());
    while open.count() < count && since.elapsed() < OPENING && !all_closed.is_cancelled() {
        if open.count() > most {
            (most, since) = (open.count(), Instant::now());
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// A normal request over a new connection; its outcome, also in words.
async fn send_request(server: &Addresses, patience: Duration) -> (Outcome, String) {
    let mut client = ResponseClient::new(server.clone());
    let (request, began) = (get(server.preferred(), "/"), Instant::now());
    let Call { mut outcome, ended, response, .. } =
        client.call(&request, false, began + patience).await;
    // a server that ends resets what it has accepted; only then does it refuse connections
    if matches!(outcome, Outcome::Failed(_)) {
        let mut next = ResponseClient::new(server.clone());
        if let Ok(Err(Failure::NotListening)) = timeout(patience, next.connect()).await {
            outcome = Outcome::Failed(Failure::NotListening);
        }
    }
    let summary = match (outcome, response) {
        (Outcome::Failed(failure), _) => failure.to_string(),
        (_, Some(response)) => {
            format!("answered in {} ({})", show(ended - began), response.status().as_u16())
        }
        _ => format!("no response in {} s", patience.as_secs()),
    };
    (outcome, summary)
}

fn noun(misbehaviour: Misbehaviour) -> &'static str {
    match misbehaviour {
        Misbehaviour::Silent => "silent connections",
        Misbehaviour::HalfHead | Misbehaviour::HalfBody => "incomplete requests",
        Misbehaviour::Drip => "slow requests",
    }
}
