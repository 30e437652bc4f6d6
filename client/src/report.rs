//! What came of a load, in words and figures.

use crate::caller::show;
use crate::load::{Row, Tally};
use std::fmt::Write;
use std::time::Duration;

/// The summary: each figure by outcome, since the latency of a refusal is not the latency of a service.
pub fn summary(tally: &Tally, connections: usize, target: &str) -> String {
    let total = tally.total();
    let seconds = tally.elapsed.as_secs_f64().max(1e-6);
    let mut text = format!(
        "\n{total} request{} to {target} in {}, over {connections} connection{}\n\n",
        if total == 1 { "" } else { "s" },
        show(tally.elapsed),
        if connections == 1 { "" } else { "s" },
    );
    text += "  outcome        count                p50       p90       p99       max\n";
    row(&mut text, "served", &tally.served, total, |status| status.to_string());
    row(&mut text, "refused", &tally.refused, total, |retry_after| match retry_after {
        Some(seconds) => format!("503 Service Unavailable, Retry-After {seconds} s"),
        None => "503 Service Unavailable, without Retry-After".into(),
    });
    row(&mut text, "rejected", &tally.rejected, total, |status| status.to_string());
    row(&mut text, "timed out", &tally.timed_out, total, |()| "no whole answer in time".into());
    row(&mut text, "failed", &tally.failed, total, |failure| failure.to_string());
    if tally.cut_short.total() > 0 {
        row(&mut text, "cut short", &tally.cut_short, total, |()| "still without an answer when it was stopped".into());
    }
    if tally.not_sent > 0 {
        let _ = writeln!(text, "  not sent   {:>9}  due, but every connection was still waiting", tally.not_sent);
    }
    let per_second = |count: u64| count as f64 / seconds;
    // writing to a String cannot fail
    let _ = writeln!(
        text,
        "\n  throughput {:.1} answers/s, goodput {:.1} served/s",
        per_second(tally.answered()),
        per_second(tally.served.total())
    );
    text
}

fn row<Kind: Ord + Copy>(text: &mut String, name: &str, row: &Row<Kind>, of: u64, describe: impl Fn(&Kind) -> String) {
    let total = row.total();
    let _ = write!(text, "  {name:<10} {total:>9}");
    if total == 0 {
        text.push('\n');
        return;
    }
    let share = total as f64 * 100.0 / of as f64;
    let _ = if share < 0.05 { write!(text, "  < 0.1 %") } else { write!(text, "  {share:>5.1} %") };
    let at = |quantile| show(Duration::from_micros(row.latency.value_at_quantile(quantile)));
    for figure in [at(0.5), at(0.9), at(0.99), show(Duration::from_micros(row.latency.max()))] {
        let _ = write!(text, "{figure:>10}");
    }
    text.push('\n');
    for (kind, count) in &row.kinds {
        let _ = writeln!(text, "  {count:>20}  {}", describe(kind));
    }
}
