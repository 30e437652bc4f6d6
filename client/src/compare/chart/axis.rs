//! A time axis: where it ends, and its round figures.

use std::time::Duration;

/// Nothing that is drawn takes longer.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Time from zero to an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The last moment; more than zero.
    pub end: Duration,
    /// Round moments, from zero to the end, at most seven, each with its label.
    pub ticks: Vec<(Duration, String)>,
}

impl Axis {
    /// From zero to `end`: a microsecond at least, a year at most.
    pub fn up_to(end: Duration) -> Self {
        let end = end.clamp(Duration::from_micros(1), YEAR);
        let step = step(end);
        let count = end.as_nanos() / step.as_nanos();
        let ticks =
            (0..=count as u32).map(|number| (step * number, label(step * number, step))).collect();
        Self { end, ticks }
    }

    /// Where a moment stands, from 0 to 1.
    pub fn position(&self, moment: Duration) -> f64 {
        (moment.as_secs_f64() / self.end.as_secs_f64()).min(1.0)
    }
}

/// 1, 2 or 5 times a power of ten, so that two to six of them fit into `end`.
fn step(end: Duration) -> Duration {
    let mut step = Duration::from_nanos(100);
    for factor in [2, 5, 10].into_iter().cycle() {
        if step * 6 >= end {
            break;
        }
        step = match factor {
            5 => step * 5 / 2,
            _ => step * 2,
        };
    }
    step
}

/// In the unit of the step, so that the labels of an axis differ in their number alone.
fn label(moment: Duration, step: Duration) -> String {
    let nanos = moment.as_nanos() as f64;
    if nanos == 0.0 {
        return "0".into();
    }
    let (unit, name) = match step.as_nanos() {
        0..100_000 => (1e3, "µs"),
        100_000..100_000_000 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{} {name}", (nanos / unit * 10.0).round() / 10.0)
}
