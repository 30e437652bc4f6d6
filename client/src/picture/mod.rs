//! From the traces of a claim to what is drawn of them: a bar for each request, on one time axis for all stages.
//!
//! Nothing here knows HTML, a terminal or a network: known traces give known bars.

mod axis;
mod theory;
pub mod words;

pub use axis::Axis;
pub use theory::{Little, Stairs};

use claims::{Depth, Exchange, Finding};
use probe::http_client::Outcome;
use std::time::Duration;

/// A claim as a picture.
#[derive(Debug)]
pub struct Picture {
    /// The time axis that its panels share, for each request from when it was due; a tenth of a second at least.
    pub axis: Axis,
    /// How many bars have room beside each other: as many as the fullest panel has.
    pub slots: usize,
    /// As the stages.
    pub panels: Vec<Panel>,
}

/// What one stage made of a claim.
#[derive(Debug)]
pub struct Panel {
    /// The requests in the order in which they were due; those that were due at the same moment, in the order in which
    /// their fates were known: the taken first, then the refused, then those without an answer.
    pub bars: Vec<Bar>,
    /// What the server said of its queue; empty where it says nothing of one.
    pub queue: Vec<Depth>,
    /// What a lock says that is held for each request in turn, if they were served so.
    pub stairs: Option<Stairs>,
    /// What Little's law says of the queue, if there is one.
    pub little: Option<Little>,
}

/// A request, or a connection that misbehaves. Times count from the first one of its panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What it was, in a few words.
    pub what: &'static str,
    /// What came of it.
    pub fate: Fate,
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
    Answer,
}

/// What came of a request, as it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A connection that misbehaves on purpose: nothing was asked.
    Held,
    /// Answered with the work done, or with no work asked for.
    Served,
    /// 202: promised, and not done yet.
    Taken,
    /// 503: the server said that it cannot now.
    Refused,
    /// Another 4xx or 5xx: the request is at fault, or the server.
    Rejected,
    /// No answer for as long as the client waited.
    Unanswered,
    /// The connection ended without an answer.
    Failed,
}

impl Fate {
    /// All of them, in the order of a legend.
    pub const ALL: [Self; 7] = [
        Self::Served,
        Self::Taken,
        Self::Refused,
        Self::Rejected,
        Self::Unanswered,
        Self::Failed,
        Self::Held,
    ];

    fn of(outcome: Option<Outcome>) -> Self {
        match outcome {
            None => Self::Held,
            Some(Outcome::Served(status)) if status == http1::StatusCode::ACCEPTED => Self::Taken,
            Some(Outcome::Served(_)) => Self::Served,
            Some(Outcome::Refused(_)) => Self::Refused,
            Some(Outcome::Rejected(_)) => Self::Rejected,
            Some(Outcome::TimedOut) => Self::Unanswered,
            Some(Outcome::Failed(_)) => Self::Failed,
        }
    }
}

impl Bar {
    fn new(exchange: &Exchange, zero: Duration) -> Self {
        let since = |at: Duration| at.saturating_sub(zero);
        let (began, ended) = (since(exchange.began), since(exchange.ended.max(exchange.began)));
        let connected = exchange.connected.map_or(ended, since).clamp(began, ended);
        // the kernel connects at once while its backlog has room; else it tries again after a second, then after two …
        let backlog = if connected - began >= SLOW_CONNECT { connected } else { began };
        let segments = [(began, backlog, Place::Backlog), (backlog, ended, Place::Answer)]
            .into_iter()
            .filter(|(from, to, place)| from < to || (*place == Place::Answer && began == ended))
            .map(|(from, to, place)| Segment { from, to, place })
            .collect();
        Self {
            what: exchange.what,
            fate: Fate::of(exchange.outcome),
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
    pub fn top(&self) -> Duration {
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
    fn split(&mut self, work_from: Duration) {
        let Some(answer) =
            self.segments.last().copied().filter(|segment| segment.place == Place::Answer)
        else {
            return;
        };
        self.segments.pop();
        let work_from = work_from.clamp(answer.from, answer.to);
        self.extend(Place::Lock, answer.from, work_from);
        self.extend(Place::Work, work_from, answer.to);
    }

    fn extend(&mut self, place: Place, from: Duration, to: Duration) {
        if from < to {
            self.segments.push(Segment { from, to, place });
        }
    }
}

/// No scale is shorter: people take that for at once, and so should the pictures.
pub const AT_ONCE: Duration = Duration::from_millis(100);

/// A connect that takes longer than that found no room in the backlog.
const SLOW_CONNECT: Duration = Duration::from_millis(500);

impl Picture {
    /// Of a row of the matrix: what each stage made of a claim. `work` is what the servers take for an event.
    pub fn new(findings: &[Finding], work: Duration) -> Self {
        let panels: Vec<_> = findings.iter().map(|finding| Panel::new(finding, work)).collect();
        let end = panels.iter().map(Panel::highest).max().unwrap_or_default().max(AT_ONCE);
        let slots = panels.iter().map(|panel| panel.bars.len()).max().unwrap_or_default();
        Self { axis: Axis::to(end), slots, panels }
    }
}

impl Panel {
    /// Of one trial; see [`Picture::new`].
    pub fn new(finding: &Finding, work: Duration) -> Self {
        let zero = finding.trace.iter().map(|exchange| exchange.began).min().unwrap_or_default();
        let mut bars: Vec<_> =
            finding.trace.iter().map(|exchange| Bar::new(exchange, zero)).collect();
        bars.sort_by_key(|bar| (bar.began, bar.fate, bar.ended));
        let queue: Vec<_> = finding
            .queue
            .iter()
            .filter(|depth| depth.at >= zero)
            .map(|depth| Depth { at: depth.at - zero, ..*depth })
            .collect();
        let stairs = theory::one_by_one(&mut bars, work);
        follow(&mut bars, &queue);
        let little = Little::of(&bars, &queue, work);
        Self { bars, queue, stairs, little }
    }

    /// The longest that anything took, from when it was due to its end.
    fn highest(&self) -> Duration {
        self.bars.iter().map(|bar| bar.top() - bar.began).max().unwrap_or_default()
    }

    /// How many came to this.
    pub fn count(&self, fate: Fate) -> usize {
        self.with(fate).count()
    }

    /// Those that came to this.
    pub fn with(&self, fate: Fate) -> impl Iterator<Item = &Bar> + Clone {
        self.bars.iter().filter(move |bar| bar.fate == fate)
    }
}

/// What was taken goes on behind its 202: the `i`th is done when the server says that `i` are, and its work began when
/// the one before it was done. The samples are apart, so each moment is the first at which it is known.
fn follow(bars: &mut [Bar], queue: &[Depth]) {
    let Some(last) = queue.last() else { return };
    let mut taken: Vec<_> = bars.iter_mut().filter(|bar| bar.fate == Fate::Taken).collect();
    taken.sort_by_key(|bar| bar.ended);
    let mut before = Duration::ZERO;
    for (bar, number) in taken.into_iter().zip(1..) {
        let done = queue.iter().find(|depth| depth.done >= number).map(|depth| depth.at);
        let until = done.unwrap_or(last.at); // still in the queue when nobody looked any more
        let work_from = before.clamp(bar.ended, until.max(bar.ended));
        bar.extend(Place::Queue, bar.ended, work_from);
        bar.extend(Place::Work, work_from, until);
        before = until;
    }
}
