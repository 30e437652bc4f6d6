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

/// The complete page.
pub fn render(matrix: &Matrix) -> String {
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
                title { "From freeze to back-pressure: five servers, the same attacks" }
                link rel="icon" href="data:,";
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                (legend::patterns())
                (head(matrix))
                main {
                    (matrix::table(matrix))
                    (legend::legend(matrix))
                    @for row in &matrix.rows { (claim::section(row)) }
                }
                script { (PreEscaped(include_str!("script.js"))) }
            }
        }
    }
    .into_string()
}

fn head(matrix: &Matrix) -> Markup {
    let at = humantime::format_rfc3339_seconds(matrix.at).to_string();
    let minute = at.get(..16).unwrap_or(&at).replace('T', " ");
    let cores = match Matrix::cores() {
        0 => String::new(),
        1 => "1 core, ".into(),
        cores => format!("{cores} cores, "),
    };
    html! {
        header {
            h1 { "From freeze to back-pressure" }
            p.lead {
                "Five small HTTP servers, each one idea further than the last, under the same attacks. Each failure is a lesson."
            }
            p.made {
                "Run on " time datetime=(at) { (minute) " UTC" } ", "
                (cores) (std::env::consts::OS) " " (std::env::consts::ARCH) ", "
                (Matrix::profile()) " build, in " (show(matrix.took)) "."
            }
        }
    }
}
