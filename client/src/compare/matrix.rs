//! The findings: one for each claim on each stage.

use claims::{Claim, Finding, Verdict};
use probe::stages::{STAGES, idea};
use std::time::{Duration, SystemTime};

/// How long stages 4 and 5 work on an event: the value of their `--work` during a comparison.
pub const WORK: Duration = Duration::from_millis(500);

/// A server of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its stage, 1 to 7; `None` for a server of which the lessons say nothing.
    pub stage: Option<u8>,
    /// The idea of the stage, or the name of the server.
    pub name: String,
}

impl Column {
    /// The five stages of the course.
    pub fn stages() -> Vec<Self> {
        let stage =
            |(folder, number): (&&str, u8)| Self { stage: Some(number), name: idea(folder) };
        STAGES.iter().zip(1..).map(stage).collect()
    }

    /// `stage 4`, or the name of the server.
    pub fn title(&self) -> String {
        self.stage.map_or_else(|| self.name.clone(), |number| format!("stage {number}"))
    }

    /// `4 slow state`, or the name of the server.
    pub fn label(&self) -> String {
        let number = self.stage.map(|number| format!("{number} ")).unwrap_or_default();
        number + &self.name
    }

    /// `stage 4, slow state`, or the name of the server: for a sentence.
    pub fn spoken(&self) -> String {
        let number = self.stage.map(|number| format!("stage {number}, ")).unwrap_or_default();
        number + &self.name
    }

    /// How long a stage works on an event. That of another server is not known.
    pub fn work(&self) -> Option<Duration> {
        self.stage.map(|_| WORK)
    }

    /// The verdict that the lessons state, if they do.
    pub fn expected(&self, claim: &Claim) -> Option<Verdict> {
        self.stage.map(|number| claim.expected(number))
    }
}

/// The findings of a comparison.
#[derive(Debug)]
pub struct Matrix {
    /// The servers, from left to right.
    pub columns: Vec<Column>,
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
    /// One finding for each column, in their order.
    pub findings: Vec<Finding>,
}

impl Matrix {
    /// Whether every verdict is the one that the lessons state, the expected failures included.
    pub fn is_as_expected(&self) -> bool {
        let is_expected = |row: &Row, (finding, column): (&Finding, &Column)| {
            column.expected(row.claim).is_none_or(|expected| finding.verdict == expected)
        };
        self.rows
            .iter()
            .all(|row| row.findings.iter().zip(&self.columns).all(|found| is_expected(row, found)))
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
