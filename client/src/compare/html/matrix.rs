//! The matrix: a row for each section, a column for each server, and in each cell a verdict, its
//! figure and a link to its chart.

use super::format::{anchor, label};
use super::{Document, Section};
use crate::compare::matrix::Column;
use maud::{Markup, html};
use probe::duration::unbroken;

/// The table. Its ARIA roles are explicit, because on a narrow page it is laid out as blocks, and
/// browsers then drop them.
pub(super) fn table(document: &Document) -> Markup {
    html! {
        section.matrix aria-label=(document.table) {
            table role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        th scope="col" role="columnheader" { (document.rows) }
                        @for column in document.columns {
                            th scope="col" role="columnheader" { (label(column)) }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for section in &document.sections { (row(section, document.columns)) }
                }
            }
            p.sum { (document.sum) }
        }
    }
}

fn row(section: &Section, columns: &[Column]) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { a href={ "#" (section.id) } { (section.title) } }
            @for ((cell, column), number) in section.cells.iter().zip(columns).zip(1..) {
                td role="cell" class=(cell.class) {
                    a.cell href={ "#" (anchor(section, number)) } {
                        span.stage aria-hidden="true" { (column.label()) }
                        span.verdict { span.sign { (cell.sign) } " " (unbroken(&cell.words)) }
                        span.figure { (unbroken(&cell.figure)) }
                    }
                }
            }
        }
    }
}
