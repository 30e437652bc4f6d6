//! The queue depth over time, as the server reports it.

use super::format::{label, percent};
use crate::compare::captions;
use crate::compare::chart::{Axis, LittlesLaw, Panel};
use crate::compare::matrix::Column;
use maud::{Markup, html};
use std::time::Duration;

/// The queue depth over time with its capacity, and the depth that Little's law predicts, if it
/// applies.
pub(super) fn figure(column: &Column, panel: &Panel) -> Markup {
    let law = panel.littles_law.as_ref();
    let theory = law.map(|law| law.began + law.wait()).unwrap_or_default();
    let axis =
        Axis::up_to(panel.queue.iter().map(|depth| depth.at).max().unwrap_or_default().max(theory));
    let deepest = panel.queue.iter().map(|depth| depth.queued).max().unwrap_or_default();
    let capacity = panel.queue.last().map(|depth| depth.capacity).unwrap_or_default();
    let most = capacity.max(deepest).max(1) as f64;
    let x = |at: Duration| percent(axis.position(at));
    let y = |queued: f64| percent(1.0 - queued / most);
    let ends = panel
        .queue
        .iter()
        .skip(1)
        .map(|depth| depth.at)
        .chain(panel.queue.last().map(|depth| depth.at));
    let predicted = |law: &LittlesLaw| {
        let waiting = law.accepted.saturating_sub(1);
        let empty = law.began + law.work.saturating_mul(waiting.try_into().unwrap_or(u32::MAX));
        html! { line.theory x1=(x(law.began)) y1=(y(waiting as f64)) x2=(x(empty)) y2="100%" {} }
    };
    let text =
        format!("Queue depth of {}, over time. {}", column.spoken(), captions::caption(panel));
    html! {
        figure.queue {
            h3 { (label(column)) ": queue depth over time, as reported by " code { "GET /stats" } }
            svg.plot role="img" tabindex="0" aria-label=(text) {
                @for (moment, label) in &axis.ticks {
                    line.grid x1=(x(*moment)) x2=(x(*moment)) y1="0" y2="100%" {}
                    text.tick.below x=(x(*moment)) y="100%" dy="1.3em" { (label) }
                }
                @for (depth, end) in panel.queue.iter().zip(ends) {
                    @let width = axis.position(end) - axis.position(depth.at) + 0.001; // overlaps the next one slightly, to avoid seams
                    @let height = depth.queued as f64 / most;
                    rect.depth x=(x(depth.at)) width=(percent(width)) y=(percent(1.0 - height)) height=(percent(height)) {
                        title { (depth.queued) " queued, " (depth.done) " done" }
                    }
                }
                line.capacity x1="0" x2="100%" y1=(y(capacity as f64)) y2=(y(capacity as f64)) {}
                text.label x="100%" y=(y(capacity as f64)) dy="-.4em" text-anchor="end" { "capacity " (capacity) }
                @if let Some(law) = law { (predicted(law)) }
                line.base x1="0" x2="100%" y1="100%" y2="100%" {}
            }
        }
    }
}
