//! The scripts on stage 4: events wait in line, and a burst piles up.

use testkit::scripts::{
    must_close_incomplete_requests, must_crash_with_verdict, must_eventually_give_verdict,
    must_give_verdict, must_respond_to_garbage, must_stop_on_signals,
};
use testkit::start;

const BINARY: &str = env!("CARGO_BIN_EXE_stage4-slow-state");

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
fn ten_concurrent_events_are_a_staircase() {
    let server = start(BINARY, &["--work", "200ms"]);
    let output =
        must_give_verdict("staircase", "pileup.sh", &["--expect", "staircase"], server.addr());
    for step in 1..=10 {
        let balance = format!("200 {{\"user\":\"pileup\",\"balance\":{step}}}");
        assert!(output.lines[step].starts_with(&format!("response {step} after ")), "{output:#?}");
        assert!(output.lines[step].ends_with(&balance), "{output:#?}");
    }
}

#[test]
fn a_burst_piles_up() {
    must_give_verdict("piled-up", "overload.sh", &["-t", "2"], start(BINARY, &[]).addr());
}

#[test]
fn a_crash_loses_nothing_because_acknowledged_events_are_applied() {
    for signal in ["KILL", "TERM"] {
        must_crash_with_verdict(
            "kept",
            signal,
            "10 acknowledged, 10 applied, 0 lost",
            BINARY,
            &["--work", "50ms"],
        );
    }
}

#[test]
fn pileup_can_be_interrupted() {
    let server = start(BINARY, &[]);
    must_stop_on_signals("pileup.sh", &[], &server.addr().to_string(), "response 3");
}
