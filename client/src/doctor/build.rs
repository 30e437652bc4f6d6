//! Rust, what is downloaded, and what is built: whether a class needs the network, or has to wait.

use super::finding::Check;
use super::program::{ask, first_line};
use probe::stages::{STAGES, workspace};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::SystemTime;

/// The minor version of Rust 1 that the workspace needs.
const MINIMUM: u32 = 85;

/// The findings about the workspace around the current folder.
pub(super) fn all() -> Vec<Check> {
    let Some(root) = workspace() else {
        let finding = Check::fail(
            "workspace",
            "this folder is not in the workspace",
            "cd to your clone, and run the doctor there",
        );
        return vec![rust(), finding];
    };
    let mut findings = vec![rust(), dependencies(&root)];
    if let Some(target) = target(&root) {
        findings.push(built("debug build", &target.join("debug"), "cargo build"));
        findings.push(built("release build", &target.join("release"), "cargo build --release"));
    }
    findings
}

/// The compiler.
fn rust() -> Check {
    let update = "rustup update stable, or see https://rustup.rs";
    let Some(told) = ask("rustc", &["-vV"]).filter(|told| told.status.success()) else {
        return Check::fail("rust", "rustc is not installed", update);
    };
    let told = String::from_utf8_lossy(&told.stdout);
    let release = told.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or_default();
    let mut numbers = release.split('.').map(|digits| digits.parse().unwrap_or(0u32));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (1, MINIMUM) {
        Check::fail(
            "rust",
            format!("version '{release}' is too old: the workspace needs 1.{MINIMUM}"),
            update,
        )
    } else {
        Check::ok("rust", release)
    }
}

/// What cargo says without the network, in this workspace.
fn cargo(root: &Path, args: &[&str]) -> Option<Output> {
    let manifest = root.join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    ask(&program, &[args, &["--offline", "--locked", "--manifest-path", &manifest]].concat())
}

/// Whether cargo can do without the network: for what is run, and for what is tested beside it. A
/// tree needs just the packages that are built on this system.
fn dependencies(root: &Path) -> Check {
    let fetch = "cargo fetch --locked, where there is a network";
    let Some(to_run) = cargo(root, &["tree", "--workspace", "--edges=no-dev"]) else {
        return Check::fail("dependencies", "cargo is not installed", "see https://rustup.rs");
    };
    if !to_run.status.success() {
        let why = format!("cargo needs the network ({})", first_line(&to_run.stderr));
        return Check::fail("dependencies", why, fetch);
    }
    match cargo(root, &["tree", "--workspace"]) {
        Some(to_test) if to_test.status.success() => {
            Check::ok("dependencies", "all downloaded: cargo needs no network")
        }
        _ => Check::warn(
            "dependencies",
            "all that a server needs is downloaded; cargo test needs the network",
            fetch,
        ),
    }
}

/// The folder of cargo's folders `debug` and `release`. Cargo says where its target directory is,
/// and not whether it builds in a folder for one system there (`build.target`); if this program is
/// in such a folder, it does.
fn target(root: &Path) -> Option<PathBuf> {
    let told = cargo(root, &["metadata", "--no-deps", "--format-version=1"])?;
    let metadata = serde_json::from_slice::<serde_json::Value>(&told.stdout).ok()?;
    let target = PathBuf::from(metadata.get("target_directory")?.as_str()?).canonicalize().ok()?;
    let this = std::env::current_exe().ok()?.canonicalize().ok()?;
    let ours = this.ancestors().nth(2).filter(|folder| folder.parent() == Some(&target));
    Some(ours.map_or(target.clone(), Path::to_path_buf))
}

/// Whether the stages and the client are built from the present sources, so that the class does not
/// wait for them.
fn built(name: &'static str, folder: &Path, command: &str) -> Check {
    let all = STAGES.into_iter().chain(["client"]);
    let missing: Vec<_> =
        all.filter(|binary| !is_built(&folder.join(binary)).unwrap_or(false)).collect();
    match &missing[..] {
        [] => Check::ok(name, "the five stages and the client"),
        _ => Check::warn(
            name,
            format!("not built, or older than their sources: {}", missing.join(", ")),
            command,
        ),
    }
}

/// Whether a binary is younger than its sources, which cargo lists in a file beside it: `binary:
/// source source …`.
fn is_built(binary: &Path) -> Option<bool> {
    let changed = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    let built = changed(binary)?;
    let list = std::fs::read_to_string(binary.with_extension("d")).ok()?;
    let (_, sources) = list.lines().next()?.split_once(": ")?;
    // a space within a path has a backslash before it
    let sources = sources.replace("\\ ", "\0");
    Some(sources.split(' ').all(|source| {
        changed(Path::new(&source.replace('\0', " "))).is_some_and(|source| source <= built)
    }))
}
