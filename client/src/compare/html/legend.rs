//! How to read the charts: the patterns of the bars, and what each of them means.

use super::Section;
use super::format::{bar_class, place_class};
use crate::compare::chart::{BarKind, Place};
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeSet;

/// The patterns that distinguish the bars without colour. The SVG must not be `display: none`, or
/// the patterns vanish, too.
pub(super) fn patterns() -> Markup {
    PreEscaped(include_str!("patterns.svg").into())
}

/// A sample of how a kind of bar is drawn.
pub(super) fn swatch(kind: BarKind, place: Place) -> Markup {
    html! {
        svg.swatch aria-hidden="true" {
            g class={ "bar " (bar_class(kind)) } { rect class=(place_class(place)) width="100%" height="100%" {} }
        }
    }
}

/// The legend, with only what this page shows.
pub(super) fn legend(sections: &[Section], order: &str) -> Markup {
    let panels: Vec<_> = sections.iter().flat_map(|section| &section.chart.panels).collect();
    let bars = || panels.iter().flat_map(|panel| &panel.bars);
    let kinds: BTreeSet<_> = bars().map(|bar| bar.kind).collect();
    let places: BTreeSet<_> = bars()
        .flat_map(|bar| bar.segments.iter().map(|segment| (segment.place, bar.kind)))
        .collect();
    let drawn = |place| {
        places
            .iter()
            .find(|(at, kind)| *at == place && *kind != BarKind::TimedOut)
            .map(|(_, kind)| *kind)
    };
    html! {
        section.legend aria-label="How to read the charts" {
            h2 { "How to read the charts" }
            p {
                "Each bar is one request, in the order in which the requests were due. Its height is the latency, from when the "
                "request was due to its response. A flat row means that no client had to wait. "
                (order)
            }
            ul {
                @for kind in BarKind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
                    li { (swatch(kind, Place::Response)) span { b { (kind.label()) } ": " (kind.meaning()) } }
                }
                @if let Some(kind) = drawn(Place::Backlog) {
                    li { (swatch(kind, Place::Backlog)) span { b { "backlog" } ": waiting for a connection, since the accept backlog is full" } }
                }
                @if let Some(kind) = drawn(Place::Lock) {
                    li { (swatch(kind, Place::Lock)) span { b { "lock" } ": head-of-line blocking, waiting for the requests before it" } }
                    li { (swatch(kind, Place::Work)) span { b { "work" } ": being processed" } }
                }
                @if let Some(kind) = drawn(Place::Queue) {
                    li { (swatch(kind, Place::Queue)) span { b { "queue" } ": accepted with 202, waiting in the server's queue" } }
                    li { (swatch(kind, Place::Work)) span { b { "work" } ": accepted with 202, being processed" } }
                }
                @if panels.iter().any(|panel| panel.serial_service.is_some() || panel.littles_law.is_some()) {
                    li {
                        svg.swatch aria-hidden="true" { line.theory x1="0" y1="50%" x2="100%" y2="50%" {} }
                        span { b { "theory" } ": the calculated time, not a measured one" }
                    }
                }
            }
        }
    }
}
