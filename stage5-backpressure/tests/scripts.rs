//! The failures by hand, on stage 5: it takes what it has room for, and a crash breaks its promise.

use testkit::scripts::{
    interrupt_at, must_crash_in, must_end_halves, must_end_in, must_end_in_time_in,
    must_make_of_garbage, must_stop_when_told,
};
use testkit::{ask, get, json, start};

const BINARY: &str = env!("CARGO_BIN_EXE_stage5-backpressure");

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
fn a_burst_is_refused_where_there_is_no_room_and_the_queue_empties() {
    let server = start(BINARY, &["--queue", "4", "--work", "300ms"]);
    let ran = must_end_in(
        "rejected",
        "overload.sh",
        &["-t", "30", "--expect", "rejected"],
        server.addr(),
    );
    let told = |start: &str| ran.lines.iter().any(|line| line.starts_with(start));
    let stats = json(&ask(server.addr(), get("/stats")));
    let (accepted, rejected) = (&stats["processed"], &stats["rejected"]);
    assert!(
        told(&format!("accepted {accepted} (202)")) && told(&format!("rejected {rejected} (503)")),
        "{ran:#?}"
    );
    assert!(
        told(&format!(
            "verdict: rejected (accepted {accepted} of 30, rejected {rejected}; all done after "
        )),
        "{ran:#?}"
    );
    assert!(accepted.as_u64() >= Some(5), "{stats}"); // the queue, and the one in hand
    assert!(
        ran.lines.iter().any(|line| line.ends_with(&format!(": 0 queued, {accepted} done"))),
        "{ran:#?}"
    );
}

#[test]
fn a_burst_piles_up_where_clients_wait_for_room() {
    let server = start(BINARY, &["--when-full", "wait", "--work", "60s"]);
    let ran =
        interrupt_at(" queued, 0 done", "overload.sh", &["-t", "2", &server.addr().to_string()]);
    ran.must_be("piled-up");
}

#[test]
fn a_crash_loses_what_was_promised() {
    must_crash_in(
        "lost",
        "KILL",
        "10 acknowledged, 0 applied, 10 lost",
        BINARY,
        &["--work", "60s"],
    );
}

#[test]
fn when_told_to_stop_it_keeps_its_promises() {
    must_crash_in(
        "kept",
        "TERM",
        "10 acknowledged, 10 applied, 0 lost",
        BINARY,
        &["--work", "50ms"],
    );
}

#[test]
fn the_wait_for_the_queue_ends_when_told() {
    let server = start(BINARY, &["--work", "60s"]);
    must_stop_when_told(
        "overload.sh",
        &[],
        &server.addr().to_string(),
        "16 queued, 0 done",
        "rejected",
    );
}

#[test]
fn a_crash_that_is_broken_off_leaves_no_server() {
    let ran = interrupt_at(
        "0 applied so far",
        "crash.sh",
        &["--kill", "TERM", BINARY, "--", "--work", "60s"],
    );
    assert_eq!(ran.code(), Some(130), "{ran:#?}"); // and whoever is left has been looked for
}
