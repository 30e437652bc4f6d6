//! The lesson is true: each of its commands is run, and each of its outputs compared.

mod outside;

use lessons::page::Page;
use lessons::terminal::Terminal;
use outside::{client, root};
use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;

const SERVER: &str = env!("CARGO_BIN_EXE_stage6-durable");

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn lesson() -> Page {
    Page::read(&package().join("README.md")).expect("there is a lesson")
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
