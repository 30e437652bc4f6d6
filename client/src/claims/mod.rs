//! The sentences of the lessons, each with a way to try it on a live server.
//!
//! A claim knows nothing of our servers but what HTTP shows: it can be tried on anyone's. Only an answer counts as
//! served; a completed connect proves nothing, since the kernel accepts on the server's behalf.

mod events;
mod garbage;
mod waiting;

pub use garbage::{GARBAGE, Garbage};

use crate::caller::{Call, Caller, Failure, Outcome};
use crate::hold::Manner;
use http1::{HeaderValue, Method, Request, encode_request, header};
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
    attempt: fn(Trial) -> Attempt,
}

type Attempt = Pin<Box<dyn Future<Output = Finding> + Send>>;

/// All claims, in the order in which they are best tried: the last ones leave a slow server with work to do.
pub const CLAIMS: &[Claim] = &[
    Claim {
        name: "silent",
        sentence: "one silent client stops nobody",
        kept_by: &[2, 3, 4, 5],
        deadline: Duration::from_secs(30),
        compared: true,
        by_hand: "scripts/flood.sh -n 1 -t 3 {addr}",
        attempt: |trial| Box::pin(waiting::stops_nobody(trial, Manner::Silent)),
    },
    Claim {
        name: "half",
        sentence: "half a request stops nobody",
        kept_by: &[2, 3, 4, 5],
        deadline: Duration::from_secs(30),
        compared: true,
        by_hand: "cargo run -p client -- hold --as half-head -n 1 -z 5s {addr} & sleep 1; curl -i -m 2 http://{addr}/",
        attempt: |trial| Box::pin(waiting::stops_nobody(trial, Manner::HalfHead)),
    },
    Claim {
        name: "garbage",
        sentence: "twelve kinds of garbage are refused, each with a 4xx",
        kept_by: &[3, 4, 5],
        deadline: Duration::from_secs(30),
        compared: true,
        by_hand: "curl -i -d '[\"alice\", 5]' -H 'content-type: application/json' http://{addr}/events",
        attempt: |trial| Box::pin(garbage::is_refused(trial)),
    },
    Claim {
        name: "ten",
        sentence: "ten events at once do not wait for each other",
        kept_by: &[1, 2, 3, 5],
        deadline: Duration::from_secs(60),
        compared: true,
        by_hand: "cargo run -p client -- load -n 10 -c 10 --event {addr}",
        attempt: |trial| Box::pin(events::ten_at_once(trial)),
    },
    Claim {
        name: "burst",
        sentence: "of a burst of a hundred it takes what it has room for and refuses the rest at once",
        kept_by: &[5],
        deadline: Duration::from_secs(60),
        compared: true,
        by_hand: "cargo run -p client -- load -n 100 -c 100 --event -t 3s {addr}",
        attempt: |trial| Box::pin(events::burst(trial)),
    },
];

/// The claim of that name.
pub fn claim(name: &str) -> Option<&'static Claim> {
    CLAIMS.iter().find(|claim| claim.name == name)
}

impl Claim {
    /// Tries it on the server at `addr`. Takes at most its deadline.
    pub async fn try_on(&self, addr: SocketAddr) -> Finding {
        let trial = Trial { addr, began: Instant::now(), trace: Vec::new(), queue: Vec::new() };
        match timeout(self.deadline, (self.attempt)(trial)).await {
            Ok(finding) => finding,
            Err(_) => Finding {
                verdict: Verdict::Broken,
                figure: format!("no end in {} s", self.deadline.as_secs()),
                trace: Vec::new(),
                queue: Vec::new(),
            },
        }
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
}

impl Trial {
    /// Sends a request and records what comes of it.
    async fn call(&mut self, what: &'static str, caller: &mut Caller, request: &[u8], patience: Duration) -> Call {
        let began = Instant::now();
        let call = caller.call(request, false, began + patience).await;
        self.record(what, began, &call);
        call
    }

    /// An honest request, on a connection of its own: any answer will do.
    async fn probe(&mut self, patience: Duration) -> Call {
        self.call("honest request", &mut Caller::new(self.addr), &get(self.addr, "/"), patience).await
    }

    fn record(&mut self, what: &'static str, began: Instant, call: &Call) {
        let since = |instant: Instant| instant.saturating_duration_since(self.began);
        let (began, connected, ended) = (since(began), call.connected.map(since), since(call.ended));
        self.trace.push(Exchange { what, began, connected, ended, outcome: Some(call.outcome) });
    }

    fn kept(self, figure: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Kept, figure: figure.into(), trace: self.trace, queue: self.queue }
    }

    fn broken(self, figure: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Broken, figure: figure.into(), trace: self.trace, queue: self.queue }
    }

    fn no_server(self, failure: Failure) -> Finding {
        self.broken(failure.to_string())
    }
}

/// The bytes of a GET request.
fn get(addr: SocketAddr, path: &'static str) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(&Request::new(Method::GET, path_uri(path)), &addr.to_string(), &mut bytes);
    bytes
}

/// The bytes of a request that posts `body` as an event.
fn post_event(addr: SocketAddr, content_type: &'static str, body: &[u8]) -> Vec<u8> {
    let mut request = Request::new(Method::POST, path_uri("/events"));
    request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    request.body = body.to_vec().into();
    let mut bytes = Vec::new();
    encode_request(&request, &addr.to_string(), &mut bytes);
    bytes
}

fn path_uri(path: &'static str) -> http1::Uri {
    http1::Uri::from_static(path)
}
