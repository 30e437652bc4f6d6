//! What each stage made of each claim.

use claims::{Claim, Finding};
use std::time::{Duration, SystemTime};

/// What stages 4 and 5 are told to take for an event.
pub const WORK: Duration = Duration::from_millis(500);

/// What was found, and where.
#[derive(Debug)]
pub struct Matrix {
    /// A row for each claim that is compared.
    pub rows: Vec<Row>,
    /// When it began.
    pub at: SystemTime,
    /// How long the trials took, without the building.
    pub took: Duration,
}

/// A claim, and what was found.
#[derive(Debug)]
pub struct Row {
    /// The claim.
    pub claim: &'static Claim,
    /// As [`STAGES`](probe::stages::STAGES).
    pub findings: Vec<Finding>,
}

impl Matrix {
    /// Whether each stage keeps what it must keep, and breaks what it must break.
    pub fn is_as_expected(&self) -> bool {
        let is_expected = |row: &Row, (finding, stage): (&Finding, u8)| {
            finding.verdict == row.claim.expected(stage)
        };
        self.rows
            .iter()
            .all(|row| row.findings.iter().zip(1..).all(|found| is_expected(row, found)))
    }

    /// The profile that the stages and the client were built in.
    pub fn profile() -> &'static str {
        if cfg!(debug_assertions) { "debug" } else { "release" }
    }

    /// How many cores the machine lets this process use; 0 if it does not say.
    pub fn cores() -> usize {
        std::thread::available_parallelism().map_or(0, usize::from)
    }
}
