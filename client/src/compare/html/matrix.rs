//! The matrix: a row for each claim, a column for each stage, and in each cell a verdict, its
//! figure and a link to its chart.

use super::format::{anchor, label, verdict};
use crate::compare::matrix::{Column, Matrix, Row};
use maud::{Markup, html};
use probe::duration::unbroken;

/// The table. Its ARIA roles are explicit, because on a narrow page it is laid out as blocks, and
/// browsers then drop them.
pub(super) fn table(matrix: &Matrix) -> Markup {
    html! {
        section.matrix aria-label="The verdict on each claim for each stage" {
            table role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        th scope="col" role="columnheader" { "claim" }
                        @for column in &matrix.columns {
                            th scope="col" role="columnheader" { (label(column)) }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for found in &matrix.rows { (row(found, &matrix.columns)) }
                }
            }
            p.sum {
                @if matrix.columns.iter().all(|column| column.stage.is_none()) {
                    "✓ holds. ✗ fails. ? is unknown. Each cell links to its chart."
                } @else if matrix.is_as_expected() {
                    "✓ holds. ✗ fails as expected: this is the lesson, and a later stage fixes it. Each cell links to its chart."
                } @else {
                    "! differs from the lesson: either the lesson is wrong or this machine was too busy; try again when it is idle."
                }
            }
        }
    }
}

fn row(row: &Row, columns: &[Column]) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { a href={ "#" (row.claim.name) } { (row.claim.sentence) } }
            @for ((finding, column), number) in row.findings.iter().zip(columns).zip(1..) {
                @let (sign, words, class) = verdict(row.claim, column, finding);
                td role="cell" class=(class) {
                    a.cell href={ "#" (anchor(row.claim, number)) } {
                        span.stage aria-hidden="true" { (column.label()) }
                        span.verdict { span.sign { (sign) } " " (words) }
                        span.figure { (unbroken(&finding.figure)) }
                    }
                }
            }
        }
    }
}
