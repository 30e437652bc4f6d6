//! `--against`: this run beside recorded ones.

use client::recorded::Recorded;
use serde_json::Value;

/// What is compared: its name, where it is in a report, and whether it is a duration.
const FIGURES: [(&str, &str, bool); 18] = [
    ("requests", "/requests", false),
    ("throughput", "/throughput", false),
    ("goodput", "/goodput", false),
    ("served", "/served/count", false),
    ("  p50", "/served/latency_s/p50", true),
    ("  p90", "/served/latency_s/p90", true),
    ("  p99", "/served/latency_s/p99", true),
    ("  max", "/served/latency_s/max", true),
    ("shed", "/refused/count", false),
    ("  p50", "/refused/latency_s/p50", true),
    ("  p99", "/refused/latency_s/p99", true),
    ("rejected", "/rejected/count", false),
    ("timed out", "/timed_out/count", false),
    ("failed", "/failed/count", false),
    ("aborted", "/cut_short/count", false),
    ("not sent", "/not_sent", false),
    ("sent again", "/sent_again", false),
    ("  timed out", "/sent_again_after_timeout", false),
];

/// A table: each figure before and now, and the ratio. Of several recorded runs the mean, and their spread.
pub(super) fn table(before: &[Recorded], now: &Value) -> String {
    let names: Vec<_> = before.iter().map(|run| run.name.as_str()).collect();
    let several = before.len() > 1;
    let spread = if several { format!("{:>24}", "least to most") } else { String::new() };
    let mut text = format!(
        "\n  against {}\n\n  {:<12}{:>11}{spread}{:>11}{:>10}\n",
        names.join(", "),
        "",
        if several { "mean" } else { "before" },
        "now",
        "ratio"
    );
    for (name, path, is_duration) in FIGURES {
        let figure = |report: &Value| report.pointer(path).and_then(Value::as_f64);
        let all: Vec<_> = before.iter().filter_map(|run| figure(&run.report)).collect();
        let now = figure(now);
        let mean = (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64);
        if mean.unwrap_or(0.0) == 0.0 && now.unwrap_or(0.0) == 0.0 {
            continue;
        }
        let show =
            |figure: Option<f64>| figure.map_or("-".into(), |figure| cell(figure, is_duration));
        let spread = match (several, all.is_empty()) {
            (false, _) => String::new(),
            (true, true) => format!("{:>24}", "-"),
            (true, false) => {
                let least = all.iter().copied().fold(f64::INFINITY, f64::min);
                let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let range = format!("{} to {}", cell(least, is_duration), cell(most, is_duration));
                format!("{range:>24}")
            }
        };
        let ratio = mean.zip(now).filter(|(mean, _)| *mean > 0.0);
        let ratio = ratio.map_or("-".into(), |(mean, now)| format!("{:.2}", now / mean));
        text += &format!("  {name:<12}{:>11}{spread}{:>11}{ratio:>10}\n", show(mean), show(now));
    }
    text
}

fn cell(figure: f64, is_duration: bool) -> String {
    match is_duration {
        true => probe::duration::show(
            std::time::Duration::try_from_secs_f64(figure).unwrap_or_default(),
        ),
        false if figure.fract() == 0.0 => format!("{figure:.0}"),
        false => format!("{figure:.1}"),
    }
}
