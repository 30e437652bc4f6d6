//! The verdicts of a check as JUnit's XML, which continuous integration and classroom tools read.
//!
//! There is no standard; this is what the readers have in common
//! (<https://github.com/testmoapp/junitxml>).

use claims::{Claim, Finding, Verdict};
use maud::{PreEscaped, html};
use std::time::Duration;

/// One claim that was tried.
pub(super) struct Case {
    pub(super) claim: &'static Claim,
    pub(super) finding: Finding,
    pub(super) took: Duration,
    /// Whether the verdict changes the exit code.
    pub(super) decides: bool,
}

/// The document. A claim that is broken and decides is a failure; one that is unknown and decides an
/// error; one that is not kept and does not decide counts as skipped.
pub(super) fn document(stage: u8, cases: &[Case]) -> String {
    let count = |decides: bool, verdict: Option<Verdict>| {
        let is_it = |case: &&Case| {
            case.decides == decides
                && verdict.map_or(case.finding.verdict != Verdict::Kept, |verdict| {
                    case.finding.verdict == verdict
                })
        };
        cases.iter().filter(is_it).count()
    };
    let took: Duration = cases.iter().map(|case| case.took).sum();
    let suite = html! {
        testsuites {
            testsuite name=(format!("stage {stage}")) tests=(cases.len())
                failures=(count(true, Some(Verdict::Broken)))
                errors=(count(true, Some(Verdict::Unknown)))
                skipped=(count(false, None)) time=(seconds(took)) {
                @for Case { claim, finding: Finding { verdict, figure, .. }, took, decides } in cases {
                    testcase classname=(format!("stage{stage}.{}", super::claims::group(claim)))
                        name=(format!("{}: {}", claim.name, claim.sentence)) time=(seconds(*took)) {
                        @match (verdict, decides) {
                            (Verdict::Kept, _) => {}
                            (Verdict::Broken, true) => failure message=(plain(figure)) {}
                            (Verdict::Unknown, true) => error message=(plain(figure)) {}
                            (_, false) => skipped message=(plain(figure)) {}
                        }
                    }
                }
            }
        }
    };
    let declaration = PreEscaped(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    html! { (declaration) "\n" (suite) "\n" }.into_string()
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

/// XML has no way to write most control characters (XML 1.0 §2.2).
fn plain(text: &str) -> String {
    let is_plain = |char: char| !char.is_control() || matches!(char, '\n' | '\t');
    text.chars().map(|char| if is_plain(char) { char } else { '\u{fffd}' }).collect()
}
