//! The failures by hand, on stage 3: halves end, garbage is refused; but nothing limits what it takes.

use testkit::scripts::{
    must_crash_in, must_end_halves, must_end_in, must_end_in_time_in, must_make_of_garbage,
};
use testkit::start;

const BINARY: &str = env!("CARGO_BIN_EXE_stage3-parse");

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
