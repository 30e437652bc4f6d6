//! Figures in the prose of the pages agree with the tables, outputs and files that they come from.

use claims::{CLAIMS, Group};
use probe::stages::STAGES;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn lesson(stage: usize) -> String {
    read(&format!("{}/README.md", STAGES[stage - 1]))
}

/// Its words, whatever the lines.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The numbers, without the commas of thousands, that stand right before each `after`.
fn numbers_before(text: &str, after: &str) -> Vec<f64> {
    let before = text.match_indices(after).map(|(at, _)| &text[..at]);
    before.filter_map(last_number).collect()
}

fn last_number(text: &str) -> Option<f64> {
    let is_part = |char: char| char.is_ascii_digit() || ".,".contains(char);
    let start = text
        .rfind(|char| !is_part(char))
        .map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
    text[start..].replace(',', "").parse().ok()
}

fn only(numbers: &[f64], what: &str) -> f64 {
    assert_eq!(numbers.len(), 1, "{what}: {numbers:?}");
    numbers[0]
}

#[test]
fn a_thread_costs_as_many_times_a_tasks_memory_as_the_lessons_say() {
    let bytes = |stage| only(&numbers_before(&lesson(stage), " bytes per connection"), "cost.sh");
    let (thread, task) = (bytes(1), bytes(2));
    let first = words(&lesson(1));
    let kilobytes = only(&numbers_before(&first, " KB each"), "KB each");
    assert!((kilobytes - thread / 1000.0).abs() < 1.0, "{kilobytes} KB, and {thread} bytes");
    let says = [
        only(&numbers_before(&first, " times what a connection costs stage 2"), "stage 1"),
        only(&numbers_before(&words(&lesson(2)), " times the memory"), "stage 2"),
    ];
    for times in says {
        let measured = thread / task;
        assert!((0.85..1.15).contains(&(times / measured)), "{times} times, measured {measured}");
    }
}

#[test]
fn the_servers_are_as_long_as_the_readme_says() {
    let lines = STAGES.map(|stage| read(&format!("{stage}/src/main.rs")).lines().count() as f64);
    let readme = read("README.md");
    let (_, rest) = readme.split_once("a server of about ").expect("it says how long they are");
    let (least, rest) = rest.split_once(" to ").expect("a range");
    let (least, most) =
        (last_number(least), rest.split_once(" lines").and_then(|(most, _)| last_number(most)));
    let (least, most) = (least.expect("a number"), most.expect("a number"));
    let (shortest, longest) = (
        lines.iter().fold(f64::MAX, |a, b| a.min(*b)),
        lines.iter().fold(0.0f64, |a, b| a.max(*b)),
    );
    assert!(
        (least / shortest - 1.0).abs() < 0.1 && (most / longest - 1.0).abs() < 0.1,
        "{lines:?}"
    );
}

#[test]
fn the_readmes_comparison_with_other_servers_is_that_of_bench() {
    let (readme, bench) = (read("README.md"), read("bench/README.md"));
    let rows =
        readme.lines().filter(|line| line.trim_start().starts_with('|') && line.contains(" × |"));
    let mut count = 0;
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let figure = format!("{} {}", cells[2], cells[3]); // 0.85 × hyper
        assert!(bench.contains(&figure), "bench/README.md does not say {figure}");
        count += 1;
    }
    assert!(count >= 3, "the table of the README has rows");
}

#[test]
fn the_numbers_of_claims_are_those_of_the_claims() {
    let kept_by = |stage: u8, group| {
        let kept = CLAIMS.iter().filter(|claim| claim.kept_by.contains(&stage));
        kept.filter(|claim| claim.group == group).count() as f64
    };
    let mut count = 0;
    for path in STAGES.map(|stage| format!("{stage}/README.md")).iter().map(String::as_str).chain([
        "client/README.md",
        "INSTRUCTOR.md",
        "bridges/README.md",
    ]) {
        let text = words(&read(path));
        // `stage 2: 9 of 9 claims HTTP: 18 of 18 claims`, the end of a check without --only, which
        // tries four at most
        for (at, found) in text.match_indices(" claims") {
            let line = &text[..at];
            let Some((before, of)) = line.rsplit_once(" of ") else { continue };
            let (Ok(of), Some(start)) = (of.parse::<f64>(), before.rfind("stage ")) else {
                continue;
            };
            let Some((stage, kept)) = before[start + 6..].split_once(": ") else { continue };
            let Ok(stage) = stage.parse() else { continue };
            let group = match kept.rsplit_once("HTTP: ") {
                None if kept.parse::<u8>().is_ok() => Group::Lesson,
                Some((_, kept)) if kept.parse::<u8>().is_ok() => Group::Http,
                _ => continue,
            };
            if of > 4.0 {
                assert_eq!(of, kept_by(stage, group), "{path}: stage {stage}: {of}{found}");
                count += 1;
            }
        }
        // what a learner has reached: `check 4` says 20 of 20, you are done at 9 of 9
        let done = text.split(" of ").zip(text.split(" of ").skip(1));
        for (before, after) in done {
            let number = last_number(before);
            let all = after
                .split(|char: char| !char.is_ascii_digit())
                .next()
                .and_then(|all| all.parse::<f64>().ok());
            let is_done =
                before.contains("done") && before[before.rfind("done").unwrap_or(0)..].len() < 60;
            if let (Some(number), Some(all), true) = (number, all, is_done) {
                if number == all {
                    let stages: Vec<_> =
                        (1..=5).filter(|stage| kept_by(*stage, Group::Lesson) == all).collect();
                    assert!(!stages.is_empty(), "{path}: no stage keeps {all} claims");
                    count += 1;
                }
            }
        }
    }
    assert!(count >= 8, "the pages name the numbers of claims; these are {count}");
}

#[test]
fn the_table_of_queues_adds_up() {
    let lesson = lesson(5);
    let (_, table) = lesson.split_once("| ---: | ---: | ---: | ---: |\n").expect("the table");
    let mut rows = 0;
    for line in table.lines().take_while(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let number = |cell: usize| last_number(cells[cell]).unwrap_or_else(|| panic!("{line}"));
        let (queue, sum) = (number(1), number(2) + number(3));
        assert!((1995.0..=2000.0).contains(&sum), "1000 a second for two seconds: {line}");
        let age = (queue + 1.0) * 0.010;
        let (figure, unit) = cells[4].split_once(' ').expect("a duration");
        let figure: f64 = figure.parse().expect("a number");
        let says = if unit == "ms" { figure / 1000.0 } else { figure };
        assert!((says - age).abs() <= 0.011, "(queue + 1) × 10 ms are {age} s: {line}");
        rows += 1;
    }
    assert_eq!(rows, 4);
}

#[test]
fn products_are_right() {
    let mut count = 0;
    for path in STAGES
        .map(|stage| format!("{stage}/README.md"))
        .iter()
        .map(String::as_str)
        .chain(["INSTRUCTOR.md"])
    {
        let text = words(&read(path));
        // 17 × 500 ms = 8.5 s
        for (at, _) in text.match_indices(" ms = ") {
            let Some((left, milliseconds)) = text[..at].rsplit_once(" × ") else { continue };
            let (Some(left), Ok(right)) = (last_number(left), milliseconds.parse::<f64>()) else {
                continue;
            };
            let rest = &text[at + " ms = ".len()..];
            let seconds: f64 =
                rest.split(' ').next().and_then(|text| text.parse().ok()).expect("seconds");
            assert!(
                (left * right / 1000.0 - seconds).abs() < 0.01,
                "{path}: {left} × {right} ms is not {seconds} s"
            );
            count += 1;
        }
    }
    assert!(count >= 1, "the pages have a product");
}
