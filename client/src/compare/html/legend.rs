//! How to read the pictures: the patterns of the bars, and what each means, in words.

use super::format::{bar_class, place_class};
use crate::compare::chart::{BarKind, Chart, Place};
use crate::compare::matrix::{Matrix, WORK};
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeSet;

/// The patterns that tell the bars apart without colour. A picture that is not displayed would take them with it.
pub(super) fn patterns() -> Markup {
    PreEscaped(include_str!("patterns.svg").into())
}

/// A sample of how a fate is drawn.
pub(super) fn swatch(kind: BarKind, place: Place) -> Markup {
    html! {
        svg.swatch aria-hidden="true" {
            g class={ "bar " (bar_class(kind)) } { rect class=(place_class(place)) width="100%" height="100%" {} }
        }
    }
}

/// The legend: what is drawn on this page, and nothing else.
pub(super) fn legend(matrix: &Matrix) -> Markup {
    let panels: Vec<_> =
        matrix.rows.iter().flat_map(|row| Chart::new(&row.findings, WORK).panels).collect();
    let bars = || panels.iter().flat_map(|panel| &panel.bars);
    let kinds: BTreeSet<_> = bars().map(|bar| bar.kind).collect();
    let places: BTreeSet<_> = bars()
        .flat_map(|bar| bar.segments.iter().map(|segment| (segment.place, bar.kind)))
        .collect();
    let drawn = |place| {
        places
            .iter()
            .find(|(at, kind)| *at == place && *kind != BarKind::NoResponse)
            .map(|(_, kind)| *kind)
    };
    html! {
        section.legend aria-label="How to read the pictures" {
            h2 { "The waiting lines" }
            p {
                "Each bar is one request, in the order in which they were due. Its height is how long its sender waited, from when "
                "it was due to its answer. A flat line is a server that lets nobody wait. "
                "The five pictures of a claim share one scale."
            }
            ul {
                @for kind in BarKind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
                    li { (swatch(kind, Place::Response)) span { b { (kind.label()) } ": " (kind.meaning()) } }
                }
                @if let Some(kind) = drawn(Place::Backlog) {
                    li { (swatch(kind, Place::Backlog)) span { b { "backlog" } ": no room for its connection yet" } }
                }
                @if let Some(kind) = drawn(Place::Lock) {
                    li { (swatch(kind, Place::Lock)) span { b { "lock" } ": it waits for those before it" } }
                    li { (swatch(kind, Place::Work)) span { b { "work" } ": it is being worked on" } }
                }
                @if let Some(kind) = drawn(Place::Queue) {
                    li { (swatch(kind, Place::Queue)) span { b { "queue" } ": answered, and waiting to be done" } }
                    li { (swatch(kind, Place::Work)) span { b { "work" } ": answered, and being done" } }
                }
                @if panels.iter().any(|panel| panel.serial_service.is_some() || panel.littles_law.is_some()) {
                    li {
                        svg.swatch aria-hidden="true" { line.theory x1="0" y1="50%" x2="100%" y2="50%" {} }
                        span { b { "theory" } ": what the arithmetic says, before anything is measured" }
                    }
                }
            }
        }
    }
}
