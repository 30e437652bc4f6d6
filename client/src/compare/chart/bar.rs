//! A request as a bar: how it ended and where it waited.

use claims::TracedRequest;
use probe::http_client::Outcome;
use std::time::Duration;

/// A request, or a connection that misbehaves on purpose. Times are relative to the first request
/// of the panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// A short description, such as `event`.
    pub what: &'static str,
    /// How it ended; decides how the bar is drawn.
    pub kind: BarKind,
    /// How it ended, in detail; `None` for a connection that only misbehaved.
    pub outcome: Option<Outcome>,
    /// When the request was due.
    pub began: Duration,
    /// When the response was complete, or the client gave up.
    pub ended: Duration,
    /// Where it waited, without gaps from `began` to `ended`. For an accepted request they continue
    /// until the server has processed it.
    pub segments: Vec<Segment>,
}

/// A part of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When it starts, relative to the first request of the panel.
    pub from: Duration,
    /// When it ends, relative to the first request of the panel.
    pub to: Duration,
    /// Where the request was during this time.
    pub place: Place,
}

/// Where a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Not connected yet: the kernel's accept backlog was full.
    Backlog,
    /// Blocked by the requests before it, which are processed one at a time.
    Lock,
    /// In the server's queue, after the 202.
    Queue,
    /// Being processed.
    Work,
    /// Waiting for the response; the client cannot know where.
    Response,
}

/// How a request ended, in the categories that the bars are coloured by. The order is the order of
/// the bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BarKind {
    /// A connection that misbehaves on purpose and does not send a complete request.
    Held,
    /// A status under 400, other than 202: the request is done.
    Served,
    /// 202: accepted, to be processed after the response.
    Accepted,
    /// 503: load shedding.
    Shed,
    /// Another 4xx or 5xx.
    Rejected,
    /// No response until the client gave up.
    TimedOut,
    /// The connection ended without a response.
    Failed,
}

impl BarKind {
    /// All kinds, in the order of the legend.
    pub const ALL: [Self; 7] = [
        Self::Served,
        Self::Accepted,
        Self::Shed,
        Self::Rejected,
        Self::TimedOut,
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
            Some(Outcome::Shed(_)) => Self::Shed,
            Some(Outcome::Rejected(_)) => Self::Rejected,
            Some(Outcome::TimedOut) => Self::TimedOut,
            Some(Outcome::Failed(_)) => Self::Failed,
        }
    }
}

impl Place {
    /// All places, in the order in which a request passes through them.
    pub const ALL: [Self; 5] = [Self::Backlog, Self::Lock, Self::Queue, Self::Work, Self::Response];
}

/// A connect that takes longer than this met a full backlog.
const SLOW_CONNECT: Duration = Duration::from_millis(500);

impl Bar {
    pub(super) fn new(exchange: &TracedRequest, zero: Duration) -> Self {
        let since = |at: Duration| at.saturating_sub(zero);
        let (began, ended) = (since(exchange.began), since(exchange.ended.max(exchange.began)));
        let connected = exchange.connected.map_or(ended, since).clamp(began, ended);
        // while the backlog has room, the kernel connects at once; otherwise it retries after one
        // second, then two …
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

    /// The latency: from when the request was due to its response, or until the client gave up.
    pub fn waited(&self) -> Duration {
        self.ended - self.began
    }

    /// The end of the last segment: when the response was complete or, if later, when the server
    /// had processed the request.
    pub fn finished(&self) -> Duration {
        self.segments.last().map_or(self.ended, |segment| segment.to)
    }

    /// The total time at a place.
    pub fn spent(&self, place: Place) -> Duration {
        self.segments
            .iter()
            .filter(|segment| segment.place == place)
            .map(|segment| segment.to - segment.from)
            .sum()
    }

    /// Splits the wait for the response at `work_from`: blocked by earlier requests before it,
    /// processed after it.
    pub(super) fn split(&mut self, work_from: Duration) {
        let Some(response) =
            self.segments.last().copied().filter(|segment| segment.place == Place::Response)
        else {
            return;
        };
        self.segments.pop();
        let work_from = work_from.clamp(response.from, response.to);
        self.push_segment(Place::Lock, response.from, work_from);
        self.push_segment(Place::Work, work_from, response.to);
    }

    pub(super) fn push_segment(&mut self, place: Place, from: Duration, to: Duration) {
        if from < to {
            self.segments.push(Segment { from, to, place });
        }
    }
}
