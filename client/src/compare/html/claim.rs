//! A claim, or an attack: its sentence, its panels, and the command that reproduces it.

use super::{Section, panel, queue};
use crate::compare::matrix::Column;
use maud::{Markup, html};

/// A section of the page.
pub(super) fn section(section: &Section, columns: &[Column]) -> Markup {
    let (chart, id) = (&section.chart, &section.id);
    html! {
        section.claim id=(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (section.title) }
            div.panels style={ "--columns:" (columns.len()) } {
                @for (((drawn, cell), column), number) in chart.panels.iter().zip(&section.cells).zip(columns).zip(1..) {
                    (panel::figure(section, (number, column), cell, drawn))
                }
            }
            p.readout role="status" {}
            @for (drawn, column) in chart.panels.iter().zip(columns) {
                @if drawn.littles_law.is_some() || drawn.queue.iter().any(|depth| depth.queued > 0) {
                    (queue::figure(column, drawn))
                }
            }
            @for text in [&section.votes, &section.then].into_iter().flatten() {
                p.by-hand { (text) }
            }
            @if let Some(by_hand) = &section.by_hand {
                p.by-hand {
                    "To reproduce it, start a stage (" code { "cargo stage1" } " … " code { "cargo stage5" }
                    "), then run in another terminal: " code { (by_hand) }
                }
            }
        }
    }
}
