//! INSTRUCTOR.md: its live changes fit the code, its tables add up, and the lessons take as long as it says.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> String {
    std::fs::read_to_string(root().join("INSTRUCTOR.md")).expect("the page is there")
}

#[test]
fn each_live_change_fits_the_file_that_it_names() {
    let page = page();
    let changes: Vec<_> = page.split("\n```diff\n").skip(1).collect();
    for change in &changes {
        let (change, _) = change.split_once("\n```").expect("the block ends");
        let (file, lines) = change.split_once('\n').expect("a file, and what changes in it");
        let file = file.strip_prefix("--- ").expect("the file comes first");
        let before: Vec<_> =
            lines.lines().filter(|line| !line.starts_with('+')).map(|line| &line[1..]).collect();
        let code = std::fs::read_to_string(root().join(file)).expect("the file is there");
        assert_eq!(code.matches(&before.join("\n")).count(), 1, "{file}: {change}");
        assert!(lines.contains(['+', '-']), "{file}: nothing changes");
    }
    assert_eq!(changes.len(), 7, "one for each stage, and two beyond the course");
}

#[test]
fn the_minutes_of_the_tables_add_up() {
    let page = page();
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = page.lines().map(cells).filter_map(|cells| {
        let (hours, minutes) = cells.get(1)?.split_once(':')?;
        let at = hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok()?;
        Some((at, cells.get(2)?.parse::<u32>().ok()?, cells.get(3)?.clone()))
    });
    let rows: Vec<_> = rows.collect();
    for pair in rows.windows(2).filter(|pair| pair[0].0 < pair[1].0) {
        assert_eq!(pair[0].0 + pair[0].1, pair[1].0, "{}", pair[0].2);
    }
    // what a row is split into: "predict 5, break 10, …"
    for (_, minutes, what) in &rows {
        let parts = what.split_once(": predict").map(|(_, parts)| parts.split_whitespace());
        let sum = parts.map(|words| {
            words.filter_map(|word| word.trim_end_matches(',').parse::<u32>().ok()).sum::<u32>()
        });
        assert!(sum.is_none_or(|sum| sum == *minutes), "{what}");
    }
    let ends: Vec<_> = rows
        .iter()
        .filter(|row| row.2.starts_with("the page again"))
        .map(|row| row.0 + row.1)
        .collect();
    assert_eq!(ends, [17 * 60, 2 * 60], "a day until five, and two hours");
}

#[test]
fn each_lesson_takes_as_long_as_the_day_plans_for_it() {
    for stage in probe::stages::STAGES {
        let lesson = std::fs::read_to_string(root().join(stage).join("README.md"));
        let lesson = lesson.expect("each stage has a lesson");
        let minutes = lesson.lines().find_map(|line| line.strip_prefix("**Time:** "));
        let minutes = minutes.and_then(|line| line.strip_suffix(" minutes.")).expect("its time");
        let number = &stage["stage".len()..][..1];
        let row = format!("| {minutes} | stage {number}: predict ");
        assert!(page().contains(&row), "{stage} takes {minutes} minutes");
    }
    let lesson = std::fs::read_to_string(root().join("metastable/README.md")).expect("a lesson");
    let minutes = lesson.lines().find_map(|line| line.strip_prefix("**Time:** "));
    let row = format!(
        "(metastable/README.md), {}, after",
        minutes.expect("its time").trim_end_matches('.')
    );
    assert!(page().contains(&row), "{row}");
}

#[test]
fn each_bound_takes_as_long_as_its_section_says() {
    for name in ["in-time", "reserved-places", "fair-share"] {
        let lesson = std::fs::read_to_string(root().join(format!("bounds/{name}.md")));
        assert!(lesson.expect("each has a page").contains("\n**Time:** 15 minutes.\n"), "{name}");
    }
    assert!(page().contains("(bounds/README.md), 15 minutes each, after stage 5"));
}

#[test]
fn the_lesson_beyond_the_course_takes_as_long_as_its_section_says() {
    let lesson = std::fs::read_to_string(root().join("beyond/stage6-durable/README.md"));
    let lesson = lesson.expect("stage 6 has a lesson");
    assert!(lesson.contains("\n**Time:** 60 minutes.\n"));
    assert!(
        page().contains("It takes 60 minutes: predict 10, break 10, why 20, cost 10, exercise 10.")
    );
    let lesson = std::fs::read_to_string(root().join("beyond/stage7-distributed/README.md"));
    assert!(lesson.expect("stage 7 has a lesson").contains("\n**Time:** 60 minutes.\n"));
    assert!(
        page().contains("It takes 60 minutes: predict 10, break 15, why 15, cost 10, exercise 10.")
    );
}
