//! All five stages, side by side, under every claim.

use crate::claims::{CLAIMS, Finding, Verdict};
use crate::server::Server;
use anyhow::{Context, bail};
use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::task::JoinSet;

/// The stages, by the names of their folders and binaries.
pub const STAGES: [&str; 5] =
    ["stage1-blocking", "stage2-async", "stage3-parse", "stage4-slow-state", "stage5-backpressure"];

/// What was found: a row for each claim, a column for each stage.
#[derive(Debug)]
pub struct Matrix {
    /// As [`CLAIMS`], each as [`STAGES`].
    pub findings: Vec<Vec<Finding>>,
}

/// Builds the stages, starts each on a free port, tries every claim on each, all stages at the same time. `said`
/// hears of each step, in a line.
///
/// # Errors
/// That this is not the workspace, that a stage does not build or does not start.
pub async fn compare(said: impl Fn(&str) + Clone + Send + 'static) -> anyhow::Result<Matrix> {
    let root = workspace()?;
    said("building the five stages");
    let binaries = tokio::task::spawn_blocking(move || build(&root)).await??;
    let mut servers = Vec::new();
    for binary in &binaries {
        let mut command = Command::new(binary);
        // in a group of its own, so that a Ctrl-C ends the trials first, and no claim breaks for want of its server
        command.env("RUST_LOG", "off").stderr(Stdio::null()).process_group(0);
        servers.push(Server::start(command)?);
    }
    let mut trials = JoinSet::new();
    for (index, server) in servers.iter().enumerate() {
        let (addr, said) = (server.addr(), said.clone());
        trials.spawn(async move {
            let mut column = Vec::new();
            for claim in CLAIMS {
                let finding = claim.try_on(addr).await;
                let word = if finding.verdict == Verdict::Kept { "holds" } else { "breaks" };
                said(&format!("stage {}: {} … {word}: {}", index + 1, claim.sentence, finding.figure));
                column.push(finding);
            }
            (index, column)
        });
    }
    let mut columns = HashMap::new();
    while let Some(column) = trials.join_next().await {
        let (index, column) = column?;
        columns.insert(index, column.into_iter());
    }
    drop(servers);
    let mut row = || (0..STAGES.len()).filter_map(|index| columns.get_mut(&index)?.next()).collect();
    Ok(Matrix { findings: CLAIMS.iter().map(|_| row()).collect() })
}

/// The folder of the workspace around the current one.
fn workspace() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let is_it = |folder: &&Path| STAGES.iter().all(|stage| folder.join(stage).join("Cargo.toml").is_file());
    match here.ancestors().find(is_it) {
        Some(root) => Ok(root.to_path_buf()),
        None => bail!("compare builds the five stages, so it must run inside the workspace; cd to where you cloned it"),
    }
}

/// Builds the stages in the profile that this client was built in; where each one's binary is.
fn build(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["build", "--message-format=json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    for number in 1..=STAGES.len() {
        cargo.arg("--package").arg(format!("stage{number}"));
    }
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot run cargo, which builds the stages")?;
    if !output.status.success() {
        bail!("the stages do not build; what cargo says about it stands above");
    }
    // a line for each thing built; https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages
    let built = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .collect::<Vec<_>>();
    let find = |stage: &&str| built.iter().find(|path| path.file_stem().is_some_and(|name| name == *stage)).cloned();
    STAGES.iter().map(|stage| find(stage).with_context(|| format!("cargo built no {stage}"))).collect()
}

impl Matrix {
    /// Whether each stage keeps what it must keep, and breaks what it must break.
    pub fn is_as_expected(&self) -> bool {
        CLAIMS
            .iter()
            .zip(&self.findings)
            .all(|(claim, row)| row.iter().zip(1..).all(|(finding, stage)| finding.verdict == claim.expected(stage)))
    }
}
