//! The failures by hand, on stage 4: what it works on stands in line, and a burst piles up.

use testkit::scripts::{
    must_crash_in, must_end_halves, must_end_in, must_end_in_time_in, must_make_of_garbage,
    must_stop_when_told,
};
use testkit::start;

const BINARY: &str = env!("CARGO_BIN_EXE_stage4-slow-state");

#[test]
fn silence_stops_nobody() {
    must_end_in_time_in("served", "flood.sh", &["-t", "1"], start(BINARY, &[]).addr());
}

#[test]
fn half_a_request_is_ended() {
    must_end_halves(start(BINARY, &["--timeout", "2s"]).addr());
}

#[test]
fn what_is_no_event_is_refused() {
    must_make_of_garbage("rejected", start(BINARY, &[]).addr(), |garbage| garbage.status);
}

#[test]
fn ten_at_once_are_a_staircase() {
    let server = start(BINARY, &["--work", "200ms"]);
    let ran = must_end_in("staircase", "pileup.sh", &["--expect", "staircase"], server.addr());
    for step in 1..=10 {
        let balance = format!("200 {{\"user\":\"pileup\",\"balance\":{step}}}");
        assert!(ran.lines[step].starts_with(&format!("response {step} after ")), "{ran:#?}");
        assert!(ran.lines[step].ends_with(&balance), "{ran:#?}");
    }
}

#[test]
fn a_burst_piles_up() {
    must_end_in("piled-up", "overload.sh", &["-t", "2"], start(BINARY, &[]).addr());
}

#[test]
fn a_crash_loses_nothing_since_what_is_answered_is_applied() {
    for signal in ["KILL", "TERM"] {
        must_crash_in(
            "kept",
            signal,
            "10 acknowledged, 10 applied, 0 lost",
            BINARY,
            &["--work", "50ms"],
        );
    }
}

#[test]
fn the_wait_for_a_staircase_ends_when_told() {
    let server = start(BINARY, &[]);
    must_stop_when_told("pileup.sh", &[], &server.addr().to_string(), "response 3", "staircase");
}
