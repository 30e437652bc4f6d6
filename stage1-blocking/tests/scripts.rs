//! The scripts on stage 1: silent clients and incomplete requests freeze it, and it accepts any
//! body.

use testkit::scripts::{
    must_crash_with_verdict, must_eventually_give_verdict, must_give_verdict,
    must_respond_to_garbage,
};
use testkit::start;

const BINARY: &str = env!("CARGO_BIN_EXE_stage1-blocking");

#[test]
fn silent_clients_freeze_it() {
    must_give_verdict("frozen", "flood.sh", &["-t", "1"], start(BINARY, &[]).addr());
}

#[test]
fn incomplete_requests_freeze_it() {
    let output = must_give_verdict("frozen", "partial.sh", &[], start(BINARY, &[]).addr());
    assert!(
        output
            .lines
            .iter()
            .any(|line| line.starts_with("incomplete requests closed; normal request: answered")),
        "{output:#?}"
    );
}

#[test]
fn a_body_that_is_not_an_event_is_echoed() {
    must_respond_to_garbage("echoed", start(BINARY, &[]).addr(), |_| 200);
}

#[test]
fn ten_concurrent_events_get_their_responses_together() {
    must_eventually_give_verdict("together", "pileup.sh", &[], start(BINARY, &[]).addr());
}

#[test]
fn a_whole_burst_is_accepted() {
    must_give_verdict("accepted", "overload.sh", &["-t", "30"], start(BINARY, &[]).addr());
}

#[test]
fn a_crash_loses_nothing_because_nothing_is_stored() {
    for signal in ["KILL", "TERM"] {
        must_crash_with_verdict(
            "nothing",
            signal,
            "10 acknowledged; this server stores no events",
            BINARY,
            &[],
        );
    }
}
