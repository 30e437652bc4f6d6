//! The sentences of the lessons, each with a way to try it on a live server.
//!
//! A claim knows nothing of our servers but what HTTP shows: it can be tried on anyone's. Only an answer counts as
//! served; a completed connect proves nothing, since the kernel accepts on the server's behalf.

mod balances;
mod boundary;
mod framing;
mod garbage;
mod keeping;
mod list;
mod overload;
mod refusing;
mod ten;
mod waiting;
mod wire;

pub use garbage::{GARBAGE, Garbage};
pub use list::CLAIMS;

use http1::{ClientRequest, HeaderValue, Method, Uri, encode_request, header};
use probe::http_client::{Call, Caller, Outcome, get};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// One sentence, true of some servers.
#[derive(Debug)]
pub struct Claim {
    /// A word for it, for command lines and links.
    pub name: &'static str,
    /// The sentence.
    pub sentence: &'static str,
    /// The stages of which it is true. Of the others it must be false: their failure is their lesson.
    pub kept_by: &'static [u8],
    /// How long a trial may take before it counts as broken.
    pub deadline: Duration,
    /// Whether `compare` tries it on all five stages: those that a room should see.
    pub compared: bool,
    /// A command for a shell that repeats it by hand; `{addr}` stands for the server's HOST:PORT.
    pub by_hand: &'static str,
    attempt: for<'a> fn(&'a mut Trial) -> Attempt<'a>,
}

/// A trial on its way: the figure of a claim that is kept, or of one that is broken.
type Attempt<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// The claim of that name.
pub fn claim(name: &str) -> Option<&'static Claim> {
    CLAIMS.iter().find(|claim| claim.name == name)
}

impl Claim {
    /// Tries it on the server at `addr`. Takes at most its deadline.
    pub async fn try_on(&self, addr: SocketAddr) -> Finding {
        let mut trial = Trial {
            addr,
            began: Instant::now(),
            trace: Vec::new(),
            queue: Vec::new(),
            by_hand: None,
        };
        let (verdict, figure) = match timeout(self.deadline, (self.attempt)(&mut trial)).await {
            Ok(Ok(figure)) => (Verdict::Kept, figure),
            Ok(Err(figure)) => (Verdict::Broken, figure),
            Err(_) => (Verdict::Broken, format!("no end in {} s", self.deadline.as_secs())),
        };
        let Trial { mut trace, queue, by_hand, .. } = trial;
        trace.sort_by_key(|exchange| exchange.began);
        Finding { verdict, figure, trace, queue, by_hand }
    }

    /// The command that repeats it by hand on the server at `addr`.
    pub fn command(&self, addr: impl std::fmt::Display) -> String {
        self.by_hand.replace("{addr}", &addr.to_string())
    }

    /// The command that shows by hand what was found on the server at `addr`.
    pub fn command_for(&self, finding: &Finding, addr: impl std::fmt::Display) -> String {
        finding.by_hand.clone().unwrap_or_else(|| self.command(addr))
    }

    /// What must be found on a stage, 1 to 5.
    pub fn expected(&self, stage: u8) -> Verdict {
        if self.kept_by.contains(&stage) { Verdict::Kept } else { Verdict::Broken }
    }
}

/// Whether a claim is true of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Kept,
    /// It is not.
    Broken,
}

/// What a trial found.
#[derive(Debug)]
pub struct Finding {
    /// Kept or broken.
    pub verdict: Verdict,
    /// The figure behind it, in a few words.
    pub figure: String,
    /// Every request of the trial, in the order in which they began.
    pub trace: Vec<Exchange>,
    /// What the server said of its queue meanwhile; empty where it says nothing of one.
    pub queue: Vec<Depth>,
    /// A command for a shell that shows what was found, where the claim's own shows something else.
    pub by_hand: Option<String>,
}

/// What a server said of its queue (`GET /stats`) at one moment of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// When, counted from the trial's start.
    pub at: Duration,
    /// How many may wait.
    pub capacity: u64,
    /// How many waited.
    pub queued: u64,
    /// How many were taken since the trial's start.
    pub taken: u64,
    /// How many of those were done.
    pub done: u64,
}

/// One request of a trial; times count from the trial's start.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What it was.
    pub what: &'static str,
    /// When it began.
    pub began: Duration,
    /// When its connection stood; `None` if it never did.
    pub connected: Option<Duration>,
    /// When it was answered, or given up.
    pub ended: Duration,
    /// What came of it; `None` for a connection that only misbehaved.
    pub outcome: Option<Outcome>,
}

impl Exchange {
    /// From its beginning to its end.
    pub fn took(&self) -> Duration {
        self.ended.saturating_sub(self.began)
    }
}

/// A claim being tried.
#[derive(Debug)]
struct Trial {
    addr: SocketAddr,
    began: Instant,
    trace: Vec<Exchange>,
    queue: Vec<Depth>,
    by_hand: Option<String>,
}

impl Trial {
    /// Sends a request and records what comes of it.
    async fn call(
        &mut self,
        what: &'static str,
        caller: &mut Caller,
        request: &[u8],
        patience: Duration,
    ) -> Call {
        let began = Instant::now();
        let call = caller.call(request, false, began + patience).await;
        self.record(what, began, call.connected, call.ended, Some(call.outcome));
        call
    }

    /// An honest request, on a connection of its own: any answer will do.
    async fn probe(&mut self, patience: Duration) -> Call {
        self.call("honest request", &mut Caller::new(self.addr), &get(self.addr, "/"), patience)
            .await
    }

    fn record(
        &mut self,
        what: &'static str,
        began: Instant,
        connected: Option<Instant>,
        ended: Instant,
        outcome: Option<Outcome>,
    ) {
        let since = |instant: Instant| instant.saturating_duration_since(self.began);
        let (began, connected, ended) = (since(began), connected.map(since), since(ended));
        self.trace.push(Exchange { what, began, connected, ended, outcome });
    }
}

/// The bytes of a request that posts `body` as an event.
fn post_event(addr: SocketAddr, content_type: &'static str, body: &[u8]) -> Vec<u8> {
    let mut request = ClientRequest::new(Method::POST, Uri::from_static("/events"));
    request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    request.body = body.to_vec().into();
    let mut bytes = Vec::new();
    encode_request(&request, &addr.to_string(), &mut bytes);
    bytes
}

/// A user whom nobody else has: what a trial finds is its own.
fn fresh_user() -> String {
    format!("check-{:016x}", RandomState::new().build_hasher().finish())
}

/// An event as JSON. The user stands last: an answer that names it has come of the whole of it.
fn event(user: &str, amount: i64) -> String {
    format!(r#"{{"amount": {amount}, "user": "{user}"}}"#)
}

/// What came instead of the answer that was wanted, in a few words.
fn instead(outcome: Outcome, patience: Duration) -> String {
    match outcome {
        Outcome::Served(status) | Outcome::Rejected(status) => format!("answered {status}"),
        Outcome::Refused(_) => "answered 503 Service Unavailable".into(),
        Outcome::TimedOut => format!("no answer in {} s", patience.as_secs()),
        Outcome::Failed(failure) => failure.to_string(),
    }
}

/// Of so many cases all, or the first of those that went another way.
fn all_of(cases: usize, wrong: &[String], done: &str) -> Result<String, String> {
    const NAMED: usize = 3;
    if wrong.is_empty() {
        return Ok(format!("{cases} of {cases} {done}"));
    }
    let mut named = wrong.iter().take(NAMED).cloned().collect::<Vec<_>>();
    if wrong.len() > NAMED {
        named.push(format!("{} more", wrong.len() - NAMED));
    }
    Err(format!("{} of {cases} {done}; not {}", cases - wrong.len(), named.join(", nor ")))
}
