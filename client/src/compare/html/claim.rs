//! A claim: its sentence, its five panels, and the command that reproduces it.

use super::{panel, queue};
use crate::compare::chart::Chart;
use crate::compare::matrix::{Row, WORK};
use maud::{Markup, html};
use probe::stages::{STAGES, idea};

/// The section of one claim.
pub(super) fn section(row: &Row) -> Markup {
    let chart = Chart::new(&row.findings, WORK);
    let by_hand = row.claim.by_hand.replace("{addr}", "127.0.0.1:8080");
    html! {
        section.claim id=(row.claim.name) aria-labelledby={ (row.claim.name) "-title" } {
            h2 id={ (row.claim.name) "-title" } { (row.claim.sentence) }
            div.panels {
                @for ((drawn, finding), stage) in chart.panels.iter().zip(&row.findings).zip(1u8..) {
                    (panel::figure(row.claim, stage, finding, drawn, &chart))
                }
            }
            p.readout role="status" {}
            @for ((drawn, stage), number) in chart.panels.iter().zip(STAGES).zip(1u8..) {
                @if let Some(law) = &drawn.littles_law { (queue::figure(number, &idea(stage), drawn, law)) }
            }
            p.by-hand {
                "To reproduce it, start a stage (" code { "cargo stage1" } " … " code { "cargo stage5" }
                "), then run in another terminal: " code { (by_hand) }
            }
        }
    }
}
