//! What is drawn of a claim: a panel for each stage, on one time axis.

use super::axis::Axis;
use super::bar::{Bar, BarKind, Place};
use super::theory::{self, LittlesLaw, SerialService};
use claims::{Depth, Finding};
use std::time::Duration;

/// A claim as a picture.
#[derive(Debug)]
pub struct Chart {
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
    pub serial_service: Option<SerialService>,
    /// What Little's law says of the queue, if there is one.
    pub littles_law: Option<LittlesLaw>,
}

/// No scale is shorter: people take that for at once, and so should the pictures.
pub const IMMEDIATE: Duration = Duration::from_millis(100);

impl Chart {
    /// Of a row of the matrix: what each stage made of a claim. `work` is what the servers take for an event.
    pub fn new(findings: &[Finding], work: Duration) -> Self {
        let panels: Vec<_> = findings.iter().map(|finding| Panel::new(finding, work)).collect();
        let end = panels.iter().map(Panel::longest).max().unwrap_or_default().max(IMMEDIATE);
        let slots = panels.iter().map(|panel| panel.bars.len()).max().unwrap_or_default();
        Self { axis: Axis::up_to(end), slots, panels }
    }
}

impl Panel {
    /// Of one trial; see [`Chart::new`].
    pub fn new(finding: &Finding, work: Duration) -> Self {
        let zero = finding.trace.iter().map(|exchange| exchange.began).min().unwrap_or_default();
        let mut bars: Vec<_> =
            finding.trace.iter().map(|exchange| Bar::new(exchange, zero)).collect();
        bars.sort_by_key(|bar| (bar.began, bar.kind, bar.ended));
        let queue: Vec<_> = finding
            .queue
            .iter()
            .filter(|depth| depth.at >= zero)
            .map(|depth| Depth { at: depth.at - zero, ..*depth })
            .collect();
        let serial_service = theory::find_serial_service(&mut bars, work);
        extend_accepted(&mut bars, &queue);
        let littles_law = LittlesLaw::of(&bars, &queue, work);
        Self { bars, queue, serial_service, littles_law }
    }

    /// The longest that anything took, from when it was due to its end.
    fn longest(&self) -> Duration {
        self.bars.iter().map(|bar| bar.finished() - bar.began).max().unwrap_or_default()
    }

    /// How many came to this.
    pub fn count(&self, kind: BarKind) -> usize {
        self.of_kind(kind).count()
    }

    /// Those that came to this.
    pub fn of_kind(&self, kind: BarKind) -> impl Iterator<Item = &Bar> + Clone {
        self.bars.iter().filter(move |bar| bar.kind == kind)
    }
}

/// What was taken goes on behind its 202: the `i`th is done when the server says that `i` are, and its work began when
/// the one before it was done. The samples are apart, so each moment is the first at which it is known.
fn extend_accepted(bars: &mut [Bar], queue: &[Depth]) {
    let Some(last) = queue.last() else { return };
    let mut accepted: Vec<_> =
        bars.iter_mut().filter(|bar| bar.kind == BarKind::Accepted).collect();
    accepted.sort_by_key(|bar| bar.ended);
    let mut before = Duration::ZERO;
    for (bar, number) in accepted.into_iter().zip(1..) {
        let done = queue.iter().find(|depth| depth.done >= number).map(|depth| depth.at);
        let until = done.unwrap_or(last.at); // still in the queue when nobody looked any more
        let work_from = before.clamp(bar.ended, until.max(bar.ended));
        bar.push_segment(Place::Queue, bar.ended, work_from);
        bar.push_segment(Place::Work, work_from, until);
        before = until;
    }
}
