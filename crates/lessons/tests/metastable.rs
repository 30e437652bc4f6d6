//! The table of `metastable/README.md`: every run of the page, side by side, and what was served before and after the pause.

#![cfg(unix)]

use lessons::page::Page;
use lessons::terminal::with_binaries;
use probe::stages::build_packages;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// The runs of the page: the name of each, and its command, without where its output goes.
fn runs(page: &Page) -> BTreeMap<String, String> {
    let blocks = page.blocks.iter().filter(|block| block.language == "sh");
    let lines = blocks.flat_map(|block| {
        let text = block.text.replace("\\\n", " ");
        text.lines().map(String::from).collect::<Vec<_>>()
    });
    let run = |line: String| {
        let (command, output) = line.split_once(">target/pause/")?;
        Some((output.split_once(".json")?.0.to_owned(), command.to_owned()))
    };
    lines.filter_map(run).collect()
}

/// The rows of its table: the name of each run, and what is served before the pause and at the end.
fn rows(text: &str) -> BTreeMap<String, [f64; 2]> {
    let row = |line: &str| {
        let cells: Vec<_> = line.strip_prefix("| `")?.split('|').map(str::trim).collect();
        let [name, _, before, after, _] = cells[..] else { return None };
        Some((name.split_once('`')?.0.to_owned(), [before.parse().ok()?, after.parse().ok()?]))
    };
    text.lines().filter_map(row).collect()
}

/// What was served each second before the pause, and in the last three seconds in which requests became due.
fn served(report: &Value) -> Option<[f64; 2]> {
    let pause = report["pause"]["from_s"].as_f64()?;
    let seconds: Vec<_> = report["timeline"].as_array()?.iter().collect();
    let full = seconds.iter().filter(|second| second["due"].as_u64().is_some_and(|due| due > 0));
    let served: Vec<_> = full.filter_map(|second| second["served"].as_f64()).collect();
    let mean = |served: &[f64]| served.iter().sum::<f64>() / served.len() as f64;
    Some([mean(&served[..pause as usize]), mean(&served[served.len() - 3..])])
}

#[test]
fn each_run_ends_as_its_table_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
    let path = root.join("metastable/README.md");
    let page = Page::read(&path).expect("the page is there");
    let rows = rows(&std::fs::read_to_string(&path).expect("it is text"));
    let runs = runs(&page);
    assert_eq!(runs.keys().collect::<Vec<_>>(), rows.keys().collect::<Vec<_>>());
    assert_eq!(runs.len(), 10);
    let packages = ["stage4", "stage5", "client"].map(String::from);
    let built = build_packages(root, &packages).expect("they build");
    let binaries = built[0].parent().expect("they are in a folder");
    let report = |command: &str| {
        let mut shell = Command::new("bash");
        shell.args(["-c", &with_binaries(command)]).env("BIN", binaries).current_dir(root);
        let output = shell.stdin(Stdio::null()).output().expect("bash runs");
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    };
    thread::scope(|scope| {
        let started = runs.iter().map(|(name, command)| (name, scope.spawn(|| report(command))));
        for (name, run) in started.collect::<Vec<_>>() {
            let report = run.join().expect("it prints its report");
            let figures = served(&report).unwrap_or_else(|| panic!("{name}: {report:#}"));
            let [rate, _] = rows[name];
            for (seen, said) in figures.into_iter().zip(rows[name]) {
                let is_as_said = if said == 0.0 { seen < rate / 5.0 } else { seen > rate * 0.8 };
                assert!(is_as_said, "{name}: {seen} where the page says {said}: {report:#}");
            }
        }
    });
}
