//! A time axis with round tick values.

use std::time::Duration;

/// The longest axis; longer durations are clamped, so that the arithmetic cannot overflow.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A time axis from zero to `end`.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The end of the axis; never zero.
    pub end: Duration,
    /// At most seven round values from zero to `end`, each with its label.
    pub ticks: Vec<(Duration, String)>,
}

impl Axis {
    /// An axis from zero to `end`, which is clamped to between a microsecond and a year.
    pub fn up_to(end: Duration) -> Self {
        let end = end.clamp(Duration::from_micros(1), YEAR);
        let step = step(end);
        let count = end.as_nanos() / step.as_nanos();
        let ticks =
            (0..=count as u32).map(|number| (step * number, label(step * number, step))).collect();
        Self { end, ticks }
    }

    /// The position of a moment on the axis, from 0 to 1.
    pub fn position(&self, moment: Duration) -> f64 {
        (moment.as_secs_f64() / self.end.as_secs_f64()).min(1.0)
    }
}

/// The tick interval: 1, 2 or 5 times a power of ten, so that two to six of them fit into `end`.
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

/// The label in the unit of the step, so that all labels of an axis have the same unit.
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
