//! A panel: the requests of a section to one server, one bar each.

use super::format::{anchor, bar_class, label as name, percent, place_class};
use super::legend::swatch;
use super::{Cell, Section};
use crate::compare::captions;
use crate::compare::chart::{Axis, Bar, BarKind, Chart, IMMEDIATE, Panel, Place};
use crate::compare::matrix::Column;
use maud::{Markup, html};
use probe::duration::{show, unbroken};
use std::time::Duration;

/// The panel with its verdict, its bars and its caption.
pub(super) fn figure(
    section: &Section,
    (number, column): (usize, &Column),
    cell: &Cell,
    panel: &Panel,
) -> Markup {
    let (chart, Cell { sign, words, class, figure }) = (&section.chart, cell);
    let spoken = if words == "as expected" { "fails as expected" } else { words };
    let count = panel.bars.len();
    let text = format!(
        "{}: {spoken}, {}. {}",
        column.spoken().replacen("stage", "Stage", 1),
        figure,
        captions::caption(panel)
    );
    html! {
        figure class={ "panel " (class) } id=(anchor(section, number)) {
            h3 { (name(column)) " " span.verdict { span.sign { (sign) } " " (unbroken(words)) } }
            svg.plot role="img" tabindex="0" aria-label=(text) {
                (grid(&chart.axis))
                @for (bar, slot) in panel.bars.iter().zip(0..chart.slots) { (draw(bar, slot, chart)) }
                (theory(panel, chart))
                (labels(panel, chart))
            }
            figcaption {
                @for (kind, part) in captions::summaries(panel) { p { (swatch(kind, Place::Response)) (unbroken(&part)) } }
                @if panel.bars.is_empty() { p { (captions::caption(panel)) } }
                @if count > chart.slots { p { "Drawn: the first " (chart.slots) " of " (count) "." } }
                @if let Some(theory) = captions::theory(panel) { p.says { (unbroken(&theory).replace(" × ", "\u{a0}×\u{a0}").replace("÷ ", "÷\u{a0}")) } }
                @if let Some(stage) = column.stage { p.start { code { "cargo stage" (stage) } } }
            }
        }
    }
}

fn grid(axis: &Axis) -> Markup {
    html! {
        @for (moment, label) in &axis.ticks {
            @let y = percent(1.0 - axis.position(*moment));
            line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
            text.tick x="-.5em" y=(y) { (label) }
        }
    }
}

/// The least height of a response's bar, as a part of the panel: a bar that is too short for the
/// scale stays visible.
const MIN_HEIGHT: f64 = 0.02;

fn draw(bar: &Bar, slot: usize, chart: &Chart) -> Markup {
    let slots = chart.slots.max(1) as f64;
    let (x, width) = ((slot as f64 + 0.08) / slots, 0.84 / slots);
    let rect = |from: Duration, to: Duration, place: Place| {
        let (from, to) =
            (chart.axis.position(from - bar.began), chart.axis.position(to - bar.began));
        let height =
            if matches!(place, Place::Response) { (to - from).max(MIN_HEIGHT) } else { to - from };
        html! {
            rect class=(place_class(place)) x=(percent(x)) y=(percent(1.0 - from - height)) width=(percent(width)) height=(percent(height)) {}
        }
    };
    html! {
        g class={ "bar " (bar_class(bar.kind)) } {
            title { (captions::describe_bar(bar)) }
            // drawn in reverse, so that the minimal bar of the response is not covered by the
            // segments after it
            @for segment in bar.segments.iter().rev() { (rect(segment.from, segment.to, segment.place)) }
        }
    }
}

/// The calculated times as a line over the bars that they apply to.
fn theory(panel: &Panel, chart: &Chart) -> Markup {
    let is_step = |bar: &Bar| match &panel.serial_service {
        Some(service) => bar.what == service.what,
        None => bar.kind == BarKind::Accepted,
    };
    let of_service =
        panel.serial_service.map(|service| (service.work, service.served + service.waiting));
    let of_law = panel.littles_law.map(|law| (law.work, law.accepted as u32));
    let Some((work, count)) = of_service.or(of_law) else { return html! {} };
    if panel.bars.len() > chart.slots {
        return html! {}; // it is about bars that are not drawn
    }
    let first = panel.bars.iter().position(is_step).unwrap_or_default() as f64;
    let slots = chart.slots.max(1) as f64;
    let room = chart.axis.end.as_secs_f64() / work.as_secs_f64();
    let last = f64::from(count).min(room);
    let x = |k: f64| percent((first + k - 0.5) / slots);
    let y = |k: f64| percent(1.0 - chart.axis.position(work.mul_f64(k)));
    html! { line.theory x1=(x(1.0)) y1=(y(1.0)) x2=(x(last)) y2=(y(last)) {} }
}

/// The longest latency as a number; for a queue, when the last accepted request was done.
fn labels(panel: &Panel, chart: &Chart) -> Markup {
    let bars = || panel.bars.iter().take(chart.slots).enumerate();
    if let Some(done) = panel.littles_law.and_then(|law| law.measured) {
        let last = bars()
            .filter(|(_, bar)| bar.kind == BarKind::Accepted)
            .max_by_key(|(_, bar)| bar.finished());
        let at = |(slot, bar): (usize, &Bar)| {
            label(
                slot,
                bar.finished() - bar.began,
                chart,
                &format!("all done after {}", show(done)),
            )
        };
        return last.map(at).unwrap_or_default();
    }
    // label a misbehaving connection only where no request had to wait
    let held = |bar: &Bar| bar.kind == BarKind::Held;
    let asked = bars().filter(|(_, bar)| !held(bar)).max_by_key(|(_, bar)| bar.waited());
    let flat = asked.is_none_or(|(_, bar)| bar.waited() < IMMEDIATE);
    let kept = bars()
        .filter(|(_, bar)| held(bar) && flat && bar.waited() >= IMMEDIATE)
        .max_by_key(|(_, bar)| bar.waited());
    let text = |bar: &Bar| match (bar.kind, show(bar.waited())) {
        (BarKind::Held, time) => format!("open for {time}"),
        (BarKind::TimedOut, time) => format!("no response in {time}"),
        (_, time) => time,
    };
    kept.or(asked)
        .map(|(slot, bar)| label(slot, bar.waited(), chart, &text(bar)))
        .unwrap_or_default()
}

/// How many characters of a label fit across a panel, roughly: fonts and panels both scale with the
/// page.
const LABEL_CHARS: f64 = 22.0;

/// Centred above its bar, or aligned with the edge of the panel where it would reach beyond it.
fn label(slot: usize, top: Duration, chart: &Chart, text: &str) -> Markup {
    let middle = (slot as f64 + 0.5) / chart.slots.max(1) as f64;
    let half = text.chars().count() as f64 / LABEL_CHARS / 2.0;
    let (x, anchor) = if half <= middle && middle + half <= 1.0 {
        (middle, "middle")
    } else if middle < 0.5 {
        (0.0, "start")
    } else {
        (1.0, "end")
    };
    let y = 1.0 - chart.axis.position(top).max(MIN_HEIGHT);
    html! { text.label x=(percent(x)) y=(percent(y)) dy="-.4em" text-anchor=(anchor) { (text) } }
}
