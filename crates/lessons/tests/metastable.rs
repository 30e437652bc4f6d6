//! The table of `metastable/README.md`: every run of the page, side by side, and what was served before and after the pause.
//!
//! Its premise is a server that does fifty events a second. Beside the runs another stage 4 is kept busy, which shows what this
//! machine lets such a server do: where that is too little for the rate, no run can be expected to recover.

#![cfg(unix)]

use lessons::page::Page;
use lessons::terminal::with_binaries;
use probe::stages::build_packages;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// Keeps a server busy for as long as the longest run lasts.
const BUSY: &str = "cargo client load --start 'cargo stage4 --addr 127.0.0.1:{port} --work 20ms' \
                    -z 30s -c 2 --event --json";

/// How many events a second it must do, before the pause and after it. With 40 the backlog of the pause, 105 events, is done
/// just when the longest runs end.
const ENOUGH: f64 = 42.0;

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

/// What the busy server did each second while the runs were before their pauses, and afterwards.
fn speed(report: &Value) -> Option<[f64; 2]> {
    let seconds = report["timeline"].as_array()?.iter();
    let served: Vec<_> = seconds.filter_map(|second| second["served"].as_f64()).collect();
    let mean = |served: &[f64]| served.iter().sum::<f64>() / served.len() as f64;
    Some([mean(served.get(..4)?), mean(served.get(7..27)?)])
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
        let busy = scope.spawn(|| report(BUSY));
        let started = runs.iter().map(|(name, command)| (name, scope.spawn(|| report(command))));
        let started: Vec<_> = started.collect();
        let busy = busy.join().expect("it prints its report");
        let speed = speed(&busy).unwrap_or_else(|| panic!("it lasts 30 seconds: {busy:#}"));
        if speed.iter().any(|speed| *speed < ENOUGH) {
            println!(
                "not tried: who recovers; this machine is so busy that stage 4 does {speed:?} a second"
            );
        }
        for (name, run) in started {
            let report = run.join().expect("it prints its report");
            let figures = served(&report).unwrap_or_else(|| panic!("{name}: {report:#}"));
            let [rate, _] = rows[name];
            for ((seen, said), speed) in figures.into_iter().zip(rows[name]).zip(speed) {
                let is_as_said = match said {
                    0.0 => seen < rate / 5.0,
                    _ => seen > rate * 0.8 || speed < ENOUGH,
                };
                assert!(is_as_said, "{name}: {seen} where the page says {said}: {report:#}");
            }
        }
    });
}
