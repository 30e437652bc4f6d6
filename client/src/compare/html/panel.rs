//! One panel: the requests of a claim on one stage, a bar each.

use super::format::{anchor, percent, verdict};
use super::legend::swatch;
use crate::compare::captions;
use crate::compare::chart::{AT_ONCE, Axis, Bar, Fate, Panel, Picture, Place};
use claims::{Claim, Finding};
use maud::{Markup, html};
use probe::duration::{show, unbroken};
use probe::stages::{STAGES, idea};
use std::time::Duration;

/// A figure with its verdict, its bars and its sentence.
pub(super) fn panel(
    claim: &Claim,
    stage: u8,
    finding: &Finding,
    panel: &Panel,
    picture: &Picture,
) -> Markup {
    let (sign, words, class) = verdict(claim, stage, finding);
    let name = STAGES.get(usize::from(stage) - 1).map(|stage| idea(stage)).unwrap_or_default();
    let text =
        format!("Stage {stage}, {name}: {words}, {}. {}", finding.figure, captions::caption(panel));
    html! {
        figure class={ "panel " (class) } id=(anchor(claim, stage)) {
            h3 { b { (stage) } " " (name) " " span.verdict { span.sign { (sign) } " " (words) } }
            svg.plot role="img" tabindex="0" aria-label=(text) {
                (grid(&picture.axis))
                @for (bar, slot) in panel.bars.iter().zip(0..) { (draw(bar, slot, picture)) }
                (theory(panel, picture))
                (labels(panel, picture))
            }
            figcaption {
                @for (fate, part) in captions::parts(panel) { p { (swatch(fate, Place::Answer)) (unbroken(&part)) } }
                @if panel.bars.is_empty() { p { (captions::caption(panel)) } }
                @if let Some(theory) = captions::theory(panel) { p.says { (unbroken(&theory)) } }
                p.start { code { "cargo run -p stage" (stage) } }
            }
        }
    }
}

fn grid(axis: &Axis) -> Markup {
    html! {
        @for (moment, label) in &axis.ticks {
            @let y = percent(1.0 - axis.at(*moment));
            line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
            text.tick x="-.5em" y=(y) { (label) }
        }
    }
}

/// The least height of what was answered: what is too short for the scale is still there.
const HAIR: f64 = 0.02;

fn draw(bar: &Bar, slot: usize, picture: &Picture) -> Markup {
    let slots = picture.slots.max(1) as f64;
    let (x, width) = ((slot as f64 + 0.08) / slots, 0.84 / slots);
    let rect = |from: Duration, to: Duration, place: Place| {
        let (from, to) = (picture.axis.at(from - bar.began), picture.axis.at(to - bar.began));
        let height = if matches!(place, Place::Answer) { (to - from).max(HAIR) } else { to - from };
        html! {
            rect class=(place.name()) x=(percent(x)) y=(percent(1.0 - from - height)) width=(percent(width)) height=(percent(height)) {}
        }
    };
    html! {
        g class={ "bar " (bar.fate.name()) } {
            title { (captions::bar(bar)) }
            // the answer's hair lies over what follows it
            @for segment in bar.segments.iter().rev() { (rect(segment.from, segment.to, segment.place)) }
        }
    }
}

/// The moments that the arithmetic gives for one after another, as a line over the bars that it is about.
fn theory(panel: &Panel, picture: &Picture) -> Markup {
    let is_step = |bar: &Bar| match &panel.stairs {
        Some(stairs) => bar.what == stairs.what,
        None => bar.fate == Fate::Taken,
    };
    let of_stairs = panel.stairs.map(|stairs| (stairs.work, stairs.served + stairs.waiting));
    let of_little = panel.little.map(|little| (little.work, little.taken as u32));
    let Some((work, count)) = of_stairs.or(of_little) else { return html! {} };
    let first = panel.bars.iter().position(is_step).unwrap_or_default() as f64;
    let slots = picture.slots.max(1) as f64;
    let room = picture.axis.end.as_secs_f64() / work.as_secs_f64();
    let last = f64::from(count).min(room);
    let x = |k: f64| percent((first + k - 0.5) / slots);
    let y = |k: f64| percent(1.0 - picture.axis.at(work.mul_f64(k)));
    html! { line.theory x1=(x(1.0)) y1=(y(1.0)) x2=(x(last)) y2=(y(last)) {} }
}

/// The longest wait, in figures; and when the last promise was kept.
fn labels(panel: &Panel, picture: &Picture) -> Markup {
    let bars = || panel.bars.iter().enumerate();
    if let Some(done) = panel.little.and_then(|little| little.measured) {
        let last =
            bars().filter(|(_, bar)| bar.fate == Fate::Taken).max_by_key(|(_, bar)| bar.top());
        let at = |(slot, bar): (usize, &Bar)| {
            label(slot, bar.top() - bar.began, picture, &format!("done after {}", show(done)))
        };
        return last.map(at).unwrap_or_default();
    }
    // what was held counts where nobody else waited
    let held = |bar: &Bar| bar.fate == Fate::Held;
    let asked = bars().filter(|(_, bar)| !held(bar)).max_by_key(|(_, bar)| bar.waited());
    let flat = asked.is_none_or(|(_, bar)| bar.waited() < AT_ONCE);
    let kept = bars()
        .filter(|(_, bar)| held(bar) && flat && bar.waited() >= AT_ONCE)
        .max_by_key(|(_, bar)| bar.waited());
    let text = |bar: &Bar| match (bar.fate, show(bar.waited())) {
        (Fate::Held, time) => format!("held for {time}"),
        (Fate::Unanswered, time) => format!("no answer in {time}"),
        (_, time) => time,
    };
    kept.or(asked)
        .map(|(slot, bar)| label(slot, bar.waited(), picture, &text(bar)))
        .unwrap_or_default()
}

fn label(slot: usize, top: Duration, picture: &Picture, text: &str) -> Markup {
    let slots = picture.slots.max(1) as f64;
    let middle = (slot as f64 + 0.5) / slots;
    let (x, anchor) = match middle {
        0.0..0.35 => (slot as f64 / slots, "start"),
        0.35..0.65 => (middle, "middle"),
        _ => ((slot as f64 + 1.0) / slots, "end"),
    };
    let y = 1.0 - picture.axis.at(top).max(HAIR);
    html! { text.label x=(percent(x)) y=(percent(y)) dy="-.4em" text-anchor=(anchor) { (text) } }
}
