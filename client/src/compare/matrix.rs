//! The findings: one for each claim on each stage.

use claims::{Claim, Finding};
use std::time::{Duration, SystemTime};

/// How long stages 4 and 5 work on an event: the value of their `--work` during a comparison.
pub const WORK: Duration = Duration::from_millis(500);

/// The findings of a comparison.
#[derive(Debug)]
pub struct Matrix {
    /// One row for each claim marked `compared`.
    pub rows: Vec<Row>,
    /// When the claims started.
    pub at: SystemTime,
    /// How long the claims took; the build is not included.
    pub took: Duration,
}

/// A claim and its findings.
#[derive(Debug)]
pub struct Row {
    /// The claim that was tried.
    pub claim: &'static Claim,
    /// One finding for each stage, in the order of [`STAGES`](probe::stages::STAGES).
    pub findings: Vec<Finding>,
}

impl Matrix {
    /// Whether every verdict is the one that the lessons state, the expected failures included.
    pub fn is_as_expected(&self) -> bool {
        let is_expected = |row: &Row, (finding, stage): (&Finding, u8)| {
            finding.verdict == row.claim.expected(stage)
        };
        self.rows
            .iter()
            .all(|row| row.findings.iter().zip(1..).all(|found| is_expected(row, found)))
    }

    /// The cargo profile of the stages and the client: `debug` or `release`.
    pub fn profile() -> &'static str {
        if cfg!(debug_assertions) { "debug" } else { "release" }
    }

    /// How many cores this process may use; 0 if unknown.
    pub fn cores() -> usize {
        std::thread::available_parallelism().map_or(0, usize::from)
    }
}
