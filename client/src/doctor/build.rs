//! Rust, what is downloaded, and what is built: whether a class needs the network, or has to wait.

use super::{Finding, ask, first_line};
use crate::compare::{STAGES, workspace};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The minor version of Rust 1 that the workspace needs.
const MINIMUM: u32 = 85;

/// The findings about the workspace around the current folder.
pub(super) fn all() -> Vec<Finding> {
    let (rust, host) = rust();
    let Ok(root) = workspace() else {
        let finding =
            Finding::failing("workspace", "this folder is not in it", "cd to where you cloned it, and ask again");
        return vec![rust, finding];
    };
    let target = match dependencies(&root, host.as_deref()) {
        Ok(target) => target,
        Err(finding) => return vec![rust, finding],
    };
    let dependencies = Finding::fine("dependencies", "all here: cargo needs no network");
    vec![
        rust,
        dependencies,
        built("debug build", &target.join("debug"), "cargo build"),
        built("release build", &target.join("release"), "cargo build --release"),
    ]
}

/// The compiler, and what it compiles for.
fn rust() -> (Finding, Option<String>) {
    let update = "rustup update stable, or see https://rustup.rs";
    let Some(told) = ask("rustc", &["-vV"]).filter(|told| told.status.success()) else {
        return (Finding::failing("rust", "no rustc", update), None);
    };
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let field = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let (release, host) = (field("release: ").unwrap_or_default(), field("host: "));
    let mut numbers = release.split('.').map(|digits| digits.parse().unwrap_or(0u32));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (1, MINIMUM) {
        (Finding::failing("rust", format!("'{release}', and the workspace needs 1.{MINIMUM}"), update), host)
    } else {
        (Finding::fine("rust", release), host)
    }
}

/// Whether cargo can do without the network; then where it builds.
fn dependencies(root: &Path, host: Option<&str>) -> Result<PathBuf, Finding> {
    let manifest = root.join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let mut args = vec!["metadata", "--offline", "--locked", "--format-version=1", "--manifest-path", &manifest];
    if let Some(host) = host {
        args.extend(["--filter-platform", host]); // another system's packages are never downloaded here
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let Some(told) = ask(&cargo, &args) else {
        return Err(Finding::failing("dependencies", "no cargo to ask", "see https://rustup.rs"));
    };
    let metadata = serde_json::from_slice::<serde_json::Value>(&told.stdout).ok();
    let target = metadata.as_ref().and_then(|metadata| metadata.get("target_directory")?.as_str()).map(PathBuf::from);
    target.ok_or_else(|| {
        let said = first_line(&told.stderr);
        Finding::failing(
            "dependencies",
            format!("cargo needs the network ({said})"),
            "cargo fetch --locked, where there is one",
        )
    })
}

/// Whether the stages and the client are built from what is there, so that nobody waits for them.
fn built(name: &'static str, folder: &Path, command: &str) -> Finding {
    let all = STAGES.into_iter().chain(["client"]);
    let missing: Vec<_> = all.filter(|binary| !is_built(&folder.join(binary)).unwrap_or(false)).collect();
    match &missing[..] {
        [] => Finding::fine(name, "the five stages and the client"),
        _ => Finding::noted(name, format!("not built, or not from what is here: {}", missing.join(", ")), command),
    }
}

/// Whether a binary is younger than its sources, which cargo lists in a file beside it: `binary: source source …`.
fn is_built(binary: &Path) -> Option<bool> {
    let changed = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    let built = changed(binary)?;
    let list = std::fs::read_to_string(binary.with_extension("d")).ok()?;
    let (_, sources) = list.lines().next()?.split_once(": ")?;
    // a space within a path has a backslash before it
    let sources = sources.replace("\\ ", "\0");
    Some(
        sources
            .split(' ')
            .all(|source| changed(Path::new(&source.replace('\0', " "))).is_some_and(|source| source <= built)),
    )
}
