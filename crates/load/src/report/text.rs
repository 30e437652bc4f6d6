//! A report for people: each figure by outcome, since the latency of a refusal is not the latency of a service.

use super::{PERCENTILES, Report};
use crate::schedule::Shape;
use crate::tally::{Latency, Row, Tally};
use crate::verify::Agreement;
use console::{Style, style};
use probe::duration::{show, unbroken};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;
use textwrap::{Options, WordSplitter};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let (requests, connections) = (tally.total(), tally.senders);
        write!(f, "\n{requests} request{} to {}", plural(requests), self.target)?;
        if !tally.elapsed.is_zero() {
            write!(f, " in {}", show(tally.elapsed))?;
        }
        write!(f, ", over {connections} connection{}", plural(connections))?;
        match self.shape {
            Shape::ClosedLoop => {}
            Shape::Rate(rate) => write!(f, ", {rate} due per second")?,
            Shape::Burst => f.write_str(", all due at once")?,
        }
        f.write_str("\n\n")?;
        outcomes(f, tally)?;
        latencies(f, tally)?;
        histogram(f, &tally.served.latency)?;
        writeln!(
            f,
            "\n  throughput {:.1} answers/s, goodput {:.1} served/s",
            tally.throughput(),
            tally.goodput()
        )?;
        if tally.resent > 0 {
            let herd = format!("up to {} of them within a tenth of a second", tally.herd);
            writeln!(f, "  {} refused requests were sent again, {herd}", tally.resent)?;
        }
        if let Some(seed) = self.seed {
            writeln!(f, "  the same again: --seed {seed}")?;
        }
        match &self.agreement {
            None => {}
            Some(Ok(agreement)) => verified(f, agreement)?,
            Some(Err(why)) => writeln!(f, "\n  {} {why}", style("not verified:").red().bold())?,
        }
        for diagnosis in &self.diagnoses {
            writeln!(f, "\n  {} {}", style("note:").yellow().bold(), fold(diagnosis))?;
        }
        for (place, judgement) in self.judgements.iter().enumerate() {
            let colour =
                if judgement.met { Style::new().green() } else { Style::new().red().bold() };
            writeln!(f, "{}  {}", if place == 0 { "\n" } else { "" }, colour.apply_to(judgement))?;
        }
        Ok(())
    }
}

/// A note in lines of at most 80 characters, indented but for the first.
fn fold(note: &str) -> String {
    let options = Options::new(72).break_words(false).word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(&unbroken(note), options).join("\n        ").replace('\u{a0}', " ")
}

fn outcomes(f: &mut Formatter<'_>, tally: &Tally) -> fmt::Result {
    let of = tally.total();
    row(f, "served", &tally.served, of, Style::new().green(), |status| vec![status.to_string()])?;
    row(f, "refused", &tally.refused, of, Style::new().yellow(), |retry_after| {
        vec![match retry_after {
            Some(seconds) => format!("503 Service Unavailable, Retry-After {seconds} s"),
            None => "503 Service Unavailable, without Retry-After".into(),
        }]
    })?;
    row(f, "rejected", &tally.rejected, of, Style::new().magenta(), |status| {
        vec![status.to_string()]
    })?;
    row(f, "timed out", &tally.timed_out, of, Style::new().red(), |()| {
        vec!["no whole answer in time (-t)".into()]
    })?;
    row(f, "failed", &tally.failed, of, Style::new().red(), |failure| {
        vec![failure.to_string(), failure.advice().to_owned()]
    })?;
    if tally.cut_short.total() > 0 {
        row(f, "cut short", &tally.cut_short, of, Style::new(), |refused| {
            vec![match refused {
                true => "refused, and waiting to be sent again".into(),
                false => "still without an answer when it was stopped".into(),
            }]
        })?;
    }
    if tally.not_sent > 0 {
        writeln!(
            f,
            "  not sent   {:>9}           due, but every connection was still waiting",
            tally.not_sent
        )?;
    }
    Ok(())
}

fn row<Kind: Ord + Copy>(
    f: &mut Formatter<'_>,
    name: &str,
    row: &Row<Kind>,
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
    for (place, (kind, count)) in row.kinds.iter().enumerate() {
        let mut lines = describe(kind).into_iter();
        let first = lines.next().unwrap_or_default();
        let first = if alone { first } else { format!("{count} × {first}") };
        let indent = if place == 0 { "  " } else { "                                " };
        writeln!(f, "{indent}{first}")?;
        for line in lines {
            writeln!(f, "                                {line}")?;
        }
    }
    Ok(())
}

/// A column for each outcome that came; in an open loop one more beside it that hides what was waited before sending.
fn latencies(f: &mut Formatter<'_>, tally: &Tally) -> fmt::Result {
    let all = [
        ("served", &tally.served.latency, &tally.served.as_sent),
        ("refused", &tally.refused.latency, &tally.refused.as_sent),
        ("rejected", &tally.rejected.latency, &tally.rejected.as_sent),
        ("timed out", &tally.timed_out.latency, &tally.timed_out.as_sent),
        ("failed", &tally.failed.latency, &tally.failed.as_sent),
    ];
    let mut columns = Vec::new();
    for (name, latency, as_sent) in all {
        if latency.count() > 0 {
            columns.push((name, latency));
        }
        if as_sent.count() > 0 && matches!(name, "served" | "refused") {
            columns.push(("as sent", as_sent));
        }
    }
    if columns.is_empty() {
        return Ok(());
    }
    line(f, "latency", columns.iter().map(|(name, _)| (*name).to_owned()))?;
    for (name, percent) in PERCENTILES {
        line(f, name, columns.iter().map(|(_, latency)| show(latency.percentile(percent))))?;
    }
    line(f, "max", columns.iter().map(|(_, latency)| show(latency.max())))?;
    if columns.iter().any(|(name, _)| *name == "as sent") {
        writeln!(
            f,
            "\n  latency counts from when a request was due; as sent, from when a connection was free for it"
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

/// The limits between bars are 1, 2 and 5 times powers of ten, so that they are easy to say.
fn limits(latency: &Latency) -> Vec<Duration> {
    let steps = (0..)
        .flat_map(|power| [1, 2, 5].map(|step| Duration::from_micros(step * 10u64.pow(power))));
    let mut limits: Vec<_> = steps.take_while(|limit| *limit < latency.max()).collect();
    let first = limits.iter().rposition(|limit| *limit <= latency.min()).unwrap_or(0);
    limits.drain(..first);
    limits
}

const WIDTH: u64 = 40;

/// How the served are spread: a bar for each step of latency.
fn histogram(f: &mut Formatter<'_>, latency: &Latency) -> fmt::Result {
    if latency.count() < 20 {
        return Ok(()); // the percentiles say it all
    }
    let limits = limits(latency);
    let ends = limits.iter().skip(1).copied().chain([latency.max() + Duration::from_micros(1)]);
    let bars: Vec<_> = limits
        .iter()
        .zip(ends)
        .map(|(from, to)| (to, latency.between(*from, to - Duration::from_micros(1))))
        .collect();
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(0);
    writeln!(f, "\n  served in less than")?;
    for (to, count) in bars {
        let bar = "■".repeat((count * WIDTH).div_ceil(most.max(1)) as usize);
        let to = show(to);
        writeln!(f, "  {to:>10}  {} {count}", style(bar).green())?;
    }
    Ok(())
}

fn verified(f: &mut Formatter<'_>, agreement: &Agreement) -> fmt::Result {
    let Agreement { acknowledged, acknowledged_sum, applied_sum, users, users_agreeing, .. } =
        agreement;
    let applied = match agreement.applied {
        Some(applied) => format!("{applied} events, {applied_sum} in all"),
        None => format!("{applied_sum} in all"),
    };
    write!(
        f,
        "\n  acknowledged {acknowledged} events, {acknowledged_sum} in all; applied {applied}"
    )?;
    if agreement.unknown > 0 {
        write!(
            f,
            "; of {} events more, {} in all, nobody knows",
            agreement.unknown, agreement.unknown_sum
        )?;
    }
    match agreement.holds() {
        true => writeln!(f, ": {}", style("they agree").green()),
        false => {
            let few = format!(
                "they do not agree: the balances of {} of {users} users do",
                users_agreeing
            );
            writeln!(f, ": {}", style(few).red().bold())
        }
    }
}
