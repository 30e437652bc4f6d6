//! Verdicts, links, percentages and CSS classes, as the page writes them.

use crate::compare::chart::{BarKind, Place};
use claims::{Claim, Finding, Verdict};

/// A verdict beside what the lesson says: its sign, its text and its CSS class.
pub(super) fn verdict(
    claim: &Claim,
    stage: u8,
    finding: &Finding,
) -> (&'static str, &'static str, &'static str) {
    match (finding.verdict, finding.verdict == claim.expected(stage)) {
        (Verdict::Kept, true) => ("✓", "holds", "kept"),
        (Verdict::Broken, true) => ("✗", "as expected", "broken"),
        (Verdict::Unknown, _) => ("?", "unknown", "unexpected"),
        (Verdict::Kept, false) => ("!", "holds, unexpectedly", "unexpected"),
        (Verdict::Broken, false) => ("!", "fails, unexpectedly", "unexpected"),
    }
}

/// The id of the panel of a claim on a stage.
pub(super) fn anchor(claim: &Claim, stage: u8) -> String {
    format!("{}-{stage}", claim.name)
}

/// A fraction as an SVG length: `12.5%`.
pub(super) fn percent(part: f64) -> String {
    format!("{}%", (part * 10_000.0).round() / 100.0)
}

/// The CSS class of a bar.
pub(super) fn bar_class(kind: BarKind) -> &'static str {
    match kind {
        BarKind::Held => "held",
        BarKind::Served => "served",
        BarKind::Accepted => "accepted",
        BarKind::Shed => "shed",
        BarKind::Rejected => "rejected",
        BarKind::TimedOut => "timed-out",
        BarKind::Failed => "failed",
    }
}

/// The CSS class of a segment of a bar.
pub(super) fn place_class(place: Place) -> &'static str {
    match place {
        Place::Backlog => "backlog",
        Place::Lock => "lock",
        Place::Queue => "queue",
        Place::Work => "work",
        Place::Response => "response",
    }
}
