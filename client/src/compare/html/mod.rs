//! The comparison as one HTML file with inline SVG, which needs no network.

mod claim;
mod format;
mod legend;
mod matrix;
mod panel;
mod queue;

use crate::compare::matrix::Matrix;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use probe::duration::show;

/// The style of every page of the client.
pub(crate) const STYLE: &str = concat!(include_str!("palette.css"), include_str!("style.css"));

/// What a page is about.
struct Heading {
    title: &'static str,
    /// What follows the title in the browser's tab.
    tab: &'static str,
    lead: String,
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
    let title = "From freeze to back-pressure";
    page(matrix, &Heading { title, tab: ": five servers, the same attacks", lead: lead.into() })
}

/// The complete page of a check: one server, and the claims of a stage.
pub fn render_check(matrix: &Matrix, stage: u8) -> String {
    let lead = format!("One server, and what stage {stage} of the course promises.");
    page(matrix, &Heading { title: "A check", tab: "", lead })
}

fn page(matrix: &Matrix, heading: &Heading) -> String {
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
                title { (heading.title) (heading.tab) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                (legend::patterns())
                (head(matrix, heading))
                main {
                    (matrix::table(matrix))
                    (legend::legend(matrix))
                    @for row in &matrix.rows { (claim::section(row, &matrix.columns)) }
                }
                script { (PreEscaped(include_str!("script.js"))) }
            }
        }
    }
    .into_string()
}

fn head(matrix: &Matrix, heading: &Heading) -> Markup {
    let at = humantime::format_rfc3339_seconds(matrix.at).to_string();
    let minute = at.get(..16).unwrap_or(&at).replace('T', " ");
    let cores = match Matrix::cores() {
        0 => String::new(),
        1 => "1 core, ".into(),
        cores => format!("{cores} cores, "),
    };
    html! {
        header {
            h1 { (heading.title) }
            p.lead {
                (heading.lead)
            }
            p.made {
                "Run on " time datetime=(at) { (minute) " UTC" } ", "
                (cores) (std::env::consts::OS) " " (std::env::consts::ARCH) ", "
                (Matrix::profile()) " build, in " (show(matrix.took)) "."
            }
        }
    }
}
