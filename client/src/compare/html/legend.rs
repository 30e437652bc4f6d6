//! How to read the pictures: the patterns of the bars, and what each means, in words.

use crate::compare::chart::{Fate, Picture, Place};
use crate::compare::matrix::{Matrix, WORK};
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeSet;

/// The patterns that tell the bars apart without colour. A picture that is not displayed would take them with it.
pub(super) fn patterns() -> Markup {
    PreEscaped(include_str!("patterns.svg").into())
}

/// A sample of how a fate is drawn.
pub(super) fn swatch(fate: Fate, place: Place) -> Markup {
    html! {
        svg.swatch aria-hidden="true" {
            g class={ "bar " (fate.name()) } { rect class=(place.name()) width="100%" height="100%" {} }
        }
    }
}

/// The legend: what is drawn on this page, and nothing else.
pub(super) fn key(matrix: &Matrix) -> Markup {
    let panels: Vec<_> =
        matrix.rows.iter().flat_map(|row| Picture::new(&row.findings, WORK).panels).collect();
    let bars = || panels.iter().flat_map(|panel| &panel.bars);
    let fates: BTreeSet<_> = bars().map(|bar| bar.fate).collect();
    let places: BTreeSet<_> = bars()
        .flat_map(|bar| bar.segments.iter().map(|segment| (segment.place, bar.fate)))
        .collect();
    let drawn = |place| {
        places
            .iter()
            .find(|(at, fate)| *at == place && *fate != Fate::Unanswered)
            .map(|(_, fate)| *fate)
    };
    html! {
        section.key aria-label="How to read the pictures" {
            h2 { "The waiting lines" }
            p {
                "Each bar is one request, in the order in which they were due. Its height is how long its sender waited, from when "
                "it was due to its answer. A flat line is a server that lets nobody wait. "
                "The five pictures of a claim share one scale."
            }
            ul {
                @for fate in Fate::ALL.into_iter().filter(|fate| fates.contains(fate)) {
                    li { (swatch(fate, Place::Answer)) span { b { (fate.label()) } ": " (fate.meaning()) } }
                }
                @if let Some(fate) = drawn(Place::Backlog) {
                    li { (swatch(fate, Place::Backlog)) span { b { "backlog" } ": no room for its connection yet" } }
                }
                @if let Some(fate) = drawn(Place::Lock) {
                    li { (swatch(fate, Place::Lock)) span { b { "lock" } ": it waits for those before it" } }
                    li { (swatch(fate, Place::Work)) span { b { "work" } ": it is being worked on" } }
                }
                @if let Some(fate) = drawn(Place::Queue) {
                    li { (swatch(fate, Place::Queue)) span { b { "queue" } ": answered, and waiting to be done" } }
                    li { (swatch(fate, Place::Work)) span { b { "work" } ": answered, and being done" } }
                }
                @if panels.iter().any(|panel| panel.stairs.is_some() || panel.little.is_some()) {
                    li {
                        svg.swatch aria-hidden="true" { line.theory x1="0" y1="50%" x2="100%" y2="50%" {} }
                        span { b { "theory" } ": what the arithmetic says, before anything is measured" }
                    }
                }
            }
        }
    }
}
