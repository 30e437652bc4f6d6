//! What `action.yml` runs in a learner's repository: `.github/check`.

#![cfg(unix)]

mod outside;

use probe::stages::{build_packages, workspace};
use std::fs;
use std::process::Command;

/// Its exit code, and what it puts into the job's summary.
fn check(stage: &str, start: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = folder.path().join("summary.md");
    let script = workspace().expect("the tests run in the workspace").join(".github/check");
    let output = Command::new(script)
        .arg(env!("CARGO_BIN_EXE_client"))
        .current_dir(folder.path())
        .env("GITHUB_STEP_SUMMARY", &summary)
        .envs([("STAGE", stage), ("START", start)])
        .output()
        .expect("it runs");
    (output.status.code(), fs::read_to_string(summary).expect("a summary"))
}

#[test]
fn the_summary_has_the_claims_and_the_step_fails_with_them() {
    let root = workspace().expect("the tests run in the workspace");
    let stage1 = build_packages(&root, &["stage1".into()]).expect("stage 1 builds").remove(0);
    let start = format!("'{}' --addr 127.0.0.1:{{port}}", stage1.display());
    let (code, summary) = check("1", &start);
    assert_eq!(code, Some(0), "{summary}");
    assert!(summary.starts_with("## Stage 1: every claim that decides is kept\n"), "{summary}");
    assert!(summary.contains("\n| ✓ | `echo` | the body comes back, byte for byte: "), "{summary}");
    let (code, summary) = check("2", &start);
    assert_eq!(code, Some(1), "{summary}");
    let row = "\n| ✗ | `slow-client` | a silent client blocks no one else: **no response in 2 s**";
    assert!(summary.starts_with("## Stage 2: a claim is broken\n"), "{summary}");
    assert!(summary.contains(row), "{summary}");
}

#[test]
fn the_summary_says_why_nothing_was_tried_and_keeps_its_form() {
    let (code, summary) = check("1", "echo '~~~~~~~~~~ </details>'; exit 3; {port}");
    assert_eq!(code, Some(3), "{summary}");
    assert!(summary.starts_with("## Stage 1: the server did not start\n"), "{summary}");
    assert!(summary.contains("exit code 3") && summary.matches("~~~~").count() == 4, "{summary}");
    let (code, summary) = check("9", "x {port}");
    assert_eq!(code, Some(2), "{summary}");
}
