//! `client load`: when it sends, and when it ends.

mod outside;

use http1::{Response, StatusCode, header};
use outside::{http_server, run, stdout};
use serde_json::Value;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

fn json(args: &[&str]) -> Value {
    let output = run(&[&["load", "--json"], args].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_run_with_z_ends_then_although_the_next_request_is_due_later() {
    let (addr, count) = http_server(|_, _| Response::new(StatusCode::OK));
    for (rate, sent) in [("0.1", 1), ("0.001", 1), ("0.7", 1), ("1.5", 2)] {
        count.store(0, Ordering::SeqCst);
        let began = Instant::now();
        let report = json(&["-q", rate, "-z", "1s", "-c", "2", &addr.to_string()]);
        // at 0.1 the next one would be due after ten seconds, at 0.001 after a thousand
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(9), "{took:?}");
        assert_eq!(count.load(Ordering::SeqCst), sent, "at {rate}");
        let elapsed = report["elapsed_s"].as_f64().unwrap();
        assert!(elapsed >= 1.0, "the rates count from the whole run: {elapsed}");
        let throughput = report["throughput"].as_f64().unwrap();
        assert!(throughput <= sent as f64, "{report:#}");
    }
}

#[test]
fn a_connection_whose_retry_is_due_after_the_end_sends_nothing_more() {
    let tomorrow = SystemTime::now() + Duration::from_secs(3600);
    for retry_after in ["3600", "99999999999999999999999", &httpdate(tomorrow)] {
        let value = header::HeaderValue::from_str(retry_after).unwrap();
        let (addr, count) = http_server(move |_, _| {
            Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full")
                .with_header(header::RETRY_AFTER, value.clone())
        });
        let report = json(&["-z", "60s", "-c", "3", "--retry", &addr.to_string()]);
        assert_eq!(count.load(Ordering::SeqCst), 3, "{retry_after}: {report:#}");
        assert_eq!(report["refused"]["count"], 3, "{report:#}");
        let notes = report["diagnoses"].to_string();
        assert!(notes.contains("3 connections stopped before -z was over"), "{notes}");
    }
}

/// The date as HTTP writes it, by `date`.
fn httpdate(at: SystemTime) -> String {
    let seconds = at.duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970").as_secs();
    let date = |args: &[&str]| {
        std::process::Command::new("date")
            .env("LC_ALL", "C")
            .args(
                ["-u", args[0], args[1], "+%a, %d %b %Y %H:%M:%S GMT"]
                    .iter()
                    .filter(|arg| !arg.is_empty()),
            )
            .output()
            .expect("date runs")
    };
    let (gnu, bsd) = (format!("@{seconds}"), seconds.to_string());
    let written =
        [date(&["-d", &gnu]), date(&["-r", &bsd])].into_iter().find(|it| it.status.success());
    let written = written.expect("GNU's date, or BSD's");
    String::from_utf8(written.stdout).expect("ASCII").trim().to_owned()
}

#[test]
fn a_retry_waits_until_the_date_of_retry_after() {
    let (addr, count) = http_server(|number, _| match number {
        0 => {
            let soon = header::HeaderValue::from_str(&httpdate(
                SystemTime::now() + Duration::from_secs(3),
            ));
            Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full")
                .with_header(header::RETRY_AFTER, soon.unwrap())
        }
        _ => Response::new(StatusCode::OK),
    });
    let began = Instant::now();
    let args = ["load", "-n", "1", "-c", "1", "--retry", "--no-jitter", &addr.to_string()];
    let report = stdout(&run(&args));
    // a date has whole seconds: more than two of the three remain
    assert!(began.elapsed() >= Duration::from_secs(2), "{report}");
    assert_eq!(count.load(Ordering::SeqCst), 2, "{report}");
}

#[test]
fn a_date_in_the_past_is_no_reason_to_wait_longer_than_the_back_off() {
    let (addr, count) = http_server(|number, _| match number {
        0 => Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full").with_header(
            header::RETRY_AFTER,
            header::HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"),
        ),
        _ => Response::new(StatusCode::OK),
    });
    let report = json(&["-n", "1", "-c", "1", "--retry", &addr.to_string()]);
    assert_eq!((count.load(Ordering::SeqCst), &report["served"]["count"]), (2, &1.into()));
}
