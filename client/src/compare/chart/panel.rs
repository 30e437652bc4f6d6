//! The chart of a claim: one panel for each stage, on one time axis.

use super::axis::Axis;
use super::bar::{Bar, BarKind, Place};
use super::theory::{self, LittlesLaw, SerialService};
use crate::compare::matrix::Column;
use claims::{Finding, QueueSample, TracedRequest};
use std::time::Duration;

/// The chart of a claim.
#[derive(Debug)]
pub struct Chart {
    /// The time axis of all panels, at least [`IMMEDIATE`] long. Each bar starts at zero, when its
    /// request was due.
    pub axis: Axis,
    /// How many bars fit side by side: as many as the panel with the most bars has, or fewer; then
    /// the first ones are drawn.
    pub slots: usize,
    /// One panel for each stage.
    pub panels: Vec<Panel>,
}

/// The requests of a claim on one stage.
#[derive(Debug)]
pub struct Panel {
    /// The requests in the order in which they were due. Requests that were due at the same moment
    /// are sorted by [`BarKind`]: accepted, then rejected, then those without a response.
    pub bars: Vec<Bar>,
    /// The queue depth over time, from `GET /stats`; empty if the server does not report it.
    pub queue: Vec<QueueSample>,
    /// The calculated and the measured latency, if the requests were served one at a time.
    pub serial_service: Option<SerialService>,
    /// The calculated and the measured time in the queue, if the server has one.
    pub littles_law: Option<LittlesLaw>,
}

/// The shortest time axis: 100 ms, which people perceive as immediate, so that faster responses are
/// drawn flat.
pub const IMMEDIATE: Duration = Duration::from_millis(100);

impl Chart {
    /// The chart of one row of the matrix, whose columns are these.
    pub fn new(findings: &[Finding], columns: &[Column]) -> Self {
        let panel = |(finding, column): (_, &Column)| Panel::new(finding, column.work());
        Self::of(findings.iter().zip(columns).map(panel).collect())
    }

    /// The chart of these panels.
    pub fn of(panels: Vec<Panel>) -> Self {
        let end = panels.iter().map(Panel::longest).max().unwrap_or_default().max(IMMEDIATE);
        let slots = panels.iter().map(|panel| panel.bars.len()).max().unwrap_or_default();
        Self { axis: Axis::up_to(end), slots, panels }
    }
}

impl Panel {
    /// The panel of one finding; `work` is how long the server works on one event, if that is known.
    pub fn new(finding: &Finding, work: Option<Duration>) -> Self {
        let zero = finding.trace.iter().map(|exchange| exchange.began).min().unwrap_or_default();
        Self::since(zero, &finding.trace, &finding.queue, work)
    }

    /// The panel of these requests and samples, on a time axis that begins at `zero`.
    pub fn since(
        zero: Duration,
        trace: &[TracedRequest],
        queue: &[QueueSample],
        work: Option<Duration>,
    ) -> Self {
        let mut bars: Vec<_> = trace.iter().map(|exchange| Bar::new(exchange, zero)).collect();
        bars.sort_by_key(|bar| (bar.began, bar.kind, bar.ended));
        let queue: Vec<_> = queue
            .iter()
            .filter(|depth| depth.at >= zero)
            .map(|depth| QueueSample { at: depth.at - zero, ..*depth })
            .collect();
        let serial_service = theory::find_serial_service(&mut bars, work.unwrap_or_default());
        let serial_service = serial_service.filter(|_| work.is_some()); // the bars are divided anyway
        extend_accepted(&mut bars, &queue);
        let littles_law = work.and_then(|work| LittlesLaw::of(&bars, &queue, work));
        Self { bars, queue, serial_service, littles_law }
    }

    /// The height of the highest bar.
    fn longest(&self) -> Duration {
        self.bars.iter().map(|bar| bar.finished() - bar.began).max().unwrap_or_default()
    }

    /// How many bars are of this kind.
    pub fn count(&self, kind: BarKind) -> usize {
        self.of_kind(kind).count()
    }

    /// The bars of this kind.
    pub fn of_kind(&self, kind: BarKind) -> impl Iterator<Item = &Bar> + Clone {
        self.bars.iter().filter(move |bar| bar.kind == kind)
    }
}

/// Extends each accepted request's bar beyond its 202: the `i`th is done when `GET /stats` first
/// reports `i` done, and its processing started when the one before it was done. The times are as
/// coarse as the samples.
fn extend_accepted(bars: &mut [Bar], queue: &[QueueSample]) {
    let Some(last) = queue.last() else { return };
    let mut accepted: Vec<_> =
        bars.iter_mut().filter(|bar| bar.kind == BarKind::Accepted).collect();
    accepted.sort_by_key(|bar| bar.ended);
    let mut before = Duration::ZERO;
    for (bar, number) in accepted.into_iter().zip(1..) {
        let done = queue.iter().find(|depth| depth.done >= number).map(|depth| depth.at);
        let until = done.unwrap_or(last.at); // still queued at the last sample
        let work_from = before.clamp(bar.ended, until.max(bar.ended));
        bar.push_segment(Place::Queue, bar.ended, work_from);
        bar.push_segment(Place::Work, work_from, until);
        before = until;
    }
}
