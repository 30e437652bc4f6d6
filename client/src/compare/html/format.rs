//! Verdicts, links, percentages and CSS classes, as the page writes them.

use super::{Cell, Section};
use crate::compare::chart::{BarKind, Place};
use crate::compare::matrix::Column;
use claims::{Claim, Finding, Verdict};
use maud::{Markup, html};

/// A verdict beside what the lesson says.
pub(super) fn verdict(claim: &Claim, column: &Column, finding: &Finding) -> Cell {
    let expected = column.expected(claim);
    let (sign, words, class) =
        match (finding.verdict, expected.is_none_or(|expected| finding.verdict == expected)) {
            (Verdict::Kept, true) => ("✓", "holds", "kept"),
            (Verdict::Broken, true) if expected.is_none() => ("✗", "fails", "broken"),
            (Verdict::Broken, true) => ("✗", "as expected", "broken"),
            (Verdict::Unknown, _) => ("?", "unknown", "unexpected"),
            (Verdict::Kept, false) => ("!", "holds, unexpectedly", "unexpected"),
            (Verdict::Broken, false) => ("!", "fails, unexpectedly", "unexpected"),
        };
    Cell { sign, words: words.into(), class, figure: finding.figure.clone() }
}

/// The id of the panel of a section in a column, counted from 1: the number of a stage.
pub(super) fn anchor(section: &Section, column: usize) -> String {
    format!("{}-{column}", section.id)
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

/// The number of a stage in bold and its idea, or the name of another server.
pub(super) fn label(column: &Column) -> Markup {
    html! {
        @if let Some(number) = column.stage { b { (number) } " " }
        (column.name)
    }
}
