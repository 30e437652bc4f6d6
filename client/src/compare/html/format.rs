//! How verdicts, links and shares are written on the page.

use crate::compare::chart::{BarKind, Place};
use claims::{Claim, Finding, Verdict};

/// A verdict as the lessons see it: its sign, its words and its class.
pub(super) fn verdict(
    claim: &Claim,
    stage: u8,
    finding: &Finding,
) -> (&'static str, &'static str, &'static str) {
    match (finding.verdict, finding.verdict == claim.expected(stage)) {
        (Verdict::Kept, true) => ("✓", "holds", "kept"),
        (Verdict::Broken, true) => ("✗", "the lesson", "broken"),
        (Verdict::Kept, false) => ("!", "holds, against the lesson", "unexpected"),
        (Verdict::Broken, false) => ("!", "breaks, against the lesson", "unexpected"),
    }
}

/// Where the picture of a claim on a stage stands.
pub(super) fn anchor(claim: &Claim, stage: u8) -> String {
    format!("{}-{stage}", claim.name)
}

/// A part of a whole as SVG takes it: `12.5%`.
pub(super) fn percent(part: f64) -> String {
    format!("{}%", (part * 10_000.0).round() / 100.0)
}

/// The class of a bar in the style sheet.
pub(super) fn bar_class(kind: BarKind) -> &'static str {
    match kind {
        BarKind::Held => "held",
        BarKind::Served => "served",
        BarKind::Accepted => "accepted",
        BarKind::Shed => "shed",
        BarKind::Rejected => "rejected",
        BarKind::NoResponse => "no-response",
        BarKind::Failed => "failed",
    }
}

/// The class of a bar's segment in the style sheet.
pub(super) fn place_class(place: Place) -> &'static str {
    match place {
        Place::Backlog => "backlog",
        Place::Lock => "lock",
        Place::Queue => "queue",
        Place::Work => "work",
        Place::Response => "response",
    }
}
