//! The matrix: claims down, stages across, each cell a verdict with its figure, and a way to its picture.

use super::format::{anchor, verdict};
use crate::compare::matrix::{Matrix, Row};
use maud::{Markup, html};
use probe::duration::unbroken;
use probe::stages::{STAGES, idea};

/// The table. Its roles are written out, since a narrow page lays it out as blocks, which hides that it is a table.
pub(super) fn table(matrix: &Matrix) -> Markup {
    html! {
        section.matrix aria-label="The claims, and what each stage made of them" {
            table role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        th scope="col" role="columnheader" { "claim" }
                        @for (stage, number) in STAGES.iter().zip(1..) {
                            th scope="col" role="columnheader" { b { (number) } " " (idea(stage)) }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for found in &matrix.rows { (row(found)) }
                }
            }
            p.sum {
                @if matrix.is_as_expected() {
                    "✓ holds. ✗ breaks, as the lessons say it must; a later stage mends it. Each cell leads to its chart."
                } @else {
                    "! is not what the lessons say: the lesson is wrong, or this machine was too busy; try again when it is idle."
                }
            }
        }
    }
}

fn row(row: &Row) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { a href={ "#" (row.claim.name) } { (row.claim.sentence) } }
            @for (finding, stage) in row.findings.iter().zip(1u8..) {
                @let (sign, words, class) = verdict(row.claim, stage, finding);
                td role="cell" class=(class) {
                    a.cell href={ "#" (anchor(row.claim, stage)) } {
                        span.stage aria-hidden="true" { (stage) " " (STAGES.get(usize::from(stage) - 1).map(|stage| idea(stage)).unwrap_or_default()) }
                        span.verdict { span.sign { (sign) } " " (words) }
                        span.figure { (unbroken(&finding.figure)) }
                    }
                }
            }
        }
    }
}
