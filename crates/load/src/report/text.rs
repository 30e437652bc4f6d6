//! The report as text: every figure by outcome, since a fast rejection is not a fast service.

use super::{PERCENTILES, Report};
use crate::latency::Latency;
use crate::ramp::Steps;
use crate::retry::Resent;
use crate::schedule::Shape;
use crate::stats::{LoadStats, OutcomeStats};
use crate::timeline::Second;
use crate::verify::Reconciliation;
use console::{Style, style};
use probe::duration::{show, unbroken};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;
use textwrap::{Options, WordSplitter};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let stats = &self.stats;
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let (requests, connections) = (stats.total(), stats.senders);
        write!(f, "\n{requests} request{} to {}", plural(requests), self.target)?;
        if !stats.elapsed.is_zero() {
            write!(f, " in {}", show(stats.elapsed))?;
        }
        write!(f, ", over {connections} connection{}", plural(connections))?;
        match self.shape {
            Shape::ClosedLoop => {}
            Shape::Rate(rate) => write!(f, ", {rate} due per second")?,
            Shape::Ramp(ramp) => write!(f, ", {} to {} due per second", ramp.from, ramp.to)?,
            Shape::Burst => f.write_str(", all due at once")?,
        }
        f.write_str("\n\n")?;
        outcomes(f, stats)?;
        latencies(f, stats)?;
        histogram(f, &stats.served.latency)?;
        writeln!(
            f,
            "\n  throughput {:.1} responses/s, goodput {:.1} served/s",
            stats.throughput(),
            stats.goodput()
        )?;
        resent(f, stats)?;
        if let Some(seed) = self.seed {
            writeln!(f, "  to repeat this run: --seed {seed}")?;
        }
        ramp(f, &stats.ramp, self.shape)?;
        if let Some((from, to)) = self.pause {
            writeln!(f, "  the server was stopped from {} to {}", show(from), show(to))?;
        }
        if self.timeline {
            timeline(f, &stats.timeline, self.pause)?;
        }
        match &self.reconciliation {
            None => {}
            Some(Ok(reconciliation)) => verified(f, reconciliation)?,
            Some(Err(why)) => writeln!(f, "\n  {} {why}", style("not verified:").red().bold())?,
        }
        for diagnosis in &self.diagnoses {
            writeln!(f, "\n  {} {}", style("note:").yellow().bold(), fold(diagnosis))?;
        }
        for (place, assertion) in self.assertions.iter().enumerate() {
            let colour =
                if assertion.met { Style::new().green() } else { Style::new().red().bold() };
            writeln!(f, "{}  {}", if place == 0 { "\n" } else { "" }, colour.apply_to(assertion))?;
        }
        Ok(())
    }
}

/// A note in lines of at most 80 characters; all but the first are indented.
fn fold(note: &str) -> String {
    let options = Options::new(72).break_words(false).word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(&unbroken(note), options).join("\n        ").replace('\u{a0}', " ")
}

fn outcomes(f: &mut Formatter<'_>, stats: &LoadStats) -> fmt::Result {
    let of = stats.total();
    row(f, "served", &stats.served, of, Style::new().green(), |status| vec![status.to_string()])?;
    row(f, "shed", &stats.shed, of, Style::new().yellow(), |retry_after| {
        vec![match retry_after {
            Some(u64::MAX) => "503 Service Unavailable, Retry-After beyond any clock".into(),
            Some(seconds) => format!("503 Service Unavailable, Retry-After {seconds} s"),
            None => "503 Service Unavailable, without Retry-After".into(),
        }]
    })?;
    row(f, "rejected", &stats.rejected, of, Style::new().magenta(), |status| {
        vec![status.to_string()]
    })?;
    row(f, "timed out", &stats.timed_out, of, Style::new().red(), |()| {
        vec!["no complete response in time (-t)".into()]
    })?;
    row(f, "failed", &stats.failed, of, Style::new().red(), |failure| {
        vec![failure.to_string(), failure.advice().to_owned()]
    })?;
    if stats.aborted.total() > 0 {
        row(f, "aborted", &stats.aborted, of, Style::new(), |shed| {
            vec![match shed {
                true => "shed, and waiting to be sent again".into(),
                false => "still without a response when the run was stopped".into(),
            }]
        })?;
    }
    if stats.not_sent > 0 {
        writeln!(
            f,
            "  not sent   {:>9}           due, but every connection was busy",
            stats.not_sent
        )?;
    }
    Ok(())
}

/// How wide the description of a kind is, at most.
const WIDEST: usize = 88;

/// How many kinds of an outcome are shown: a server may send another `Retry-After` each time.
const KINDS: usize = 8;

fn row<Kind: Ord + Copy>(
    f: &mut Formatter<'_>,
    name: &str,
    row: &OutcomeStats<Kind>,
    of: u64,
    colour: Style,
    describe: impl Fn(&Kind) -> Vec<String>,
) -> fmt::Result {
    let total = row.total();
    if total == 0 {
        return writeln!(f, "  {name:<10} {total:>9}");
    }
    let share = total as f64 * 100.0 / of as f64;
    let share = if share < 0.05 { "< 0.1 %".into() } else { format!("{share:>5.1} %") };
    write!(f, "  {} {total:>9}  {share}", colour.apply_to(format!("{name:<10}")))?;
    let alone = row.kinds.len() == 1;
    for (place, (kind, count)) in row.kinds.iter().take(KINDS).enumerate() {
        let described = describe(kind);
        let mut lines = described.iter().flat_map(|line| textwrap::wrap(line, WIDEST));
        let first = lines.next().unwrap_or_default();
        let first = if alone { first } else { format!("{count} × {first}").into() };
        let indent = if place == 0 { "  " } else { "                                " };
        writeln!(f, "{indent}{first}")?;
        for line in lines {
            writeln!(f, "                                {line}")?;
        }
    }
    let more: u64 = row.kinds.values().skip(KINDS).sum();
    if more > 0 {
        writeln!(f, "                                {more} × others; --json has all of them")?;
    }
    Ok(())
}

fn resent(f: &mut Formatter<'_>, stats: &LoadStats) -> fmt::Result {
    let Resent { shed, timed_out, denied } = stats.resent;
    if shed > 0 {
        let most = stats.retry_burst;
        writeln!(
            f,
            "  {shed} shed requests were sent again, up to {most} of them within a tenth of a second"
        )?;
    }
    if timed_out > 0 {
        let attempts = stats.total() + shed + timed_out;
        writeln!(
            f,
            "  {timed_out} timed-out requests were sent again: {attempts} attempts for {} requests",
            stats.total()
        )?;
    }
    if denied > 0 {
        writeln!(f, "  {denied} were not sent again: the retry budget was used up")?;
    }
    if shed + timed_out > 0 {
        writeln!(
            f,
            "  a request counts once, by its last attempt; its latency counts from when it was first due"
        )?;
    }
    Ok(())
}

/// Latency and goodput over the load that was offered, and where goodput stops following.
fn ramp(f: &mut Formatter<'_>, steps: &Steps, shape: Shape) -> fmt::Result {
    let Shape::Ramp(ramp) = shape else { return Ok(()) };
    writeln!(f, "\n  due per second      goodput        p50        p99")?;
    for step in &steps.0 {
        let [from, to] = step.rates;
        let range = format!("{from:.0} to {to:.0}");
        let cell = |percent: f64, least: u64| match step.latency.count() >= least {
            true => show(step.latency.percentile(percent)),
            false => "-".into(),
        };
        let (p50, p99) = (cell(50.0, 2), cell(99.0, 100));
        writeln!(f, "  {range:>14}{:>13.1}{p50:>11}{p99:>11}", step.goodput())?;
    }
    match steps.knee() {
        Some(knee) if knee.rates[0] <= ramp.from => writeln!(
            f,
            "  the knee is below {:.0} due per second: fewer are served from the beginning",
            ramp.from
        ),
        Some(knee) => writeln!(
            f,
            "  the knee: up to {:.0} due per second as many are served, and from then on fewer",
            knee.rates[0]
        ),
        // a run that was stopped did not reach the end of its ramp
        None => steps.0.last().map_or(Ok(()), |last| {
            let reached = last.rates[1];
            writeln!(f, "  no knee: goodput follows the load up to {reached:.0} due per second")
        }),
    }
}

/// For how long of a second the server must be stopped for that to be said: a pause is as exact as the tick that
/// begins it.
const SOME: Duration = Duration::from_millis(50);

/// A line for each second.
fn timeline(
    f: &mut Formatter<'_>,
    seconds: &[Second],
    pause: Option<(Duration, Duration)>,
) -> fmt::Result {
    writeln!(
        f,
        "\n  second     due  served    shed  rejected  timed out  failed  sent again  waiting"
    )?;
    for (second, number) in seconds.iter().zip(1u64..) {
        let [served, shed, rejected, timed_out, failed] = second.outcomes;
        let end = Duration::from_secs(number);
        let is_paused = pause.is_some_and(|(from, to)| {
            from + SOME < end && to + Duration::from_secs(1) > end + SOME
        });
        let paused = if is_paused { "  stopped" } else { "" };
        let waiting = second.waiting.map_or("-".into(), |waiting| waiting.to_string());
        writeln!(
            f,
            "  {number:>6}{:>8}{served:>8}{shed:>8}{rejected:>10}{timed_out:>11}{failed:>8}{:>12}{waiting:>9}{paused}",
            second.due, second.resent
        )?;
    }
    writeln!(f, "  waiting: in the server at the end of the second, as its GET /stats says")
}

/// A column for each outcome; in an open loop a second one without the time before sending.
fn latencies(f: &mut Formatter<'_>, stats: &LoadStats) -> fmt::Result {
    let all = [
        ("served", &stats.served.latency, &stats.served.as_sent),
        ("shed", &stats.shed.latency, &stats.shed.as_sent),
        ("rejected", &stats.rejected.latency, &stats.rejected.as_sent),
        ("timed out", &stats.timed_out.latency, &stats.timed_out.as_sent),
        ("failed", &stats.failed.latency, &stats.failed.as_sent),
    ];
    let mut columns = Vec::new();
    for (name, latency, as_sent) in all {
        if latency.count() > 0 {
            columns.push((name, latency));
        }
        if as_sent.count() > 0 && matches!(name, "served" | "shed") {
            columns.push(("as sent", as_sent));
        }
    }
    if columns.is_empty() {
        return Ok(());
    }
    line(f, "latency", columns.iter().map(|(name, _)| (*name).to_owned()))?;
    line(f, "count", columns.iter().map(|(_, latency)| latency.count().to_string()))?;
    for (name, percent, least) in PERCENTILES {
        let cell = |latency: &Latency| match latency.count() >= least {
            true => show(latency.percentile(percent)),
            false => "-".into(), // it would be the maximum
        };
        if columns.iter().any(|(_, latency)| latency.count() >= least) {
            line(f, name, columns.iter().map(|(_, latency)| cell(latency)))?;
        }
    }
    line(f, "max", columns.iter().map(|(_, latency)| show(latency.max())))?;
    if columns.iter().any(|(name, _)| *name == "as sent") {
        writeln!(
            f,
            "\n  latency counts from when a request was due; \"as sent\" from when a connection was free for it"
        )?;
    }
    Ok(())
}

fn line(f: &mut Formatter<'_>, name: &str, cells: impl Iterator<Item = String>) -> fmt::Result {
    let lead = if name == "latency" { "\n" } else { "" };
    write!(f, "{lead}  {name:<10}")?;
    cells.into_iter().try_for_each(|cell| write!(f, "{cell:>11}"))?;
    writeln!(f)
}

/// The limits between bars: 1, 2 and 5 times powers of ten.
fn limits(latency: &Latency) -> Vec<Duration> {
    let steps = (0..)
        .flat_map(|power| [1, 2, 5].map(|step| Duration::from_micros(step * 10u64.pow(power))));
    let mut limits: Vec<_> = steps.take_while(|limit| *limit < latency.max()).collect();
    let first = limits.iter().rposition(|limit| *limit <= latency.min()).unwrap_or(0);
    limits.drain(..first);
    limits
}

const WIDTH: u64 = 40;

/// The latencies of served requests: a bar for each range.
fn histogram(f: &mut Formatter<'_>, latency: &Latency) -> fmt::Result {
    if latency.count() < 20 {
        return Ok(()); // the percentiles say as much
    }
    let limits = limits(latency);
    let mut counts = vec![0; limits.len()];
    for (took, count) in latency.recorded() {
        let bar = limits.iter().rposition(|limit| *limit <= took).unwrap_or(0);
        counts[bar] += count;
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    writeln!(f, "\n  served in")?;
    for (place, (from, count)) in limits.iter().zip(counts).enumerate() {
        let bar = "■".repeat((count * WIDTH).div_ceil(most.max(1)) as usize);
        let range = match limits.get(place + 1) {
            Some(to) => format!("{} to {}", show(*from), show(*to)),
            None => format!("{} or more", show(*from)),
        };
        writeln!(f, "  {range:>20}  {} {count}", style(bar).green())?;
    }
    Ok(())
}

fn verified(f: &mut Formatter<'_>, reconciliation: &Reconciliation) -> fmt::Result {
    let Reconciliation {
        acknowledged, acknowledged_sum, applied_sum, users, users_agreeing, ..
    } = reconciliation;
    let applied = match reconciliation.applied {
        Some(applied) => format!("{applied} events, {applied_sum} in all"),
        None => format!("{applied_sum} in all"),
    };
    write!(
        f,
        "\n  acknowledged {acknowledged} events, {acknowledged_sum} in all; applied {applied}"
    )?;
    if reconciliation.unknown > 0 {
        write!(
            f,
            "; {} more events, {} in all, had no response",
            reconciliation.unknown, reconciliation.unknown_sum
        )?;
    }
    match reconciliation.holds() {
        true => writeln!(f, ": {}", style("they agree").green()),
        false => {
            let few =
                format!("they do not agree: {} of {users} balances are right", users_agreeing);
            writeln!(f, ": {}", style(few).red().bold())
        }
    }
}
