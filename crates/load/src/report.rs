//! The report of a run, as text and as JSON.

mod json;
mod text;

use crate::expectation::Assertion;
use crate::schedule::Shape;
use crate::stats::LoadStats;
use crate::verify::Reconciliation;
use std::time::Duration;

/// A run, and everything that is known about it.
#[derive(Debug)]
pub struct Report {
    /// Where the requests went.
    pub target: String,
    /// Their method.
    pub method: String,
    /// When they were due.
    pub shape: Shape,
    /// The seed of `--event` and of the jitter, to repeat the run.
    pub seed: Option<u64>,
    /// Their outcomes.
    pub stats: LoadStats,
    /// Whether the text has a line for each second.
    pub timeline: bool,
    /// From when to when the server was stopped.
    pub pause: Option<(Duration, Duration)>,
    /// Notes on what the figures mean.
    pub diagnoses: Vec<String>,
    /// What was expected, and whether it was met.
    pub assertions: Vec<Assertion>,
    /// Whether the server has applied what it acknowledged, or why that is unknown; `None` if it was not asked.
    pub reconciliation: Option<Result<Reconciliation, String>>,
}

impl Report {
    /// Whether every expectation is met, and every acknowledged event applied.
    pub fn is_as_expected(&self) -> bool {
        let agrees = match &self.reconciliation {
            None => true,
            Some(reconciliation) => reconciliation.as_ref().is_ok_and(Reconciliation::holds),
        };
        agrees && self.assertions.iter().all(|assertion| assertion.met)
    }
}

/// The percentiles that are shown: by what name, and how many latencies it takes for one to lie above it.
const PERCENTILES: [(&str, f64, u64); 6] = [
    ("p50", 50.0, 2),
    ("p75", 75.0, 4),
    ("p90", 90.0, 10),
    ("p95", 95.0, 20),
    ("p99", 99.0, 100),
    ("p99.9", 99.9, 1000),
];
