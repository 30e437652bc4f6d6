//! `client hold --probe`: the verdict on each stage, including those that must fail.

mod outside;

use http1::Response;
use http1::blocking::Connection;
use outside::{client, read_request, run, server, stdout};
use probe::stages::{build_packages, workspace};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use testkit::start;

/// The five stages, in their order.
static STAGES: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    let root = workspace().expect("the tests run in the workspace");
    let packages: Vec<_> = (1..=5).map(|stage| format!("stage{stage}")).collect();
    let mut stages = build_packages(&root, &packages).expect("the stages build");
    stages.sort(); // by their names: cargo builds them in any order
    stages
});

/// How long a server that has no patience waits for a request.
const SILENCE: Duration = Duration::from_millis(100);

/// The options of a stage: from the third on it has a deadline.
fn options(stage: usize) -> &'static [&'static str] {
    if stage < 3 { &[] } else { &["--timeout", "1s"] }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Holds three connections of this kind beside a fresh server of each stage.
fn must_give_verdicts(kind: &'static str, verdicts: [&'static str; 5]) {
    let trials: Vec<_> = verdicts
        .into_iter()
        .enumerate()
        .map(|(index, verdict)| {
            thread::spawn(move || {
                let server = start(&STAGES[index].to_string_lossy(), options(index + 1));
                let addr = server.addr().to_string();
                // without a time it ends when the server has closed them
                let time: &[&str] = if verdict == "closed" { &[] } else { &["-z", "500ms"] };
                let args = ["hold", "--probe", "-n", "3", "--as", kind, "--expect", verdict, &addr];
                let output = run(&[&args, time].concat());
                (index + 1, verdict, output)
            })
        })
        .collect();
    for trial in trials {
        let (stage, verdict, output) = trial.join().expect("a trial does not panic");
        let report = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "stage {stage}: {report}{}", stderr(&output));
        let last = report.lines().last().unwrap_or_default();
        assert!(last.starts_with(&format!("verdict: {verdict} (")), "stage {stage}: {report}");
        assert!(last.contains("; after closing: answered in "), "stage {stage}: {report}");
        assert!(report.starts_with("opened 3 of 3 "), "stage {stage}: {report}");
    }
}

#[test]
fn silent_connections_freeze_stage_1_only() {
    must_give_verdicts("silent", ["frozen", "served", "served", "served", "served"]);
}

#[test]
fn half_a_head_freezes_stage_1_and_stays_open_at_stage_2() {
    must_give_verdicts("half-head", ["frozen", "held", "closed", "closed", "closed"]);
}

#[test]
fn half_a_body_freezes_stage_1_and_stays_open_at_stage_2() {
    must_give_verdicts("half-body", ["frozen", "held", "closed", "closed", "closed"]);
}

#[test]
fn a_dripping_client_freezes_stage_1_and_stays_open_at_stage_2() {
    must_give_verdicts("drip", ["frozen", "held", "closed", "closed", "closed"]);
}

#[test]
fn another_verdict_than_the_expected_one_is_exit_code_1() {
    for (stage, kind, verdict) in [
        (1, "silent", "served"),
        (1, "drip", "held"),
        (2, "silent", "frozen"),
        (2, "half-head", "closed"),
    ] {
        let server = start(&STAGES[stage - 1].to_string_lossy(), &[]);
        let addr = server.addr().to_string();
        let output = run(&[
            "hold", "--probe", "-n", "1", "-z", "100ms", "--as", kind, "--expect", verdict, &addr,
        ]);
        assert_eq!(output.status.code(), Some(1), "{stage} {kind}: {}", stdout(&output));
    }
}

#[test]
fn each_request_has_a_line_and_a_connection_of_its_own() {
    let server = start(&STAGES[1].to_string_lossy(), &[]);
    let output = run(&["hold", "--probe", "-n", "1", "-z", "2500ms", &server.addr().to_string()]);
    let report = stdout(&output);
    let line = "1 of 1 silent connections open; normal request: answered in ";
    assert_eq!(report.lines().filter(|text| text.starts_with(line)).count(), 3, "{report}");
    assert!(
        report.contains("verdict: served (3 of 3 requests answered with 1 silent connection open;"),
        "{report}"
    );
}

#[test]
fn ctrl_c_ends_it_with_the_verdict_on_what_was_seen() {
    let server = start(&STAGES[0].to_string_lossy(), &[]);
    let mut hold = client(&[
        "hold",
        "--probe",
        "-n",
        "2",
        "-z",
        "60s",
        "--expect",
        "frozen",
        &server.addr().to_string(),
    ]);
    let mut hold = hold.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut report = BufReader::new(hold.stdout.take().expect("it is piped"));
    let mut lines = String::new();
    while !lines.ends_with(": frozen\n") {
        assert_ne!(report.read_line(&mut lines).expect("text"), 0, "{lines}");
    }
    interrupt(hold.id());
    report.read_to_string(&mut lines).expect("text");
    assert_eq!(hold.wait().expect("a child can be waited for").code(), Some(0), "{lines}");
    assert!(lines.contains("2  still open"), "{lines}");
    assert!(
        lines.contains("verdict: frozen (no response to 1 of 1 requests with 2 silent"),
        "{lines}"
    );
}

#[test]
fn ctrl_c_before_the_first_request_has_ended_gives_no_verdict() {
    let server = start(&STAGES[0].to_string_lossy(), &[]);
    let mut hold = client(&["hold", "--probe", "-n", "1", "-z", "60s", &server.addr().to_string()]);
    let mut hold = hold.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut report = BufReader::new(hold.stdout.take().expect("it is piped"));
    let mut lines = String::new();
    report.read_line(&mut lines).expect("text");
    interrupt(hold.id());
    report.read_to_string(&mut lines).expect("text");
    assert_eq!(hold.wait().expect("a child can be waited for").code(), Some(130), "{lines}");
    assert!(lines.ends_with("closes them\ninterrupted\n"), "{lines}");
}

fn interrupt(pid: u32) {
    let sent = Command::new("sh").args(["-c", "kill -s INT \"$0\"", &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "no signal to {pid}");
}

/// Serves the first `served` connections that send a request, and closes all others without a
/// response.
fn server_that_stops_after(served: usize) -> String {
    let answered = AtomicUsize::new(0);
    let addr = server(move |_, stream| {
        let mut connection = Connection::new(stream);
        if let Ok(Some(_)) = read_request(&mut connection) {
            if answered.fetch_add(1, Ordering::SeqCst) < served {
                let _ = connection.write_response(Response::text("hello".into()));
            }
        }
    });
    addr.to_string()
}

#[test]
fn a_closed_connection_is_not_a_response() {
    let output = run(&["hold", "--probe", "-n", "1", "-z", "100ms", &server_that_stops_after(1)]);
    let report = stdout(&output);
    assert!(
        report.contains("normal request: the server closed the connection without a response\n"),
        "{report}"
    );
    assert!(report.contains("verdict: frozen (no response to 1 of 1 requests"), "{report}");
}

#[test]
fn a_server_that_serves_no_one_is_an_error_before_any_connection_is_held() {
    let output = run(&["hold", "--probe", &server_that_stops_after(0)]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(
        stderr(&output).contains("before any connection was held: restart the server"),
        "{}",
        stderr(&output)
    );
    assert_eq!(stdout(&output), "");
}

#[test]
fn without_a_silent_connection_that_stays_open_there_is_no_verdict() {
    let addr = server(|_, stream| {
        let _ = stream.set_read_timeout(Some(SILENCE));
        let mut connection = Connection::new(stream);
        if let Ok(Some(_)) = read_request(&mut connection) {
            thread::sleep(5 * SILENCE); // no silent connection lives that long
            let _ = connection.write_response(Response::text("hello".into()));
        }
    });
    let args = ["hold", "--probe", "-n", "1", "-z", "100ms", "--expect", "served"];
    let output = run(&[&args[..], &[&addr.to_string()]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("verdict: none (1 of 1 requests"), "{}", stdout(&output));
}

#[test]
fn a_server_that_ends_meanwhile_is_an_error() {
    let command = format!(
        "'{}' --addr 127.0.0.1:{{port}} & sleep 1; kill -s KILL $!; wait",
        STAGES[1].display()
    );
    let output = run(&["hold", "--probe", "-n", "1", "-z", "30s", "--start", &command]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(
        stderr(&output).contains("refuses connections now: did the server end?"),
        "{}",
        stderr(&output)
    );
    assert!(!stdout(&output).contains("verdict"), "{}", stdout(&output));
}

#[test]
fn without_a_server_the_exit_code_is_3() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = free.local_addr().expect("it is bound").to_string();
    drop(free);
    let output = run(&["hold", "--probe", &addr]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("no server listens there"), "{}", stderr(&output));
}

#[test]
fn a_verdict_that_cannot_be_is_a_bad_command_line() {
    for args in [
        &["--expect", "served"][..],
        &["--probe", "--expect", "thawed"],
        &["--probe", "--expect", "held"],
        &["--probe", "--expect", "closed", "--as", "silent"],
        &["--probe", "--expect", "served", "--as", "drip"],
    ] {
        let output = run(&[&["hold"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
    }
}
