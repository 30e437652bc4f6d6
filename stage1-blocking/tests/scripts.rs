//! The failures by hand, on stage 1: what it freezes for, and what it takes.

use testkit::scripts::{must_crash_in, must_end_in, must_end_in_time_in, must_make_of_garbage};
use testkit::start;

const BINARY: &str = env!("CARGO_BIN_EXE_stage1-blocking");

#[test]
fn silence_freezes_it() {
    must_end_in("frozen", "flood.sh", &["-t", "1"], start(BINARY, &[]).addr());
}

#[test]
fn half_a_request_freezes_it() {
    let ran = must_end_in("frozen", "partial.sh", &[], start(BINARY, &[]).addr());
    assert!(
        ran.lines
            .iter()
            .any(|line| line.starts_with("incomplete requests closed; normal request: answered")),
        "{ran:#?}"
    );
}

#[test]
fn what_is_no_event_comes_back() {
    must_make_of_garbage("echoed", start(BINARY, &[]).addr(), |_| 200);
}

#[test]
fn ten_at_once_are_answered_together() {
    must_end_in_time_in("together", "pileup.sh", &[], start(BINARY, &[]).addr());
}

#[test]
fn a_burst_is_taken_whole() {
    must_end_in("accepted", "overload.sh", &["-t", "30"], start(BINARY, &[]).addr());
}

#[test]
fn a_crash_loses_nothing_since_nothing_is_kept() {
    for signal in ["KILL", "TERM"] {
        must_crash_in(
            "nothing",
            signal,
            "10 acknowledged; this server stores no events",
            BINARY,
            &[],
        );
    }
}
