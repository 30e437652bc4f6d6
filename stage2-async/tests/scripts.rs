//! The failures by hand, on stage 2: it answers everyone, holds every half, and takes anything.

use testkit::scripts::{
    must_crash_in, must_end_in, must_end_in_time_in, must_make_of_garbage, must_stop_when_told,
};
use testkit::start;

const BINARY: &str = env!("CARGO_BIN_EXE_stage2-async");

#[test]
fn silence_stops_nobody() {
    must_end_in_time_in("served", "flood.sh", &["-t", "1"], start(BINARY, &[]).addr());
}

#[test]
fn waiting_costs_no_thread_and_few_bytes() {
    must_end_in("tasks", "cost.sh", &["-n", "200"], start(BINARY, &[]).addr());
}

#[test]
fn half_a_request_is_held() {
    must_end_in("held", "partial.sh", &["-t", "3"], start(BINARY, &[]).addr());
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

#[test]
fn the_wait_for_half_a_request_ends_when_told() {
    let server = start(BINARY, &[]);
    must_stop_when_told(
        "partial.sh",
        &["-t", "60"],
        &server.addr().to_string(),
        "2 of 2 incomplete requests open",
        "held",
    );
}
