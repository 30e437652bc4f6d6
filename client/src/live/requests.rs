//! The requests of a column: those in flight, the last ones that ended, and how many ended how in
//! each second.

use probe::http_client::Outcome;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// How many requests a column keeps; the newest ones win.
const KEPT: usize = 160;

/// For how many seconds the rates are kept.
const SECONDS: usize = 30;

/// How a request ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Waiting,
    /// A connection that misbehaves on purpose, and waits for no response.
    Held,
    Served,
    Accepted,
    Shed,
    Rejected,
    TimedOut,
    Failed,
    /// The attack was stopped first.
    Stopped,
}

impl Fate {
    /// The CSS class, as in the charts of `compare`.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Served => "served",
            Self::Accepted => "accepted",
            Self::Shed => "shed",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed-out",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Its place in a second's counts, if it counts as a response, or as the lack of one.
    fn place(self) -> Option<usize> {
        match self {
            Self::Served => Some(0),
            Self::Accepted => Some(1),
            Self::Shed => Some(2),
            Self::Rejected => Some(3),
            Self::TimedOut | Self::Failed => Some(4),
            Self::Waiting | Self::Held | Self::Stopped => None,
        }
    }
}

impl From<Outcome> for Fate {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Served(status) if status.as_u16() == 202 => Self::Accepted,
            Outcome::Served(_) => Self::Served,
            Outcome::Shed(_) => Self::Shed,
            Outcome::Rejected(_) => Self::Rejected,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Failed(_) => Self::Failed,
        }
    }
}

/// An outcome in words.
pub(super) fn in_words(outcome: Outcome) -> String {
    match outcome {
        Outcome::Served(status) | Outcome::Rejected(status) => status.to_string(),
        Outcome::Shed(_) => "503 Service Unavailable".into(),
        Outcome::TimedOut => "no response in time".into(),
        Outcome::Failed(failure) => failure.to_string(),
    }
}

struct Request {
    id: u64,
    what: &'static str,
    began_ms: u64,
    ended_ms: Option<u64>,
    fate: Fate,
    text: String,
}

/// All of them. Times are in milliseconds since the room opened.
pub(super) struct Requests {
    opened: Instant,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last_id: u64,
    kept: VecDeque<Request>,
    in_flight: u64,
    held: u64,
    /// The second of the last counts.
    second: u64,
    counts: VecDeque<[u64; 5]>,
    total: [u64; 5],
}

impl Inner {
    /// A place for each second until now.
    fn turn_to(&mut self, second: u64) {
        let missing = (second - self.second).min(SECONDS as u64);
        self.counts.extend((0..missing).map(|_| [0; 5]));
        let surplus = self.counts.len().saturating_sub(SECONDS);
        self.counts.drain(..surplus);
        self.second = second;
    }
}

impl Requests {
    pub(super) fn new(opened: Instant) -> Self {
        let inner = Inner { counts: [[0; 5]; SECONDS].into(), ..Inner::default() };
        Self { opened, inner: Mutex::new(inner) }
    }

    /// A request that begins now. It is over when the result is told so, or dropped.
    pub(super) fn begin(&self, what: &'static str, fate: Fate) -> Bar<'_> {
        let began_ms = self.now_ms();
        let mut inner = self.lock();
        inner.last_id += 1;
        let id = inner.last_id;
        if inner.kept.len() == KEPT {
            // one that has ended, so that those that wait are seen
            let oldest = inner.kept.iter().position(|one| one.ended_ms.is_some()).unwrap_or(0);
            inner.kept.remove(oldest);
        }
        inner.kept.push_back(Request {
            id,
            what,
            began_ms,
            ended_ms: None,
            fate,
            text: String::new(),
        });
        let is_held = fate == Fate::Held;
        *if is_held { &mut inner.held } else { &mut inner.in_flight } += 1;
        Bar { requests: self, id, is_held, is_over: false }
    }

    fn end(&self, bar: &Bar, fate: Fate, text: String) {
        let now = self.now_ms();
        let mut inner = self.lock();
        *if bar.is_held { &mut inner.held } else { &mut inner.in_flight } -= 1;
        inner.turn_to(now / 1000);
        if let Some(place) = fate.place() {
            inner.total[place] += 1;
            if let Some(last) = inner.counts.back_mut() {
                last[place] += 1;
            }
        }
        if let Some(request) = inner.kept.iter_mut().rev().find(|request| request.id == bar.id) {
            request.ended_ms = Some(now);
            request.fate = fate;
            request.text = text;
        }
    }

    /// `bars`, `rate`, `in_flight`, `held` and `total`, as the page draws them.
    pub(super) fn to_json(&self) -> Value {
        let now = self.now_ms();
        let mut inner = self.lock();
        inner.turn_to(now / 1000);
        let bar = |one: &Request| {
            json!([one.id, one.began_ms, one.ended_ms, one.fate.class(), one.what, one.text])
        };
        json!({
            "bars": inner.kept.iter().map(bar).collect::<Vec<_>>(),
            "rate": inner.counts,
            "in_flight": inner.in_flight,
            "held": inner.held,
            "total": inner.total,
        })
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.opened.elapsed().as_millis() as u64
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in flight. One that is dropped was stopped.
pub(super) struct Bar<'r> {
    requests: &'r Requests,
    id: u64,
    is_held: bool,
    is_over: bool,
}

impl Bar<'_> {
    pub(super) fn end(mut self, fate: Fate, text: String) {
        self.is_over = true;
        self.requests.end(&self, fate, text);
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.requests.end(self, Fate::Stopped, "ended with its attack".into());
        }
    }
}
