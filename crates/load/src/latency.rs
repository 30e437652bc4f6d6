//! Latencies, counted in constant space.

use hdrhistogram::Histogram;
use std::time::Duration;

/// The longest latency that is distinguished from longer ones.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Some latencies, in microseconds, to three significant digits.
#[derive(Clone, Debug)]
pub struct Latency(Histogram<u64>);

impl Latency {
    pub(crate) fn new() -> Self {
        Self(Histogram::new(3).expect("3 significant digits are allowed"))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = latency.min(DAY).as_micros() as u64;
        self.0.record(micros).expect("a histogram that resizes takes a day");
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("a histogram that resizes takes another");
    }

    /// The latency that so many per cent of the requests did not exceed, 0 to 100.
    pub fn percentile(&self, percent: f64) -> Duration {
        Duration::from_micros(self.0.value_at_percentile(percent))
    }

    /// The shortest.
    pub fn min(&self) -> Duration {
        Duration::from_micros(self.0.min())
    }

    /// The mean.
    pub fn mean(&self) -> Duration {
        Duration::from_secs_f64(self.0.mean() / 1e6)
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latencies that were recorded, rising, and how often each was.
    pub fn recorded(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.0.iter_recorded().map(|step| {
            let micros = self.0.lowest_equivalent(step.value_iterated_to());
            (Duration::from_micros(micros), step.count_at_value())
        })
    }
}
