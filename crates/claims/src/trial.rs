//! A trial in progress: the requests that it sends, and their trace.

use crate::books::Books;
use crate::evidence::Evidence;
use probe::http_client::{Call, Failure, Outcome, ResponseClient, get};
use probe::started::Started;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

/// A server's queue (`GET /stats`) at one moment of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSample {
    /// When, counted from the trial's start.
    pub at: Duration,
    /// How many events may wait.
    pub capacity: u64,
    /// How many were waiting.
    pub queued: u64,
    /// How many were accepted since the trial's start.
    pub accepted: u64,
    /// How many of those were done.
    pub done: u64,
}

/// One request of a trial; times count from the trial's start.
#[derive(Clone, Debug)]
pub struct TracedRequest {
    /// A label, such as "normal request".
    pub what: &'static str,
    /// When it began.
    pub began: Duration,
    /// When its connection was open; `None` if it never was.
    pub connected: Option<Duration>,
    /// When the response was complete, or the request was abandoned.
    pub ended: Duration,
    /// Its outcome; `None` for a connection that only misbehaved.
    pub outcome: Option<Outcome>,
}

impl TracedRequest {
    /// The time from its beginning to its end.
    pub fn took(&self) -> Duration {
        self.ended.saturating_sub(self.began)
    }
}

/// The descriptors that this process has open beside a trial's connections.
const OWN_DESCRIPTORS: u64 = 32;

/// A claim being tried.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) addr: SocketAddr,
    pub(crate) began: Instant,
    pub(crate) trace: Vec<TracedRequest>,
    pub(crate) queue: Vec<QueueSample>,
    pub(crate) by_hand: Option<String>,
    /// Whether nothing can be said about the claim, unless it is kept.
    pub(crate) cannot_tell: bool,
    /// What the server owes for all accepted events of this check.
    pub(crate) books: Books,
    pub(crate) evidence: Evidence,
    /// The server's process, if it was started for this check.
    pub(crate) server: Option<Started>,
}

impl Trial {
    /// A trial that begins now.
    pub(crate) fn new(addr: SocketAddr, books: Books, server: Option<Started>) -> Self {
        let began = Instant::now();
        Self {
            addr,
            began,
            evidence: Evidence::new(began),
            trace: Vec::new(),
            queue: Vec::new(),
            by_hand: None,
            cannot_tell: false,
            books,
            server,
        }
    }

    /// Makes the verdict unknown, for this reason.
    pub(crate) fn cannot_tell(&mut self, why: String) -> String {
        self.cannot_tell = true;
        why
    }

    /// The figure of a failure. If it is the client's own, the verdict is unknown.
    pub(crate) fn failed(&mut self, failure: Failure) -> String {
        self.cannot_tell |= failure == Failure::Exhausted;
        failure.to_string()
    }

    /// Raises this process's limit of descriptors; if it is lower than that and stays so, the verdict is unknown.
    pub(crate) fn needs_descriptors(&mut self, count: u64) -> Result<(), String> {
        let wanted = count + OWN_DESCRIPTORS;
        match rlimit::increase_nofile_limit(wanted) {
            Ok(limit) if limit >= wanted => Ok(()),
            Ok(limit) => Err(self.cannot_tell(format!(
                "this needs {wanted} descriptors, and ulimit -Hn allows {limit}"
            ))),
            Err(error) => Err(self.cannot_tell(format!("the limit of descriptors: {error}"))),
        }
    }

    /// Sends a request and records its outcome.
    pub(crate) async fn call(
        &mut self,
        what: &'static str,
        client: &mut ResponseClient,
        request: &[u8],
        patience: Duration,
    ) -> Call {
        let began = Instant::now();
        let call = client.call(request, false, began + patience).await;
        self.record_call(what, began, request, &call, patience);
        call
    }

    /// Records a call that was made without [`call`](Self::call).
    pub(crate) fn record_call(
        &mut self,
        what: &'static str,
        began: Instant,
        request: &[u8],
        call: &Call,
        patience: Duration,
    ) {
        let connection = self.evidence.connection();
        self.evidence.sent_at(began, connection, request);
        match &call.response {
            Some(response) => self.evidence.received(call.ended, connection, response),
            None => {
                self.evidence.note(call.ended, connection, &instead(call.outcome, patience));
            }
        }
        self.record(what, began, call.connected, call.ended, Some(call.outcome));
    }

    /// A normal request on a new connection: any response will do.
    pub(crate) async fn send_normal_request(&mut self, patience: Duration) -> Call {
        self.call(
            "normal request",
            &mut ResponseClient::new(self.addr),
            &get(self.addr, "/"),
            patience,
        )
        .await
    }

    pub(crate) fn record(
        &mut self,
        what: &'static str,
        began: Instant,
        connected: Option<Instant>,
        ended: Instant,
        outcome: Option<Outcome>,
    ) {
        self.cannot_tell |= outcome == Some(Outcome::Failed(Failure::Exhausted));
        let since = |instant: Instant| instant.saturating_duration_since(self.began);
        let (began, connected, ended) = (since(began), connected.map(since), since(ended));
        self.trace.push(TracedRequest { what, began, connected, ended, outcome });
    }
}

/// What happened instead of the expected response, in a few words.
pub(crate) fn instead(outcome: Outcome, patience: Duration) -> String {
    match outcome {
        Outcome::Served(status) | Outcome::Rejected(status) => format!("answered {status}"),
        Outcome::Shed(_) => "answered 503 Service Unavailable".into(),
        Outcome::TimedOut => format!("no response in {} s", patience.as_secs()),
        Outcome::Failed(failure) => failure.to_string(),
    }
}

/// The figure of a number of cases: either all are `done`, or the exceptions are named.
pub(crate) fn all_of(cases: usize, wrong: &[String], done: &str) -> Result<String, String> {
    const NAMED: usize = 3;
    if wrong.is_empty() {
        return Ok(format!("{cases} of {cases} {done}"));
    }
    let mut named = wrong.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if wrong.len() > NAMED {
        named += &format!(" and {} more", wrong.len() - NAMED);
    }
    Err(format!("{} of {cases} {done}; exceptions: {named}", cases - wrong.len()))
}
