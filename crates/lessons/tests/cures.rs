//! The wrong cures: each patch is known to `scripts/cure.sh`, and a lesson tests it.

use lessons::page::Page;
use probe::stages::STAGES;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/lessons is in the workspace")
        .into()
}

fn cure(args: &[&str]) -> Output {
    Command::new(root().join("scripts/cure.sh"))
        .args(args)
        .output()
        .expect("scripts/cure.sh can be run")
}

fn cures() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("wrong-cures")).expect("this folder is there");
    let names = entries
        .map(|entry| entry.expect("so are its entries").file_name().to_string_lossy().into_owned());
    let cures: Vec<_> =
        names.filter_map(|name| name.strip_suffix(".patch").map(String::from)).collect();
    assert!(!cures.is_empty());
    cures
}

#[test]
fn each_cure_is_in_the_help_and_is_run_by_a_lesson() {
    let help = String::from_utf8(cure(&["--help"]).stdout).expect("help is text");
    let lessons = STAGES.map(|stage| {
        Page::read(&root().join(stage).join("README.md")).expect("each stage has a lesson")
    });
    let commands: Vec<_> = lessons
        .iter()
        .flat_map(|lesson| &lesson.blocks)
        .filter(|block| block.language == "sh")
        .collect();
    for name in cures() {
        assert!(help.contains(&format!("\n  {name} ")), "{name} is not in the help: {help}");
        let run = format!("scripts/cure.sh {name}");
        assert!(commands.iter().any(|block| block.text.trim() == run), "no lesson runs {run}");
    }
}

#[test]
fn a_bad_command_line_is_refused_with_the_usage() {
    for (args, because) in [
        (&[][..], "which cure? give its name"),
        (&["--nonsense"], "unknown option --nonsense"),
        (&["no-such"], "there is no cure 'no-such'"),
        (&["../rwlock"], "there is no cure '../rwlock'"),
        (&["rwlock", "--work", "1s"], "the server's options come after --, not '--work'"),
    ] {
        let output = cure(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.ends_with(&format!("\ncure.sh: {because}\n")), "{args:?}: {errors}");
        assert!(errors.contains("\nusage: scripts/cure.sh "), "{args:?}: {errors}");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}
