//! The stages of the course: their names, and where their binaries are.

use crate::children;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The stages, by the names of their folders and binaries.
pub const STAGES: [&str; 5] =
    ["stage1-blocking", "stage2-async", "stage3-parse", "stage4-slow-state", "stage5-backpressure"];

/// The idea of a stage, from its name.
pub fn idea(stage: &str) -> String {
    stage.split_once('-').map_or(stage, |(_, idea)| idea).replace('-', " ")
}

/// The folder of the workspace around the current one; `None` outside of it.
pub fn workspace() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let is_it =
        |folder: &&Path| STAGES.iter().all(|stage| folder.join(stage).join("Cargo.toml").is_file());
    here.ancestors().find(is_it).map(Path::to_path_buf)
}

/// Builds the stages in the profile that this crate was built in; where each one's binary is.
///
/// # Errors
/// Cargo cannot be run, or a stage does not build.
pub fn build(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let packages: Vec<_> = (1..=STAGES.len()).map(|number| format!("stage{number}")).collect();
    let built = build_packages(root, &packages)?;
    let find = |stage: &&str| {
        built.iter().find(|path| path.file_stem().is_some_and(|name| name == *stage)).cloned()
    };
    STAGES
        .iter()
        .map(|stage| find(stage).with_context(|| format!("cargo built no {stage}")))
        .collect()
}

/// Builds a stage beyond the course in the profile that this crate was built in; where its binary
/// is.
///
/// # Errors
/// Cargo cannot be run, or it does not build.
pub fn build_beyond(root: &Path, package: &str) -> anyhow::Result<PathBuf> {
    let built = build_packages(&root.join("beyond"), &[package.to_owned()])?;
    built.into_iter().next().with_context(|| format!("cargo built no {package}"))
}

/// Builds packages of the workspace in the profile that this crate was built in; where their
/// binaries are, from cargo itself, since its settings decide that.
///
/// # Errors
/// Cargo cannot be run, or a package does not build.
pub fn build_packages(root: &Path, packages: &[String]) -> anyhow::Result<Vec<PathBuf>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["build", "--message-format=json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.args(packages.iter().flat_map(|package| ["--package", package]));
    let child = children::spawn(cargo.stdout(Stdio::piped()))?;
    let output = child.wait_with_output().context("cannot run cargo, which builds the stages")?;
    if !output.status.success() {
        bail!("the stages do not build; what cargo says about it stands above");
    }
    // a line for each thing built;
    // https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages
    let lines = String::from_utf8_lossy(&output.stdout);
    let messages =
        lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    Ok(messages
        .filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .collect())
}
