//! The requests of a column: those that the page shows, those that are recorded, and how many ended
//! how in each second.

use super::lock;
use super::newest::Newest;
use super::recording::MOST_OF_EACH;
use claims::TracedRequest;
use probe::http_client::{Call, Outcome};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// How many requests of a column the page gets; the newest ones win.
const SHOWN: usize = 120;

/// For how long the page gets a request after its end.
const SHOWN_FOR: Duration = Duration::from_secs(20);

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

/// Times count from when the room opened.
struct Request {
    id: u64,
    what: &'static str,
    is_held: bool,
    began: Duration,
    connected: Option<Duration>,
    ended: Option<Duration>,
    outcome: Option<Outcome>,
    fate: Fate,
    text: String,
}

impl Request {
    /// As the page draws it, with times in milliseconds.
    fn to_json(&self) -> Value {
        let (began, ended) = (ms(self.began), self.ended.map(ms));
        json!([self.id, began, ended, self.fate.class(), self.what, self.text])
    }

    /// As `compare` draws it. One that is still waiting, or was stopped, has had no response when
    /// its client gave up; where it waited is not known.
    fn trace(&self, now: Duration) -> TracedRequest {
        let (connected, outcome) = match self.outcome {
            Some(outcome) => (self.connected, outcome),
            None => (Some(self.began), Outcome::TimedOut),
        };
        TracedRequest {
            what: self.what,
            began: self.began,
            connected,
            ended: self.ended.unwrap_or(now),
            outcome: (!self.is_held).then_some(outcome),
        }
    }
}

fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}

/// All of them.
pub(super) struct Requests {
    opened: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    /// The id of a request is how many there were before it.
    recorded: Newest<Request>,
    /// The ids of those that the page shows.
    shown: VecDeque<u64>,
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
        let inner = Inner {
            recorded: Newest::new(MOST_OF_EACH),
            shown: VecDeque::new(),
            in_flight: 0,
            held: 0,
            second: 0,
            counts: [[0; 5]; SECONDS].into(),
            total: [0; 5],
        };
        Self { opened, inner: Mutex::new(inner) }
    }

    /// A request that was due at that moment. It is over when the result is told so, or dropped.
    pub(super) fn begin(&self, what: &'static str, due: Instant, fate: Fate) -> Bar<'_> {
        let began = due.saturating_duration_since(self.opened);
        let mut inner = self.lock();
        let id = inner.recorded.pushed();
        if inner.shown.len() == SHOWN {
            // one that has ended, so that those that wait are seen
            let has_ended =
                |id: &u64| inner.recorded.get(*id).is_none_or(|one| one.ended.is_some());
            let oldest = inner.shown.iter().position(has_ended).unwrap_or(0);
            inner.shown.remove(oldest);
        }
        let is_held = fate == Fate::Held;
        inner.shown.push_back(id);
        inner.recorded.push(Request {
            id,
            what,
            is_held,
            began,
            connected: None,
            ended: None,
            outcome: None,
            fate,
            text: String::new(),
        });
        *if is_held { &mut inner.held } else { &mut inner.in_flight } += 1;
        Bar { requests: self, id, is_held, is_over: false }
    }

    fn end(&self, bar: &Bar, fate: Fate, text: String, call: Option<(Option<Instant>, Outcome)>) {
        let now = self.now();
        let mut inner = self.lock();
        *if bar.is_held { &mut inner.held } else { &mut inner.in_flight } -= 1;
        inner.turn_to(now.as_secs());
        if let Some(place) = fate.place() {
            inner.total[place] += 1;
            if let Some(last) = inner.counts.back_mut() {
                last[place] += 1;
            }
        }
        let connected = call.and_then(|(connected, _)| connected);
        let connected = connected.map(|at| at.saturating_duration_since(self.opened));
        if let Some(request) = inner.recorded.get_mut(bar.id) {
            request.ended = Some(now);
            request.connected = connected;
            request.outcome = call.map(|(_, outcome)| outcome);
            request.fate = fate;
            request.text = text;
        }
    }

    /// `bars`, `rate`, `in_flight`, `held` and `total`, as the page draws them.
    pub(super) fn to_json(&self) -> Value {
        let now = self.now();
        let mut inner = self.lock();
        inner.turn_to(now.as_secs());
        let bars = inner.shown.iter().filter_map(|id| inner.recorded.get(*id));
        let is_fresh = |one: &&Request| one.ended.is_none_or(|ended| now < ended + SHOWN_FOR);
        let bars: Vec<_> = bars.filter(is_fresh).map(Request::to_json).collect();
        json!({
            "bars": bars,
            "rate": inner.counts,
            "in_flight": inner.in_flight,
            "held": inner.held,
            "total": inner.total,
        })
    }

    /// The newest requests, in the order in which they began, and how many there were before them.
    pub(super) fn record(&self) -> (Vec<TracedRequest>, u64) {
        let now = self.now();
        let inner = self.lock();
        (inner.recorded.iter().map(|one| one.trace(now)).collect(), inner.recorded.forgotten())
    }

    /// The time since the room opened.
    pub(super) fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    pub(super) fn now_ms(&self) -> u64 {
        ms(self.now())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
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
        self.requests.end(&self, fate, text, None);
    }

    /// It got this response, or none.
    pub(super) fn end_with(mut self, call: &Call, text: String) {
        self.is_over = true;
        let of_call = (call.connected, call.outcome);
        self.requests.end(&self, call.outcome.into(), text, Some(of_call));
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.requests.end(self, Fate::Stopped, "ended with its attack".into(), None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_requests_are_recorded_and_an_older_one_may_still_end() {
        let requests = Requests::new(Instant::now());
        let oldest = requests.begin("oldest", Instant::now(), Fate::Waiting);
        for _ in 0..MOST_OF_EACH {
            let bar = requests.begin("event", Instant::now(), Fate::Waiting);
            bar.end(Fate::Served, String::new());
        }
        oldest.end(Fate::Served, String::new());
        let waits = requests.begin("waits", Instant::now(), Fate::Waiting);
        let (all, forgotten) = requests.record();
        assert_eq!((all.len(), forgotten), (MOST_OF_EACH, 2));
        assert!(all.iter().all(|one| one.what != "oldest"));
        assert_eq!(all.last().map(|one| one.outcome), Some(Some(Outcome::TimedOut)), "it waits");
        assert_eq!(requests.to_json()["in_flight"], 1);
        assert_eq!(requests.to_json()["bars"].as_array().map(Vec::len), Some(SHOWN));
        drop(waits);
    }
}
