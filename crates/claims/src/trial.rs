//! A trial in progress: the requests that it sends, and their trace.

use probe::http_client::{Call, Outcome, ResponseClient, get};
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

/// A claim being tried.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) addr: SocketAddr,
    pub(crate) began: Instant,
    pub(crate) trace: Vec<TracedRequest>,
    pub(crate) queue: Vec<QueueSample>,
    pub(crate) by_hand: Option<String>,
}

impl Trial {
    /// A trial that begins now.
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, began: Instant::now(), trace: Vec::new(), queue: Vec::new(), by_hand: None }
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
        self.record(what, began, call.connected, call.ended, Some(call.outcome));
        call
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
