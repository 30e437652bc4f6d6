//! A comparison, a check or a saved run of `live` as one HTML file with inline SVG, which needs no
//! network.

mod claim;
mod format;
mod legend;
mod matrix;
mod panel;
mod queue;

use crate::compare::chart::Chart;
use crate::compare::matrix::{Column, Matrix, Row};
use format::verdict;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use probe::duration::show;
use std::time::{Duration, SystemTime};

/// The style of every page of the client.
pub(crate) const STYLE: &str = concat!(include_str!("palette.css"), include_str!("style.css"));

const SCRIPT: &str = include_str!("script.js");

/// What a page shows: a table with a row for each section and a column for each server, and below
/// it the sections.
pub(crate) struct Document<'a> {
    pub(crate) title: &'a str,
    /// What follows the title in the browser's tab.
    pub(crate) tab: &'a str,
    pub(crate) lead: String,
    /// When it was recorded, and in which time.
    pub(crate) at: SystemTime,
    pub(crate) took: Duration,
    pub(crate) columns: &'a [Column],
    /// What the table is, for a screen reader, and what its rows are.
    pub(crate) table: &'a str,
    pub(crate) rows: &'a str,
    /// What the signs in the table mean.
    pub(crate) sum: String,
    /// Which panels share a scale, and what is not drawn.
    pub(crate) order: &'a str,
    pub(crate) sections: Vec<Section>,
}

/// What was done to each server, and what came of it.
pub(crate) struct Section {
    /// Unique on the page.
    pub(crate) id: String,
    pub(crate) title: String,
    /// One for each server.
    pub(crate) cells: Vec<Cell>,
    /// With a panel for each server.
    pub(crate) chart: Chart,
    /// What a room predicted, and who was right.
    pub(crate) votes: Option<String>,
    /// What else was done meanwhile.
    pub(crate) then: Option<String>,
    /// The command that does the same.
    pub(crate) by_hand: Option<String>,
}

/// What was seen of one server.
pub(crate) struct Cell {
    pub(crate) sign: &'static str,
    pub(crate) words: String,
    pub(crate) class: &'static str,
    pub(crate) figure: String,
}

/// The complete page of a comparison.
pub fn render(matrix: &Matrix) -> String {
    let lead = match matrix.columns.len() {
        _ if matrix.columns.iter().any(|column| column.stage.is_none()) => {
            "The servers of the course, and others, under the same attacks. Each failure of the course is a lesson."
        }
        5 => {
            "Five small HTTP servers, each one idea further than the last, under the same attacks. Each failure is a lesson."
        }
        _ => {
            "Small HTTP servers, each one idea further than the last, under the same attacks. Each failure is a lesson."
        }
    };
    let (title, tab) = ("From freeze to back-pressure", ": five servers, the same attacks");
    page(&of_claims(matrix, title, tab, lead.into()))
}

/// The complete page of a check: one server, and the claims of a stage.
pub fn render_check(matrix: &Matrix, stage: u8) -> String {
    let lead = format!("One server, and what stage {stage} of the course promises.");
    page(&of_claims(matrix, "A check", "", lead))
}

fn of_claims<'a>(matrix: &'a Matrix, title: &'a str, tab: &'a str, lead: String) -> Document<'a> {
    let sum = if matrix.columns.iter().all(|column| column.stage.is_none()) {
        "✓ holds. ✗ fails. ? is unknown. Each cell links to its chart."
    } else if matrix.is_as_expected() {
        "✓ holds. ✗ fails as expected: this is the lesson, and a later stage fixes it. Each cell links to its chart."
    } else {
        "! differs from the lesson: either the lesson is wrong or this machine was too busy; try again when it is idle."
    };
    let section = |row: &Row| {
        let found = row.findings.iter().zip(&matrix.columns);
        Section {
            id: row.claim.name.into(),
            title: row.claim.sentence.into(),
            cells: found.map(|(finding, column)| verdict(row.claim, column, finding)).collect(),
            chart: Chart::new(&row.findings, &matrix.columns),
            votes: None,
            then: None,
            by_hand: Some(row.claim.command("127.0.0.1:8080")),
        }
    };
    Document {
        title,
        tab,
        lead,
        at: matrix.at,
        took: matrix.took,
        columns: &matrix.columns,
        table: "The verdict on each claim for each stage",
        rows: "claim",
        sum: sum.into(),
        order: "The panels of a claim share one scale.",
        sections: matrix.rows.iter().map(section).collect(),
    }
}

/// The complete page: one file that loads nothing.
pub(crate) fn page(document: &Document) -> String {
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (document.title) (document.tab) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                (legend::patterns())
                (head(document))
                main {
                    (matrix::table(document))
                    (legend::legend(&document.sections, document.order))
                    @for section in &document.sections { (claim::section(section, document.columns)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn head(document: &Document) -> Markup {
    let at = humantime::format_rfc3339_seconds(document.at).to_string();
    let minute = at.get(..16).unwrap_or(&at).replace('T', " ");
    let cores = match Matrix::cores() {
        0 => String::new(),
        1 => "1 core, ".into(),
        cores => format!("{cores} cores, "),
    };
    html! {
        header {
            h1 { (document.title) }
            p.lead {
                (document.lead)
            }
            p.made {
                "Run on " time datetime=(at) { (minute) " UTC" } ", "
                (cores) (std::env::consts::OS) " " (std::env::consts::ARCH) ", "
                (Matrix::profile()) " build, in " (show(document.took)) "."
            }
        }
    }
}
