//! A claim: its sentence, its panels, and the command that reproduces it.

use super::{panel, queue};
use crate::compare::chart::Chart;
use crate::compare::matrix::{Column, Row};
use maud::{Markup, html};

/// The section of one claim.
pub(super) fn section(row: &Row, columns: &[Column]) -> Markup {
    let chart = Chart::new(&row.findings, columns);
    let by_hand = row.claim.by_hand.replace("{addr}", "127.0.0.1:8080");
    html! {
        section.claim id=(row.claim.name) aria-labelledby={ (row.claim.name) "-title" } {
            h2 id={ (row.claim.name) "-title" } { (row.claim.sentence) }
            div.panels style={ "--columns:" (columns.len()) } {
                @for (((drawn, finding), column), number) in chart.panels.iter().zip(&row.findings).zip(columns).zip(1..) {
                    (panel::figure(row.claim, (number, column), finding, drawn, &chart))
                }
            }
            p.readout role="status" {}
            @for (drawn, column) in chart.panels.iter().zip(columns) {
                @if let Some(law) = &drawn.littles_law { (queue::figure(column, drawn, law)) }
            }
            p.by-hand {
                "To reproduce it, start a stage (" code { "cargo stage1" } " … " code { "cargo stage5" }
                "), then run in another terminal: " code { (by_hand) }
            }
        }
    }
}
