//! The scripts on stage 5: it accepts as much of a burst as fits its queue, and a crash loses
//! acknowledged events.

use testkit::scripts::{
    interrupt_at, must_close_incomplete_requests, must_crash_with_verdict,
    must_eventually_give_verdict, must_give_verdict, must_respond_to_garbage, must_stop_on_signals,
};
use testkit::{ask, get, json, start};

const BINARY: &str = env!("CARGO_BIN_EXE_stage5-backpressure");

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
fn a_burst_is_accepted_up_to_capacity_and_the_queue_empties() {
    let server = start(BINARY, &["--queue", "4", "--work", "300ms"]);
    let output = must_give_verdict(
        "rejected",
        "overload.sh",
        &["-t", "30", "--expect", "rejected"],
        server.addr(),
    );
    let printed = |start: &str| output.lines.iter().any(|line| line.starts_with(start));
    let stats = json(&ask(server.addr(), get("/stats")));
    let (accepted, rejected) = (&stats["processed"], &stats["rejected"]);
    assert!(
        printed(&format!("accepted {accepted} (202)"))
            && printed(&format!("rejected {rejected} (503)")),
        "{output:#?}"
    );
    assert!(
        printed(&format!(
            "verdict: rejected (accepted {accepted} of 30, rejected {rejected}; all done after "
        )),
        "{output:#?}"
    );
    assert!(accepted.as_u64() >= Some(5), "{stats}"); // the queue and the worker
    assert!(
        output.lines.iter().any(|line| line.ends_with(&format!(": 0 queued, {accepted} done"))),
        "{output:#?}"
    );
}

#[test]
fn with_when_full_wait_a_burst_piles_up() {
    let server = start(BINARY, &["--when-full", "wait", "--work", "60s"]);
    let output =
        interrupt_at(" queued, 0 done", "overload.sh", &["-t", "2", &server.addr().to_string()]);
    output.must_be_interrupted();
}

#[test]
fn a_crash_loses_acknowledged_events() {
    must_crash_with_verdict(
        "lost",
        "KILL",
        "10 acknowledged, 0 applied, 10 lost",
        BINARY,
        &["--work", "60s"],
    );
}

#[test]
fn after_sigterm_every_acknowledged_event_is_applied() {
    must_crash_with_verdict(
        "kept",
        "TERM",
        "10 acknowledged, 10 applied, 0 lost",
        BINARY,
        &["--work", "50ms"],
    );
}

#[test]
fn overload_can_be_interrupted() {
    let server = start(BINARY, &["--work", "60s"]);
    must_stop_on_signals("overload.sh", &[], &server.addr().to_string(), "16 queued, 0 done");
}

#[test]
fn an_interrupted_crash_script_leaves_no_server() {
    let output = interrupt_at(
        "0 applied so far",
        "crash.sh",
        &["--kill", "TERM", BINARY, "--", "--work", "60s"],
    );
    assert_eq!(output.code(), Some(130), "{output:#?}"); // end() has checked for leftover processes
}
