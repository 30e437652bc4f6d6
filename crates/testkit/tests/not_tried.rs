//! Not a test: says what the tests could not try on this machine, for want of what. It runs after
//! all other tests but workshop's and the examples of the documentation. With `NOTHING_MISSING=1`
//! it fails if there is anything.

use lessons::page::Page;
use lessons::terminal::not_tried;
use probe::stages::STAGES;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut gaps = Vec::new();
    for stage in STAGES {
        let page =
            Page::read(&root.join(stage).join("README.md")).expect("each stage has a lesson");
        gaps.extend(not_tried(&page).into_iter().map(|(line, tool)| {
            let (name, package) = (tool.name, tool.package);
            format!("{stage}/README.md:{line} needs {name} (on Debian, apt install {package})")
        }));
    }
    if gaps.is_empty() {
        println!("everything was tried: no program that a lesson needs is missing");
        return ExitCode::SUCCESS;
    }
    println!("not tried, since this machine lacks a program:\n");
    gaps.iter().for_each(|gap| println!("  {gap}"));
    println!();
    match std::env::var_os("NOTHING_MISSING") {
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    }
}
