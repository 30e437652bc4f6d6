//! What a run is expected to show: `served.p99<200ms`, `refused>0`, `goodput>1000/s`.

use crate::tally::{Latency, Tally};
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
    than: Comparison,
    bound: f64,
}

/// An expectation, and whether it was met.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Judgement {
    /// As it was given.
    pub expected: String,
    /// Whether it was met.
    pub met: bool,
    /// What there was instead, or as well.
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
    Count(Outcome),
    Share(Outcome),
    Latency(Outcome, Point),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Served,
    Refused,
    Rejected,
    TimedOut,
    Failed,
    CutShort,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Point {
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

const FORM: &str = "an expectation reads FIGURE COMPARISON VALUE, such as served.p99<200ms, refused>0, failed=0, \
    served>=99% or goodput>1000/s";

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let signs =
            [("<=", Comparison::AtMost), (">=", Comparison::AtLeast), ("!=", Comparison::Not)];
        let short = [("<", Comparison::Less), (">", Comparison::More), ("=", Comparison::Equal)];
        let mut signs = signs.into_iter().chain(short);
        let split = signs.find_map(|(sign, than)| {
            text.split_once(sign).map(|(name, value)| (name, than, value))
        });
        let (name, than, value) = split.ok_or(FORM)?;
        let (name, value) = (name.trim(), value.trim().trim_start_matches('='));
        let mut figure = figure(name)?;
        let bound = match figure {
            Figure::Count(outcome) if value.ends_with('%') => {
                figure = Figure::Share(outcome);
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
        Ok(Self { text: text.to_owned(), figure, than, bound })
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
            let (outcome, point) =
                name.split_once('.').map_or((name, None), |(name, point)| (name, Some(point)));
            let outcome = match outcome {
                "served" => Outcome::Served,
                "refused" => Outcome::Refused,
                "rejected" => Outcome::Rejected,
                "timed_out" => Outcome::TimedOut,
                "failed" => Outcome::Failed,
                "cut_short" => Outcome::CutShort,
                _ => {
                    return Err(format!(
                        "there is no figure '{name}'; there are requests, served, refused, rejected, timed_out, failed, \
                         cut_short, not_sent, throughput, goodput and elapsed, and of an outcome .min, .mean, .p50 to \
                         .p99.99 and .max"
                    ));
                }
            };
            match point {
                None => Figure::Count(outcome),
                Some(point) => Figure::Latency(
                    outcome,
                    self::point(point).ok_or_else(|| {
                        format!("'.{point}' is no point of a latency; there are .min, .mean, .p50 to .p99.99, and .max")
                    })?,
                ),
            }
        }
    })
}

fn point(name: &str) -> Option<Point> {
    match name {
        "min" => Some(Point::Min),
        "mean" => Some(Point::Mean),
        "max" => Some(Point::Max),
        _ => {
            let percent = number(name.strip_prefix('p')?)?;
            (0.0..=100.0).contains(&percent).then_some(Point::Percentile(percent))
        }
    }
}

/// In seconds.
fn duration(text: &str) -> Option<f64> {
    humantime::parse_duration(text).ok().map(|duration| duration.as_secs_f64())
}

impl Expectation {
    /// Whether a run meets it.
    pub fn judge(&self, tally: &Tally) -> Judgement {
        let seen = self.figure.of(tally);
        let met = seen.is_some_and(|seen| match self.than {
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
        Judgement { expected: self.text.clone(), met, seen }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = if self.met { "met" } else { "not met" };
        write!(f, "{met}: {}, seen: {}", self.expected, self.seen)
    }
}

impl Figure {
    /// `None` where nothing was measured.
    fn of(self, tally: &Tally) -> Option<f64> {
        Some(match self {
            Self::Requests => tally.total() as f64,
            Self::NotSent => tally.not_sent as f64,
            Self::Throughput => tally.throughput(),
            Self::Goodput => tally.goodput(),
            Self::Elapsed => tally.elapsed.as_secs_f64(),
            Self::Count(outcome) => outcome.latency(tally).count() as f64,
            Self::Share(_) if tally.total() == 0 => return None,
            Self::Share(outcome) => {
                outcome.latency(tally).count() as f64 * 100.0 / tally.total() as f64
            }
            Self::Latency(outcome, _) if outcome.latency(tally).count() == 0 => return None,
            Self::Latency(outcome, point) => {
                let latency = outcome.latency(tally);
                let latency = match point {
                    Point::Min => latency.min(),
                    Point::Mean => latency.mean(),
                    Point::Percentile(percent) => latency.percentile(percent),
                    Point::Max => latency.max(),
                };
                latency.as_secs_f64()
            }
        })
    }

    fn show(self, seen: f64) -> String {
        match self {
            Self::Latency(..) | Self::Elapsed => show(Duration::from_secs_f64(seen)),
            Self::Throughput | Self::Goodput => format!("{seen:.1}/s"),
            Self::Share(_) => format!("{seen:.1} %"),
            Self::Requests | Self::NotSent | Self::Count(_) => format!("{seen:.0}"),
        }
    }
}

impl Outcome {
    fn latency(self, tally: &Tally) -> &Latency {
        match self {
            Self::Served => &tally.served.latency,
            Self::Refused => &tally.refused.latency,
            Self::Rejected => &tally.rejected.latency,
            Self::TimedOut => &tally.timed_out.latency,
            Self::Failed => &tally.failed.latency,
            Self::CutShort => &tally.cut_short.latency,
        }
    }
}
