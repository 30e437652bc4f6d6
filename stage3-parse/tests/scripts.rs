//! The scripts on stage 3: it closes incomplete requests and rejects garbage, but accepts any
//! number of events.

use testkit::scripts::{
    must_close_incomplete_requests, must_crash_with_verdict, must_eventually_give_verdict,
    must_give_verdict, must_respond_to_garbage,
};
use testkit::start;

const BINARY: &str = env!("CARGO_BIN_EXE_stage3-parse");

#[test]
fn silent_clients_block_no_one_else() {
    must_eventually_give_verdict("served", "flood.sh", &["-t", "1"], start(BINARY, &[]).addr());
}

#[test]
fn incomplete_requests_are_closed() {
    must_close_incomplete_requests(start(BINARY, &["--timeout", "2s"]).addr());
}

#[test]
fn a_body_that_is_not_an_event_is_rejected() {
    must_respond_to_garbage("rejected", start(BINARY, &[]).addr(), |garbage| garbage.status);
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
