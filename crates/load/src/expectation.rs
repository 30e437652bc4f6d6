//! What a run is expected to show: `served.p99<200ms`, `shed>0`, `goodput>1000/s`.

use crate::latency::Latency;
use crate::stats::LoadStats;
use probe::duration::show;
use probe::number::number;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One expectation.
#[derive(Clone, Debug)]
pub struct Expectation {
    text: String,
    figure: Figure,
    op: Comparison,
    bound: f64,
}

/// An expectation, and whether it was met.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Assertion {
    /// The text of the expectation.
    pub expected: String,
    /// Whether it was met.
    pub met: bool,
    /// What was measured.
    pub seen: String,
}

/// What can be expected; a latency in seconds, a share in per cent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Figure {
    Requests,
    NotSent,
    Throughput,
    Goodput,
    Elapsed,
    Count(OutcomeName),
    WorkerState(OutcomeName),
    Latency(OutcomeName, Statistic),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum OutcomeName {
    Served,
    Shed,
    Rejected,
    TimedOut,
    Failed,
    Aborted,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Statistic {
    Min,
    Mean,
    Percentile(f64),
    Max,
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    Not,
    AtLeast,
    More,
}

const FORM: &str = "an expectation reads FIGURE COMPARISON VALUE, such as served.p99<200ms, shed>0, failed=0, \
    served>=99% or goodput>1000/s";

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let signs =
            [("<=", Comparison::AtMost), (">=", Comparison::AtLeast), ("!=", Comparison::Not)];
        let short = [("<", Comparison::Less), (">", Comparison::More), ("=", Comparison::Equal)];
        let mut signs = signs.into_iter().chain(short);
        let split = signs
            .find_map(|(sign, op)| text.split_once(sign).map(|(name, value)| (name, op, value)));
        let (name, op, value) = split.ok_or(FORM)?;
        let (name, value) = (name.trim(), value.trim().trim_start_matches('='));
        let mut figure = figure(name)?;
        let bound = match figure {
            Figure::Count(outcome) if value.ends_with('%') => {
                figure = Figure::WorkerState(outcome);
                number(value.trim_end_matches('%')).filter(|percent| *percent <= 100.0)
            }
            Figure::Latency(..) | Figure::Elapsed => duration(value),
            Figure::Throughput | Figure::Goodput => number(value.trim_end_matches("/s")),
            _ => number(value),
        };
        let bound = bound.ok_or_else(|| match figure {
            Figure::Latency(..) | Figure::Elapsed => {
                format!("{name} is compared with a duration, such as 200ms or 2s")
            }
            Figure::Throughput | Figure::Goodput => {
                format!("{name} is compared with a rate, such as 1000/s")
            }
            _ => format!(
                "{name} is compared with a number, such as 0 or 10k, or with a share, such as 99%"
            ),
        })?;
        Ok(Self { text: text.to_owned(), figure, op, bound })
    }
}

fn figure(name: &str) -> Result<Figure, String> {
    Ok(match name {
        "requests" => Figure::Requests,
        "not_sent" => Figure::NotSent,
        "throughput" => Figure::Throughput,
        "goodput" => Figure::Goodput,
        "elapsed" => Figure::Elapsed,
        _ => {
            let (outcome, statistic) = name
                .split_once('.')
                .map_or((name, None), |(name, statistic)| (name, Some(statistic)));
            let outcome = match outcome {
                "served" => OutcomeName::Served,
                "shed" | "refused" => OutcomeName::Shed,
                "rejected" => OutcomeName::Rejected,
                "timed_out" => OutcomeName::TimedOut,
                "failed" => OutcomeName::Failed,
                "aborted" | "cut_short" => OutcomeName::Aborted,
                _ => {
                    return Err(format!(
                        "there is no figure '{name}'; there are requests, served, shed, rejected, timed_out, failed, \
                         aborted, not_sent, throughput, goodput and elapsed, and of an outcome .min, .mean, .p50 to \
                         .p99.99 and .max"
                    ));
                }
            };
            match statistic {
                None => Figure::Count(outcome),
                Some(statistic) => Figure::Latency(
                    outcome,
                    self::statistic(statistic).ok_or_else(|| {
                        format!("'.{statistic}' is not a statistic of a latency; there are .min, .mean, .p50 to .p99.99, and .max")
                    })?,
                ),
            }
        }
    })
}

fn statistic(name: &str) -> Option<Statistic> {
    match name {
        "min" => Some(Statistic::Min),
        "mean" => Some(Statistic::Mean),
        "max" => Some(Statistic::Max),
        _ => {
            let percent = number(name.strip_prefix('p')?)?;
            (0.0..=100.0).contains(&percent).then_some(Statistic::Percentile(percent))
        }
    }
}

/// In seconds.
fn duration(text: &str) -> Option<f64> {
    humantime::parse_duration(text).ok().map(|duration| duration.as_secs_f64())
}

impl Expectation {
    /// Whether a run meets it.
    pub fn judge(&self, stats: &LoadStats) -> Assertion {
        let seen = self.figure.of(stats);
        let met = seen.is_some_and(|seen| match self.op {
            Comparison::Less => seen < self.bound,
            Comparison::AtMost => seen <= self.bound,
            Comparison::Equal => seen == self.bound,
            Comparison::Not => seen != self.bound,
            Comparison::AtLeast => seen >= self.bound,
            Comparison::More => seen > self.bound,
        });
        let seen = match seen {
            Some(seen) => self.figure.show(seen),
            None => "there was none to measure".into(),
        };
        Assertion { expected: self.text.clone(), met, seen }
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = if self.met { "met" } else { "not met" };
        write!(f, "{met}: {}, seen: {}", self.expected, self.seen)
    }
}

impl Figure {
    /// `None` where nothing was measured.
    fn of(self, stats: &LoadStats) -> Option<f64> {
        Some(match self {
            Self::Requests => stats.total() as f64,
            Self::NotSent => stats.not_sent as f64,
            Self::Throughput => stats.throughput(),
            Self::Goodput => stats.goodput(),
            Self::Elapsed => stats.elapsed.as_secs_f64(),
            Self::Count(outcome) => outcome.latency(stats).count() as f64,
            Self::WorkerState(_) if stats.total() == 0 => return None,
            Self::WorkerState(outcome) => {
                outcome.latency(stats).count() as f64 * 100.0 / stats.total() as f64
            }
            Self::Latency(outcome, _) if outcome.latency(stats).count() == 0 => return None,
            Self::Latency(outcome, statistic) => {
                let latency = outcome.latency(stats);
                let latency = match statistic {
                    Statistic::Min => latency.min(),
                    Statistic::Mean => latency.mean(),
                    Statistic::Percentile(percent) => latency.percentile(percent),
                    Statistic::Max => latency.max(),
                };
                latency.as_secs_f64()
            }
        })
    }

    fn show(self, seen: f64) -> String {
        match self {
            Self::Latency(..) | Self::Elapsed => show(Duration::from_secs_f64(seen)),
            Self::Throughput | Self::Goodput => format!("{seen:.1}/s"),
            Self::WorkerState(_) => format!("{seen:.1} %"),
            Self::Requests | Self::NotSent | Self::Count(_) => format!("{seen:.0}"),
        }
    }
}

impl OutcomeName {
    fn latency(self, stats: &LoadStats) -> &Latency {
        match self {
            Self::Served => &stats.served.latency,
            Self::Shed => &stats.shed.latency,
            Self::Rejected => &stats.rejected.latency,
            Self::TimedOut => &stats.timed_out.latency,
            Self::Failed => &stats.failed.latency,
            Self::Aborted => &stats.aborted.latency,
        }
    }
}
