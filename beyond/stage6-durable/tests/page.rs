//! The lesson is true: each of its commands is run, and each of its outputs compared.

use lessons::page::Page;
use lessons::terminal::Terminal;
use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const SERVER: &str = env!("CARGO_BIN_EXE_stage6-durable");

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn root() -> PathBuf {
    let root = package().ancestors().nth(2).expect("the package is in beyond/");
    root.to_path_buf()
}

fn lesson() -> Page {
    Page::read(&package().join("README.md")).expect("there is a lesson")
}

/// Builds the client, which is not of this workspace.
fn client() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["build", "--locked", "-p", "client"]);
    let output = cargo.arg("--message-format=json").output().expect("cargo can be run");
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().find_map(|message| {
        let message: serde_json::Value = serde_json::from_str(message).ok()?;
        message["executable"].as_str().filter(|path| path.ends_with("/client")).map(PathBuf::from)
    });
    built.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn every_command_of_the_lesson_prints_what_the_lesson_shows() {
    let folder = tempfile::tempdir().unwrap();
    symlink(client(), folder.path().join("client")).unwrap();
    symlink(SERVER, folder.path().join("stage6-durable")).unwrap();
    let terminal = Terminal { root: &root(), binaries: folder.path().into() };
    let wrong = terminal.follow(&lesson());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_test_that_the_lesson_names_exists() {
    let text = std::fs::read_to_string(package().join("README.md")).unwrap();
    let tests: String = std::fs::read_dir(package().join("tests"))
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    let (_, table) = text.split_once("| point | test |").expect("the table");
    let named: BTreeSet<_> = table.split('`').skip(1).step_by(2).collect();
    assert!(named.len() > 15, "{named:?}");
    for test in named {
        assert!(tests.contains(&format!("fn {test}()")), "there is no test {test}");
    }
}

#[test]
fn every_option_is_in_the_lesson() {
    let help = testkit::run(SERVER, &["--help"], &[]).stdout;
    let help = String::from_utf8(help).unwrap();
    let page = std::fs::read_to_string(package().join("README.md")).unwrap();
    let stage_5 = std::fs::read_to_string(root().join("stage5-backpressure/README.md")).unwrap();
    let pages = page + &stage_5;
    for option in help.split_whitespace().filter(|word| word.starts_with("--")) {
        let is_common = ["--addr", "--timeout", "--body-memory", "--help"].contains(&option);
        assert!(is_common || pages.contains(option), "{option} is on no page");
    }
}
