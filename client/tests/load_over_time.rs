//! `client load`: what happens second by second, and which requests are sent again after a time-out.

mod outside;

use http1::{Response, StatusCode};
use outside::{client, http_server, run, stdout};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};
use testkit::PATIENCE;

fn json(args: &[&str]) -> Value {
    let output = run(&[&["load", "--json"], args].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A server that responds too late to those requests.
fn late(is_late: impl Fn(usize) -> bool + Send + Sync + 'static) -> (String, impl Fn() -> usize) {
    let (addr, count) = http_server(move |number, _| {
        if is_late(number) {
            sleep(Duration::from_secs(3));
        }
        Response::new(StatusCode::OK)
    });
    (addr.to_string(), move || count.load(Ordering::SeqCst))
}

/// How many requests became due: a busy machine may not send the last ones before the end.
fn due(report: &Value) -> u64 {
    ["requests", "not_sent"].iter().map(|figure| report[figure].as_u64().expect("a count")).sum()
}

/// A sum over the seconds.
fn sum(report: &Value, figure: &str) -> u64 {
    let seconds = report["timeline"].as_array().expect("a timeline");
    seconds.iter().map(|second| second[figure].as_u64().expect("a count")).sum()
}

#[test]
fn each_second_has_its_figures_and_they_add_up() {
    // the requests of the middle of the run get nothing in time
    let (url, _) = late(|number| (20..40).contains(&number));
    let report = json(&["-z", "4s", "-q", "20", "-c", "60", "-t", "300ms", &url]);
    let seconds = report["timeline"].as_array().unwrap();
    assert!((4..=5).contains(&seconds.len()), "{report:#}");
    for (figure, of) in [("served", "served"), ("timed_out", "timed_out"), ("failed", "failed")] {
        assert_eq!(report[of]["count"], sum(&report, figure), "{figure}: {report:#}");
    }
    assert_eq!(sum(&report, "due"), 80, "{report:#}");
    for (second, number) in seconds.iter().zip(1..) {
        assert_eq!(second["second"], number);
        assert_eq!(second["waiting"], Value::Null);
        if number <= 4 {
            assert!((18..=23).contains(&second["due"].as_u64().unwrap()), "{report:#}");
        }
    }
    assert_eq!(report["timed_out"]["count"], 20, "{report:#}");
    assert_eq!(seconds[0]["timed_out"], 0, "{report:#}");
    assert!(seconds[1]["served"].as_u64().unwrap() < 10, "{report:#}");
    assert!(seconds[3]["served"].as_u64().unwrap() > 15, "{report:#}");
}

#[test]
fn the_timeline_asks_how_many_wait_and_only_then() {
    for (args, asked) in [(&["--timeline"][..], true), (&[], false)] {
        let (addr, _) = http_server(|_, request| match request.path() {
            "/stats" => Response::json(StatusCode::OK, &json!({ "queued": 7 })),
            _ => Response::new(StatusCode::OK),
        });
        let report = json(&[&["-z", "3s", "-q", "20", &addr.to_string()], args].concat());
        assert_eq!(due(&report), 60, "its own questions do not count: {report:#}");
        let waiting = if asked { json!(7) } else { Value::Null };
        assert_eq!(report["timeline"][1]["waiting"], waiting, "{report:#}");
    }
    // one that has no /stats is asked once
    let (addr, count) = http_server(|_, _| Response::new(StatusCode::NOT_FOUND));
    let output = run(&["load", "-z", "3s", "-q", "2", "--timeline", &addr.to_string()]);
    let report = stdout(&output);
    let sent = report.split_whitespace().next().and_then(|count| count.parse().ok());
    assert_eq!(Some(count.load(Ordering::SeqCst)), sent.map(|sent: usize| sent + 1), "{report}");
    let line = |number: &str| {
        report
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|line| line.len() == 9 && line[0] == number)
    };
    for second in ["1", "2", "3"] {
        assert_eq!(line(second).expect("a line")[8], "-", "{report}");
    }
}

#[test]
fn a_request_that_timed_out_is_sent_again_and_counts_once_by_its_last_attempt() {
    let (url, count) = late(|number| number < 2);
    let report = json(&["-n", "1", "-c", "1", "-t", "400ms", "--retry-timeouts", "3", &url]);
    assert_eq!(count(), 3, "two attempts too many: {report:#}");
    let outcomes = [&report["requests"], &report["served"]["count"], &report["timed_out"]["count"]];
    assert_eq!(outcomes, [1, 1, 0], "{report:#}");
    assert_eq!(report["sent_again_after_timeout"], 2, "{report:#}");
    assert_eq!(report["sent_again"], 0, "that is for 503: {report:#}");
    assert_eq!(sum(&report, "sent_again"), 2, "{report:#}");
    let latency = report["served"]["latency_s"]["max"].as_f64().unwrap();
    assert!((0.8..2.0).contains(&latency), "from when it was first due: {report:#}");
}

#[test]
fn it_is_sent_again_up_to_so_many_times_and_each_attempt_has_its_own_time() {
    let (url, count) = late(|_| true);
    let args = ["-n", "2", "-c", "2", "-t", "300ms", "--retry-timeouts", "3", &url];
    let report = json(&args);
    assert_eq!(count(), 8, "{report:#}");
    assert_eq!(report["timed_out"]["count"], 2, "{report:#}");
    assert!(report["timed_out"]["latency_s"]["min"].as_f64().unwrap() >= 1.2, "{report:#}");
    let text = stdout(&run(&[&["load"], &args[..]].concat()));
    assert!(
        text.contains("6 timed-out requests were sent again: 8 attempts for 2 requests"),
        "{text}"
    );
    assert!(text.contains("by its last attempt"), "{text}");
    let report = json(&["-n", "1", "-c", "1", "-t", "300ms", &url]);
    assert_eq!(report["sent_again_after_timeout"], 0, "only if it is asked for: {report:#}");
}

#[test]
fn with_retry_a_timed_out_request_waits_for_the_back_off() {
    let (url, _) = late(|number| number < 3);
    let args = ["-n", "1", "-c", "1", "-t", "100ms", "--retry-timeouts", "3", &url];
    let at_once = json(&args)["served"]["latency_s"]["max"].as_f64().unwrap();
    let (url, _) = late(|number| number < 3);
    let args = ["-n", "1", "-c", "1", "-t", "100ms", "--retry", "--retry-timeouts", "3", &url];
    let later = json(&args)["served"]["latency_s"]["max"].as_f64().unwrap();
    // 100, 200 and 400 ms, and up to as much again
    assert!(at_once >= 0.3 && later >= 1.0 && later > at_once, "{at_once} {later}");
}

#[test]
fn the_budget_is_one_for_all_and_a_service_earns_some_of_a_retry() {
    let (url, count) = late(|_| true);
    let all = ["-n", "20", "-c", "20", "-t", "200ms", "--retry-timeouts", "3", &url];
    let report = json(&[&all[..], &["--retry-budget", "7:0.5"]].concat());
    assert_eq!(count(), 27, "{report:#}");
    assert_eq!(report["sent_again_after_timeout"], 7, "{report:#}");
    assert_eq!(report["not_sent_again"], 20, "each request ends for lack of a token: {report:#}");
    // 3 in 10 are too late, one after the other, and each ten requests earn two retries
    let (url, _) = late(|number| number % 10 > 6);
    let one = ["-n", "20", "-c", "1", "-t", "200ms", "--retry-timeouts", "1", &url];
    let report = json(&[&one[..], &["--retry-budget", "1:0.3"]].concat());
    let again = report["sent_again_after_timeout"].as_u64().unwrap();
    assert!((2..=5).contains(&again), "{report:#}");
    assert!(report["not_sent_again"].as_u64().unwrap() >= 1, "{report:#}");
    let report = json(&[&one[..], &["--retry-budget", "0:0"]].concat());
    assert_eq!(report["sent_again_after_timeout"], 0, "{report:#}");
}

#[test]
fn a_bad_budget_or_count_of_retries_is_exit_code_2() {
    let bad: [&[&str]; 8] = [
        &["--retry-timeouts", "1", "--retry-budget", "-1:0.1"],
        &["--retry-timeouts", "1", "--retry-budget", "1:-0.1"],
        &["--retry-timeouts", "1", "--retry-budget", "10"],
        &["--retry-timeouts", "1", "--retry-budget", "nan:1"],
        &["--retry-timeouts", "1", "--retry-budget", "inf:1"],
        &["--retry-budget", "10:0.1"],
        &["--retry-timeouts", "-1"],
        &["--retry-timeouts", "0"],
    ];
    for args in bad {
        let output = run(&[&["load"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}

#[test]
fn an_event_whose_first_attempt_timed_out_may_have_been_applied_besides() {
    let (addr, _) = http_server(|number, request| match request.path() {
        "/balances" => Response::json(StatusCode::OK, &json!({})),
        "/stats" => Response::new(StatusCode::NOT_FOUND),
        _ => {
            if number == 2 {
                sleep(Duration::from_secs(2)); // after the two questions before the run
            }
            Response::new(StatusCode::ACCEPTED)
        }
    });
    let args =
        ["-n", "1", "-c", "1", "-t", "300ms", "--retry-timeouts", "1", "--event", "--verify"];
    let report = json(&[&args[..], &[&addr.to_string()]].concat());
    let figures = &report["verified"]["figures"];
    assert_eq!([&figures["acknowledged"], &figures["unknown"]], [1, 1], "{report:#}");
}

/// A server that does one request at a time, each in so many milliseconds.
fn serial(millis: u64) -> String {
    let one = std::sync::Mutex::new(());
    let (addr, _) = http_server(move |_, _| {
        let _one = one.lock();
        sleep(Duration::from_millis(millis));
        Response::new(StatusCode::OK)
    });
    addr.to_string()
}

#[test]
fn a_ramp_rises_and_its_knee_is_where_goodput_stops_following() {
    let report = json(&["-q", "5..95", "-z", "8s", "-c", "300", &serial(25)]);
    assert_eq!([&report["shape"], &report["rate"]], [&json!("ramp"), &Value::Null]);
    assert_eq!(due(&report), 400, "the area below it: {report:#}");
    let steps = report["ramp"].as_array().expect("steps");
    assert_eq!(steps.len(), 10, "{report:#}");
    assert_eq!(steps.iter().map(|step| step["due"].as_u64().unwrap()).sum::<u64>(), 400);
    // at most 40 a second
    let knee = report["knee"].as_f64().expect("a knee");
    assert!((14.0..60.0).contains(&knee), "{knee}: {report:#}");
    let p50 = |step: usize| steps[step]["latency_s"]["p50"].as_f64().unwrap();
    assert!(p50(9) > 4.0 * p50(0), "{report:#}");
    let text = stdout(&run(&["load", "-q", "5..20", "-z", "2s", "-c", "50", &serial(1)]));
    assert!(text.contains("5 to 20 due per second") && text.contains("no knee"), "{text}");
}

#[test]
fn a_ramp_says_no_more_than_it_has_seen() {
    let text =
        stdout(&run(&["load", "-q", "20..40", "-z", "2s", "-t", "1s", "-c", "100", &serial(200)]));
    assert!(text.contains("the knee is below 20 due per second"), "{text}");
}

#[test]
#[cfg(unix)]
fn a_ramp_that_is_stopped_says_how_far_goodput_followed() {
    let (addr, count) = http_server(|_, _| Response::new(StatusCode::OK));
    let mut load = client(&["load", "-q", "20..200", "-z", "60s", &addr.to_string()]);
    let load = load.stdout(Stdio::piped()).spawn().expect("the client starts");
    let began = Instant::now();
    while count.load(Ordering::SeqCst) < 300 {
        assert!(began.elapsed() < PATIENCE, "it does not send");
        sleep(Duration::from_millis(20));
    }
    let pid = load.id().to_string();
    let stopped = Command::new("sh").args(["-c", "kill -s INT \"$0\"", &pid]).status();
    assert!(stopped.expect("sh runs").success());
    let text = stdout(&load.wait_with_output().expect("the client ends"));
    // 300 requests are due after ten seconds, at fifty a second; a busy machine may show a knee before
    let followed = text.split_once("no knee: goodput follows the load up to ");
    let rate = followed.and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(rate.is_some_and(|rate| rate < 150) || text.contains("the knee"), "{text}");
}

#[test]
fn a_ramp_that_falls_or_lacks_an_end_or_a_duration_is_exit_code_2() {
    let bad: [&[&str]; 7] = [
        &["-z", "5s", "-q", "200..20"],
        &["-z", "5s", "-q", "20..20"],
        &["-z", "5s", "-q", "20.."],
        &["-z", "5s", "-q", "..20"],
        &["-z", "5s", "-q", "0..20"],
        &["-q", "20..200"],
        &["-n", "5", "-q", "20..200"],
    ];
    for args in bad {
        let output = run(&[&["load"], args].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        let last = error.lines().last().expect("a line");
        assert!(last.starts_with("error: ") && last.contains("-q"), "{args:?}: {error}");
    }
}

#[test]
fn a_run_stands_beside_recorded_ones_with_the_ratio_and_their_spread() {
    let folder = tempfile::tempdir().unwrap();
    let record = |name: &str, requests: u64| {
        let path = folder.path().join(name);
        let report = json!({ "version": 1, "requests": requests, "cut_short": { "count": 0 }, "timeline": [],
            "served": { "count": 5, "latency_s": { "p50": 0.5 } } });
        std::fs::write(&path, report.to_string()).unwrap();
        path.to_string_lossy().into_owned()
    };
    let (one, other) = (record("one.json", 10), record("other.json", 30));
    let (addr, _) = http_server(|_, _| Response::new(StatusCode::OK));
    let url = addr.to_string();
    let row = |args: &[&str], name: &str| {
        let report = stdout(&run(&[&["load", "-n", "60", &url], args].concat()));
        let (_, table) = report.split_once("against ").expect("a table");
        let line = table.lines().find(|line| line.trim_start().starts_with(name));
        let words = line.unwrap_or_else(|| panic!("{name}: {report}")).split_whitespace();
        words.map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(row(&["--against", &one], "requests"), ["requests", "10", "60", "6.00"]);
    assert_eq!(row(&["--against", &one], "served"), ["served", "5", "60", "12.00"]);
    assert_eq!(row(&["--against", &one], "p50")[..3], ["p50", "500", "ms"]);
    let both = row(&["--against", &one, "--against", &other], "requests");
    assert_eq!(both, ["requests", "20", "10", "to", "30", "60", "3.00"]);
    // a run recorded by this client
    let recorded = folder.path().join("recorded.json");
    std::fs::write(&recorded, run(&["load", "-n", "30", "--json", &url]).stdout).unwrap();
    let again = row(&["--against", &recorded.to_string_lossy()], "requests");
    assert_eq!(again, ["requests", "30", "60", "2.00"]);
}

#[test]
fn a_recorded_run_that_is_none_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for (text, why) in [
        (Some(r#"{ "version": 2 }"#), "version 2"),
        (Some("{}"), "is not what `client load --json` prints"),
        (None, "cannot read it"),
    ] {
        let path = folder.path().join("run.json");
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let path = path.to_string_lossy().into_owned();
        for args in [&["load", "--against", &path][..], &["chart", &path]] {
            let output = run(args);
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
            let last = error.lines().last().expect("a line");
            assert!(last.contains(why) && last.contains(&path), "{args:?}: {error}");
        }
    }
}

#[test]
fn a_recorded_run_is_drawn_and_written_as_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let (file, page) = (folder.path().join("mine.json"), folder.path().join("page.html"));
    let (addr, _) = http_server(|_, _| Response::new(StatusCode::OK));
    let args = ["load", "-z", "2s", "-q", "20", "--json", &addr.to_string()];
    std::fs::write(&file, run(&args).stdout).unwrap();
    let output = run(&["chart", &file.to_string_lossy(), "--out", &page.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = stdout(&output);
    assert!(text.contains("mine") && text.contains("20 served each second"), "{text}");
    assert!(std::fs::read_to_string(&page).unwrap().contains("<h2>mine</h2>"));
}
