//! The chart as one HTML file with inline SVG, which needs no network.

use super::{caption, scale};
use crate::compare::html::STYLE;
use crate::recorded::Recorded;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What the chart adds to the style of all pages.
const OWN_STYLE: &str = "
.run { margin: 2.2rem 0 0; padding-left: 3.8rem; }
.run .plot { height: clamp(8rem, 14vw, 16rem); margin-top: .8rem; }
.run .axis { display: block; width: 100%; height: 1.6rem; overflow: visible; }
.stopped { fill: var(--shed-ground); }
.good { fill: var(--accepted); }
.due { stroke: var(--theory); stroke-width: 2; }
";

/// The complete page.
pub fn render(runs: &[Recorded]) -> String {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
    let scale = scale(runs);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { "Goodput over time" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) (PreEscaped(OWN_STYLE)) }
            }
            body {
                header {
                    h1 { "Goodput over time" }
                    p.lead {
                        "Requests served in each second. The line is how many became due; the shaded part is when the "
                        "server was stopped."
                    }
                }
                main { @for run in runs { (figure(run, scale)) } }
            }
        }
    }
    .into_string()
}

fn figure(run: &Recorded, (most, longest): (u64, usize)) -> Markup {
    let x = |second: f64| percent(second / longest as f64);
    let y = |count: u64| percent(1.0 - count as f64 / most as f64);
    let height = |count: u64| percent(count as f64 / most as f64);
    let caption = caption(run);
    html! {
        figure.run {
            h2 { (run.name) }
            svg.plot role="img" aria-label={ (run.name) ": " (caption) } {
                @if let Some((from, to)) = run.pause {
                    rect.stopped x=(x(from)) width=(x(to - from)) y="0" height="100%" {}
                }
                @for count in [0, most] {
                    line.grid x1="0" x2="100%" y1=(y(count)) y2=(y(count)) {}
                    text.tick x="-.5em" y=(y(count)) { (count) }
                }
                @for (second, place) in run.seconds.iter().zip(0u32..) {
                    @let place = f64::from(place);
                    rect.good x=(x(place + 0.08)) width=(x(0.84)) y=(y(second.served)) height=(height(second.served)) {
                        title { "second " (place + 1.0) ": " (second.served) " served of " (second.due) " due" }
                    }
                    line.due x1=(x(place)) x2=(x(place + 1.0)) y1=(y(second.due)) y2=(y(second.due)) {}
                }
            }
            svg.axis aria-hidden="true" {
                @for second in (0..=longest).step_by((longest / 10).max(1)) {
                    text.tick.below x=(x(second as f64)) y="1.2em" { (second) " s" }
                }
            }
            figcaption { (caption) }
        }
    }
}

fn percent(part: f64) -> String {
    format!("{:.3}%", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn each_second_has_a_bar_and_the_pause_its_ground_and_a_name_is_text() {
        let runs = [run("<b>", &[10, 5], Some((1.0, 2.0))), run("other", &[0, 0, 7, 7], None)];
        let page = render(&runs);
        assert_eq!(page.matches("<rect class=\"good\"").count(), 6);
        assert_eq!(
            page.matches("<rect class=\"stopped\" x=\"25.000%\" width=\"25.000%\"").count(),
            1
        );
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"));
        assert!(page.contains("5 served of 10 due") && !page.contains("http://"));
    }
}
