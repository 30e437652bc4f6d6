//! A request as a bar: where it waited, and what came of it.

use claims::Exchange;
use probe::http_client::Outcome;
use std::time::Duration;

/// A request, or a connection that misbehaves. Times count from the first one of its panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What it was, in a few words.
    pub what: &'static str,
    /// What came of it.
    pub kind: BarKind,
    /// That in detail; `None` for a connection that only misbehaved.
    pub outcome: Option<Outcome>,
    /// When it was due.
    pub began: Duration,
    /// When it was answered, or given up.
    pub ended: Duration,
    /// Where it waited: without gaps from `began` on, to `ended`, and beyond it if the server goes on with what it took.
    pub segments: Vec<Segment>,
}

/// A part of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its beginning.
    pub from: Duration,
    /// Its end.
    pub to: Duration,
    /// Where it was spent.
    pub place: Place,
}

/// Where a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Before there was a connection: the kernel had no room for it.
    Backlog,
    /// For those before it, which are worked on one by one.
    Lock,
    /// After its answer, in the server's queue.
    Queue,
    /// It is being worked on.
    Work,
    /// For its answer; the client cannot see where.
    Response,
}

/// What came of a request, as it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BarKind {
    /// A connection that misbehaves on purpose: nothing was asked.
    Held,
    /// Answered with the work done, or with no work asked for.
    Served,
    /// 202: promised, and not done yet.
    Accepted,
    /// 503: the server said that it cannot now.
    Shed,
    /// Another 4xx or 5xx: the request is at fault, or the server.
    Rejected,
    /// No answer for as long as the client waited.
    NoResponse,
    /// The connection ended without an answer.
    Failed,
}

impl BarKind {
    /// All of them, in the order of a legend.
    pub const ALL: [Self; 7] = [
        Self::Served,
        Self::Accepted,
        Self::Shed,
        Self::Rejected,
        Self::NoResponse,
        Self::Failed,
        Self::Held,
    ];

    fn of(outcome: Option<Outcome>) -> Self {
        match outcome {
            None => Self::Held,
            Some(Outcome::Served(status)) if status == http1::StatusCode::ACCEPTED => {
                Self::Accepted
            }
            Some(Outcome::Served(_)) => Self::Served,
            Some(Outcome::Refused(_)) => Self::Shed,
            Some(Outcome::Rejected(_)) => Self::Rejected,
            Some(Outcome::TimedOut) => Self::NoResponse,
            Some(Outcome::Failed(_)) => Self::Failed,
        }
    }
}

impl Place {
    /// All of them, in the order in which a request comes through them.
    pub const ALL: [Self; 5] = [Self::Backlog, Self::Lock, Self::Queue, Self::Work, Self::Response];
}

/// A connect that takes longer than that found no room in the backlog.
const SLOW_CONNECT: Duration = Duration::from_millis(500);

impl Bar {
    pub(super) fn new(exchange: &Exchange, zero: Duration) -> Self {
        let since = |at: Duration| at.saturating_sub(zero);
        let (began, ended) = (since(exchange.began), since(exchange.ended.max(exchange.began)));
        let connected = exchange.connected.map_or(ended, since).clamp(began, ended);
        // the kernel connects at once while its backlog has room; else it tries again after a second, then after two …
        let backlog = if connected - began >= SLOW_CONNECT { connected } else { began };
        let segments = [(began, backlog, Place::Backlog), (backlog, ended, Place::Response)]
            .into_iter()
            .filter(|(from, to, place)| from < to || (*place == Place::Response && began == ended))
            .map(|(from, to, place)| Segment { from, to, place })
            .collect();
        Self {
            what: exchange.what,
            kind: BarKind::of(exchange.outcome),
            outcome: exchange.outcome,
            began,
            ended,
            segments,
        }
    }

    /// How long its sender waited.
    pub fn waited(&self) -> Duration {
        self.ended - self.began
    }

    /// The end of the last of its segments: its answer, or when it was done.
    pub fn finished(&self) -> Duration {
        self.segments.last().map_or(self.ended, |segment| segment.to)
    }

    /// How long it spent at a place.
    pub fn spent(&self, place: Place) -> Duration {
        self.segments
            .iter()
            .filter(|segment| segment.place == place)
            .map(|segment| segment.to - segment.from)
            .sum()
    }

    /// From its answer's wait at `from`: so much of it for those before, the rest the work on it.
    pub(super) fn split(&mut self, work_from: Duration) {
        let Some(answer) =
            self.segments.last().copied().filter(|segment| segment.place == Place::Response)
        else {
            return;
        };
        self.segments.pop();
        let work_from = work_from.clamp(answer.from, answer.to);
        self.push_segment(Place::Lock, answer.from, work_from);
        self.push_segment(Place::Work, work_from, answer.to);
    }

    pub(super) fn push_segment(&mut self, place: Place, from: Duration, to: Duration) {
        if from < to {
            self.segments.push(Segment { from, to, place });
        }
    }
}
