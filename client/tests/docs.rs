//! The recorded runs under docs/ are what the client writes today; `.ci/docs` records them again.

use claims::CLAIMS;
use std::path::{Path, PathBuf};

/// A page that a visitor waits for.
const LARGEST: usize = 1 << 20;

const STALE: &str = "it is not what the client writes today: run .ci/docs";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the file is there").replace("\r\n", "\n")
}

/// A page that is as the client writes it today, and loads nothing.
fn page(path: &str) -> String {
    let (page, source) = (read(path), "client/src/compare/html");
    for part in ["palette.css", "style.css", "patterns.svg", "script.js"] {
        assert!(page.contains(read(&format!("{source}/{part}")).trim()), "{path}: {part}: {STALE}");
    }
    assert!(page.len() < LARGEST, "{path} has {} bytes", page.len());
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"), "{path}: {STALE}");
    for outside in [" src=", "href=\"http", "@import", "url(http", "//fonts"] {
        assert!(!page.contains(outside), "{path} loads {outside}");
    }
    let ids: Vec<_> = quoted(&page, " id=\"");
    for link in quoted(&page, " href=\"#") {
        assert!(ids.contains(&link), "{path}: nothing is called {link}");
    }
    page
}

/// What stands between `before` and the next quotation mark.
fn quoted<'a>(html: &'a str, before: &str) -> Vec<&'a str> {
    let parts = html.split(before).skip(1);
    parts.filter_map(|rest| rest.split_once('"').map(|(value, _)| value)).collect()
}

/// The classes of the cells of each row.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let table = page.split_once("<tbody").and_then(|(_, rest)| rest.split_once("</tbody>"));
    let rows = table.expect("a table").0.split("<tr").skip(1);
    rows.map(|row| quoted(row, "<td role=\"cell\" class=\"")).collect()
}

#[test]
fn the_recorded_comparison_has_each_claim_on_each_stage_with_the_verdict_that_the_lessons_state() {
    let page = page("docs/compare.html");
    let claims: Vec<_> = CLAIMS.iter().filter(|claim| claim.compared).collect();
    let verdicts: Vec<Vec<_>> = claims
        .iter()
        .map(|claim| {
            assert!(page.contains(&format!(">{}</h2>", claim.sentence)), "{}: {STALE}", claim.name);
            let expected = (1..=5).map(|stage| claim.expected(stage));
            expected
                .map(|verdict| if verdict == claims::Verdict::Kept { "kept" } else { "broken" })
                .collect()
        })
        .collect();
    assert_eq!(rows(&page), verdicts, "{STALE}");
    let recorded = quoted(&page, "<section class=\"claim\" id=\"");
    assert_eq!(recorded, claims.iter().map(|claim| claim.name).collect::<Vec<_>>(), "{STALE}");
}

#[test]
fn the_recorded_live_run_has_each_attack_of_the_script_and_the_freeze() {
    let page = page("docs/live.html");
    let script = read(".ci/docs");
    let pressed = script.split("press ").skip(1).filter_map(|rest| rest.split([' ', '\n']).next());
    let endings = ["stop", "calm", "continue", "restart"];
    let attacks = pressed.filter(|name| *name != "BUTTON" && !endings.contains(name)).count();
    let rows = rows(&page);
    assert_eq!(rows.len(), attacks, "{STALE}");
    assert!(rows.iter().all(|row| row.len() == 5), "{rows:?}");
    assert_eq!(
        rows[0],
        ["broken", "kept", "kept", "kept", "kept"],
        "a silent client freezes stage 1"
    );
}

#[test]
fn the_first_page_leads_to_both() {
    let page = read("docs/index.html");
    let links = quoted(&page, " href=\"");
    assert_eq!(links, ["compare.html", "live.html"]);
    assert!(links.iter().all(|link| root().join("docs").join(link).is_file()));
}
