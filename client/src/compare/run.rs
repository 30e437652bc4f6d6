//! Builds and starts the five stages and runs the claims on all of them concurrently.

use crate::compare::matrix::{Matrix, Row, WORK};
use anyhow::Context;
use claims::{CLAIMS, Claim, Finding};
use probe::server::Server;
use probe::stages;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};
use tokio::task::JoinSet;

/// A step of a comparison, for a progress display.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Cargo builds the five stages.
    Building,
    /// A claim has begun on a stage, 1 to 5.
    Trying(u8, &'static Claim),
    /// The claim has ended, with this finding.
    Tried(u8, &'static Claim, &'a Finding),
    /// All claims have ended on this stage.
    Done(u8),
}

/// Builds the stages, starts each on a free port, and runs every claim marked `compared` on each of
/// them. The stages are tried concurrently, the claims of one stage one at a time. Calls `report`
/// at each step.
///
/// # Errors
/// If the current folder is not in the workspace, or a stage does not build or does not start.
pub async fn compare(report: impl Fn(Progress) + Clone + Send + 'static) -> anyhow::Result<Matrix> {
    let root = workspace()?;
    report(Progress::Building);
    let servers = tokio::task::spawn_blocking(move || build_and_start(&root)).await??;
    let (at, began) = (SystemTime::now(), Instant::now());
    let claims: Vec<_> = CLAIMS.iter().filter(|claim| claim.compared).collect();
    let mut trials = JoinSet::new();
    for (server, stage) in servers.iter().zip(1u8..) {
        let (addr, report, claims) = (server.addr(), report.clone(), claims.clone());
        trials.spawn(async move {
            let mut column = Vec::new();
            for claim in claims {
                report(Progress::Trying(stage, claim));
                let finding = claim.try_on(addr).await;
                report(Progress::Tried(stage, claim, &finding));
                column.push(finding);
            }
            report(Progress::Done(stage));
            (stage, column)
        });
    }
    let mut columns = BTreeMap::new();
    while let Some(column) = trials.join_next().await {
        let (stage, column) = column?;
        columns.insert(stage, column.into_iter());
    }
    let took = began.elapsed();
    drop(servers);
    let mut row =
        |claim| Row { claim, findings: columns.values_mut().filter_map(Iterator::next).collect() };
    Ok(Matrix { rows: claims.into_iter().map(&mut row).collect(), at, took })
}

/// Takes minutes if the stages are not built, so it needs a thread where it may block.
fn build_and_start(root: &Path) -> anyhow::Result<Vec<Server>> {
    let binaries = stages::build(root)?;
    let start = |(binary, stage): (PathBuf, u8)| {
        let mut command = Command::new(binary);
        if stage >= 4 {
            command.arg("--work").arg(humantime::format_duration(WORK).to_string());
        }
        command.env("RUST_LOG", "off").stderr(Stdio::null());
        Server::start(command)
    };
    binaries.into_iter().zip(1..).map(start).collect()
}

/// The root of the workspace that contains the current folder.
///
/// # Errors
/// If the current folder is not in the workspace.
pub fn workspace() -> anyhow::Result<PathBuf> {
    stages::workspace().context(
        "compare builds the five stages, so it must run inside the workspace; cd to your clone",
    )
}
