//! All five stages, side by side, under every claim.

use crate::claims::{CLAIMS, Claim, Finding};
use crate::server::Server;
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use tokio::task::JoinSet;

/// The stages, by the names of their folders and binaries.
pub const STAGES: [&str; 5] =
    ["stage1-blocking", "stage2-async", "stage3-parse", "stage4-slow-state", "stage5-backpressure"];

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
    /// As [`STAGES`].
    pub findings: Vec<Finding>,
}

/// What `compare` is at.
#[derive(Debug)]
pub enum Step<'a> {
    /// Cargo builds the five stages.
    Building,
    /// A stage, 1 to 5, is put through a claim.
    Trying(u8, &'static Claim),
    /// It has been, and that was found.
    Tried(u8, &'static Claim, &'a Finding),
    /// A stage has been through all of them.
    Done(u8),
}

/// Builds the stages, starts each on a free port, tries every claim that is compared on each, all stages at the same
/// time. `said` hears of each step.
///
/// # Errors
/// That this is not the workspace, that a stage does not build or does not start.
pub async fn compare(said: impl Fn(Step) + Clone + Send + 'static) -> anyhow::Result<Matrix> {
    let root = workspace()?;
    said(Step::Building);
    let binaries = tokio::task::spawn_blocking(move || build(&root)).await??;
    let (at, began) = (SystemTime::now(), Instant::now());
    let mut servers = Vec::new();
    for (binary, stage) in binaries.iter().zip(1u8..) {
        let mut command = Command::new(binary);
        if stage >= 4 {
            command.arg("--work").arg(humantime::format_duration(WORK).to_string());
        }
        // in a group of its own, so that a Ctrl-C ends the trials first, and no claim breaks for want of its server
        command.env("RUST_LOG", "off").stderr(Stdio::null()).process_group(0);
        servers.push(Server::start(command)?);
    }
    let claims: Vec<_> = CLAIMS.iter().filter(|claim| claim.compared).collect();
    let mut trials = JoinSet::new();
    for (server, stage) in servers.iter().zip(1u8..) {
        let (addr, said, claims) = (server.addr(), said.clone(), claims.clone());
        trials.spawn(async move {
            let mut column = Vec::new();
            for claim in claims {
                said(Step::Trying(stage, claim));
                let finding = claim.try_on(addr).await;
                said(Step::Tried(stage, claim, &finding));
                column.push(finding);
            }
            said(Step::Done(stage));
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

/// The idea of a stage, from its name.
pub fn idea(stage: &str) -> String {
    stage.split_once('-').map_or(stage, |(_, idea)| idea).replace('-', " ")
}

/// The folder of the workspace around the current one.
///
/// # Errors
/// That there is none.
pub fn workspace() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let is_it =
        |folder: &&Path| STAGES.iter().all(|stage| folder.join(stage).join("Cargo.toml").is_file());
    match here.ancestors().find(is_it) {
        Some(root) => Ok(root.to_path_buf()),
        None => bail!(
            "compare builds the five stages, so it must run inside the workspace; cd to where you cloned it"
        ),
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
    let output = cargo
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo, which builds the stages")?;
    if !output.status.success() {
        bail!("the stages do not build; what cargo says about it stands above");
    }
    // a line for each thing built; https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages
    let built = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .collect::<Vec<_>>();
    let find = |stage: &&str| {
        built.iter().find(|path| path.file_stem().is_some_and(|name| name == *stage)).cloned()
    };
    STAGES
        .iter()
        .map(|stage| find(stage).with_context(|| format!("cargo built no {stage}")))
        .collect()
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
