//! The matrix: a row for each claim, a column for each stage, and in each cell a verdict, its
//! figure and a link to its chart.

use super::format::{anchor, verdict};
use crate::compare::matrix::{Matrix, Row};
use maud::{Markup, html};
use probe::duration::unbroken;
use probe::stages::{STAGES, idea};

/// The table. Its ARIA roles are explicit, because on a narrow page it is laid out as blocks, and
/// browsers then drop them.
pub(super) fn table(matrix: &Matrix) -> Markup {
    html! {
        section.matrix aria-label="The verdict on each claim for each stage" {
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
                    "✓ holds. ✗ fails as expected: this is the lesson, and a later stage fixes it. Each cell links to its chart."
                } @else {
                    "! differs from the lesson: either the lesson is wrong or this machine was too busy; try again when it is idle."
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
