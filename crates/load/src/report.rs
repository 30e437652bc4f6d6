//! What is said of a load when it is over: for people, and for programs.

mod json;
mod text;

use crate::expectation::Assertion;
use crate::schedule::Shape;
use crate::stats::LoadStats;
use crate::verify::Reconciliation;

/// A load, and all that is known of it.
#[derive(Debug)]
pub struct Report {
    /// Where the requests went.
    pub target: String,
    /// Their method.
    pub method: String,
    /// When they were due.
    pub shape: Shape,
    /// What `--event` and the jitter began with, to send the same again.
    pub seed: Option<u64>,
    /// What came of them.
    pub stats: LoadStats,
    /// What that says beyond itself.
    pub diagnoses: Vec<String>,
    /// What was expected of it.
    pub assertions: Vec<Assertion>,
    /// Whether the server has applied what it acknowledged, if it was asked; or why that is not known.
    pub reconciliation: Option<Result<Reconciliation, String>>,
}

impl Report {
    /// Whether all that was expected came, and all that was to be verified is true.
    pub fn is_as_expected(&self) -> bool {
        let agrees = match &self.reconciliation {
            None => true,
            Some(reconciliation) => reconciliation.as_ref().is_ok_and(Reconciliation::holds),
        };
        agrees && self.assertions.iter().all(|assertion| assertion.met)
    }
}

/// The percentiles that are shown, and by what name.
const PERCENTILES: [(&str, f64); 6] =
    [("p50", 50.0), ("p75", 75.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9)];
