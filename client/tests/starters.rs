//! `starters/`: each freezes as stage 1 does, and the lessons' claims say so with one command. A language that is
//! not installed is not tried.

mod outside;

use claims::{Group, Verdict, claims_of};
use outside::{client, stdout};
use probe::stages::workspace;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn folder() -> PathBuf {
    workspace().expect("the tests run in the workspace").join("starters")
}

/// Whether this command succeeds: a language that is installed says its version.
fn is_installed(command: &[&str]) -> bool {
    let quiet = |program: &mut Command| {
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    let is_installed =
        quiet(Command::new(command[0]).args(&command[1..])).is_ok_and(|status| status.success());
    if !is_installed {
        println!("not tried: {} is not installed", command[0]);
    }
    is_installed
}

/// Checks it against stages 1 and 2, and whether it accepts malformed input, which stage 3 rejects: what our stage 1
/// keeps it keeps, and what ours breaks it breaks.
fn must_freeze_as_ours(start: &str) {
    for stage in 1..=3 {
        // where what it writes belongs to this test alone
        let out = tempfile::tempdir().expect("a folder");
        let lessons = claims_of(stage)
            .into_iter()
            .filter(|claim| claim.group == Group::Lesson && (stage < 3 || claim.name == "garbage"));
        let lessons: Vec<_> = lessons.collect();
        let (number, path) = (stage.to_string(), out.path().to_string_lossy().into_owned());
        let mut args = vec!["check", &number, "--json", "--out", &path, "--start", start];
        args.extend(lessons.iter().flat_map(|claim| ["--only", claim.name]));
        let output = client(&args).current_dir(folder()).output().expect("the client runs");
        let said = stdout(&output);
        let all_kept = lessons.iter().all(|claim| claim.expected(1) == Verdict::Kept);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(i32::from(!all_kept)), "{start}: {said}{errors}");
        let lines: Vec<Value> =
            said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), lessons.len(), "{start}: {said}");
        for (claim, line) in lessons.iter().zip(lines) {
            let kept = claim.expected(1) == Verdict::Kept;
            assert_eq!(
                (&line["name"], &line["kept"]),
                (&claim.name.into(), &kept.into()),
                "{start}: {line}"
            );
        }
    }
}

#[test]
fn python_freezes_as_stage_1_does() {
    if is_installed(&["python3", "--version"]) {
        must_freeze_as_ours("python3 python/server.py {port}");
    }
}

#[test]
fn go_freezes_as_stage_1_does() {
    if is_installed(&["go", "version"]) {
        must_freeze_as_ours("go run go/server.go {port}");
    }
}

#[test]
fn javascript_freezes_as_stage_1_does() {
    if is_installed(&["node", "--version"]) {
        must_freeze_as_ours("node node/server.mjs {port}");
    }
}

#[test]
fn java_freezes_as_stage_1_does() {
    if is_installed(&["javac", "-version"]) {
        must_freeze_as_ours("java java/Server.java {port}");
    }
}

#[test]
fn csharp_freezes_as_stage_1_does() {
    if is_installed(&["mcs", "--version"]) {
        let out = tempfile::tempdir().expect("a folder");
        let binary = out.path().join("server.exe").display().to_string();
        let built = Command::new("mcs")
            .arg(format!("-out:{binary}"))
            .arg(folder().join("csharp/server.cs"))
            .status();
        assert!(built.is_ok_and(|status| status.success()), "mcs fails");
        must_freeze_as_ours(&format!("mono {binary} {{port}}"));
    } else if is_installed(&["dotnet", "--version"]) {
        must_freeze_as_ours("dotnet run csharp/server.cs -- {port}");
    }
}

#[test]
fn a_starter_has_sixty_lines_at_most_and_a_page_with_its_command() {
    let table = fs::read_to_string(folder().join("README.md")).expect("a page");
    for file in [
        "python/server.py",
        "go/server.go",
        "node/server.mjs",
        "java/Server.java",
        "csharp/server.cs",
    ] {
        let code = fs::read_to_string(folder().join(file)).expect("a starter");
        assert!(code.lines().count() <= 60, "{file}: {} lines", code.lines().count());
        let language = file.split('/').next().unwrap_or_default();
        let page = fs::read_to_string(folder().join(language).join("README.md")).expect("a page");
        let command = page.lines().find(|line| line.starts_with("cargo client check 1 --start '"));
        let command = command.unwrap_or_else(|| panic!("{language}: no command"));
        assert!(command.contains(&format!("starters/{file}")), "{command}");
        assert!(table.contains(command), "starters/README.md lacks: {command}");
    }
}
