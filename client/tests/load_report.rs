//! `client load`: what its report says, and what it says beside it.

mod outside;

use http1::{Response, StatusCode};
use outside::{client, http_server, run, stdout};
use serde_json::{Value, json};

/// The words of a text, without its line ends.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn where_every_response_is_one_error_the_note_quotes_it() {
    let (addr, _) = http_server(|_, request| match request.path() {
        "/events" => Response::new(StatusCode::OK),
        _ => Response::problem(StatusCode::NOT_FOUND, "here is POST /events"),
    });
    let url = addr.to_string();
    let output = run(&["load", "-n", "100", "-c", "5", &url]);
    let report = words(&stdout(&output));
    assert!(report.contains("every response was 404 Not Found: here is POST /events"), "{report}");
    assert!(report.contains("--event posts events to /events"), "{report}");
    let report = run(&["load", "-n", "100", "-c", "5", "--json", &url]).stdout;
    let report: Value = serde_json::from_slice(&report).unwrap();
    let error = json!({ "status": 404, "title": "Not Found", "detail": "here is POST /events" });
    assert_eq!(report["only_error"], error);
    // with events, and where responses differ, there is nothing to say
    let report = words(&stdout(&run(&["load", "-n", "100", "--event", &url])));
    assert!(!report.contains("every response"), "{report}");
    let (addr, _) = http_server(|number, _| match number {
        0 => Response::problem(StatusCode::BAD_REQUEST, "the first"),
        _ => Response::problem(StatusCode::NOT_FOUND, "the others"),
    });
    let report = words(&stdout(&run(&["load", "-n", "100", &addr.to_string()])));
    assert!(!report.contains("every response"), "{report}");
}

#[test]
fn a_percentile_is_shown_where_enough_responses_carry_it() {
    let (addr, _) = http_server(|_, _| Response::new(StatusCode::OK));
    for (count, shown, not_shown) in [
        ("1", &["max"][..], &["p50", "p75", "p90", "p95", "p99", "p99.9"][..]),
        ("3", &["p50", "max"], &["p75", "p90", "p95", "p99", "p99.9"]),
        ("99", &["p50", "p75", "p90", "p95"], &["p99", "p99.9"]),
        ("100", &["p99"], &["p99.9"]),
        ("999", &["p99"], &["p99.9"]),
        ("1000", &["p99", "p99.9"], &[]),
    ] {
        let report = stdout(&run(&["load", "-n", count, "-c", "1", &addr.to_string()]));
        let is_shown = |name: &&&str| {
            report.lines().any(|line| line.split_whitespace().next() == Some(**name))
        };
        assert!(shown.iter().all(|name| is_shown(&name)), "of {count}: {report}");
        assert!(!not_shown.iter().any(|name| is_shown(&name)), "of {count}: {report}");
        let counted = report.lines().find(|line| line.trim_start().starts_with("count"));
        assert!(counted.is_some_and(|line| line.ends_with(&format!(" {count}"))), "{report}");
    }
}

#[test]
fn each_bar_of_the_histogram_counts_its_own_range() {
    let (addr, _) = http_server(|_, _| Response::new(StatusCode::OK));
    let report = stdout(&run(&["load", "-n", "2k", "-c", "20", &addr.to_string()]));
    let (_, bars) = report.split_once("\n  served in\n").expect("a histogram");
    let bars: Vec<_> = bars.lines().take_while(|line| !line.is_empty()).collect();
    let counts = bars.iter().map(|bar| bar.rsplit(' ').next()?.parse::<u64>().ok());
    assert_eq!(counts.sum::<Option<u64>>(), Some(2000), "each response is in one bar: {report}");
    let range = |bar: &str| bar.split('■').next().unwrap_or_default().trim().to_owned();
    let ranges: Vec<_> =
        bars.iter().map(|bar| range(bar.trim_end_matches(char::is_numeric))).collect();
    for two in ranges.windows(2) {
        let to = two[0].split_once(" to ").expect("a range").1;
        assert!(two[1].starts_with(&format!("{to} ")), "{ranges:?}");
    }
    assert!(ranges.last().is_some_and(|range| range.ends_with(" or more")), "{ranges:?}");
}

#[test]
fn a_body_that_looks_like_a_file_is_sent_and_noted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("body.json"), "{}").unwrap();
    let (addr, _) = http_server(|_, request| {
        let is_text = request.body() == "@body.json" || request.body() == "@none.json";
        Response::new(if is_text { StatusCode::OK } else { StatusCode::BAD_REQUEST })
    });
    for (body, note) in [("@body.json", "-D body.json sends the file"), ("@none.json", "")] {
        let mut load = client(&["load", "-n", "1", "-d", body, &addr.to_string()]);
        let output = load.current_dir(folder.path()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(note) && error.is_empty() == note.is_empty(), "{error}");
        assert!(stdout(&output).contains("200 OK"), "{output:?}");
    }
}

#[test]
fn many_kinds_of_one_outcome_are_summed_up() {
    let (addr, _) = http_server(|number, _| {
        Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full")
            .with_header(http1::header::RETRY_AFTER, number as u64 + 1)
    });
    let report = stdout(&run(&["load", "-n", "30", "-c", "1", &addr.to_string()]));
    assert!(report.contains("1 × 503 Service Unavailable, Retry-After 8 s"), "{report}");
    assert!(!report.contains("Retry-After 9 s"), "{report}");
    assert!(report.contains("22 × others; --json has all of them"), "{report}");
}
