//! The scripts on stage 2: it serves everyone, holds incomplete requests open, and accepts any
//! body.

use testkit::scripts::{
    must_crash_with_verdict, must_eventually_give_verdict, must_give_verdict,
    must_respond_to_garbage, must_stop_on_signals,
};
use testkit::start;

const BINARY: &str = env!("CARGO_BIN_EXE_stage2-async");

#[test]
fn silent_clients_block_no_one_else() {
    must_eventually_give_verdict("served", "flood.sh", &["-t", "1"], start(BINARY, &[]).addr());
}

#[test]
fn an_idle_connection_costs_no_thread() {
    must_give_verdict("tasks", "cost.sh", &["-n", "200"], start(BINARY, &[]).addr());
}

#[test]
fn incomplete_requests_stay_open() {
    must_give_verdict("held", "partial.sh", &["-t", "3"], start(BINARY, &[]).addr());
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

#[test]
fn partial_can_be_interrupted() {
    let server = start(BINARY, &[]);
    must_stop_on_signals(
        "partial.sh",
        &["-t", "60"],
        &server.addr().to_string(),
        "2 of 2 incomplete requests open",
    );
}
