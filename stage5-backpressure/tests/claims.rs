//! Every claim of the lessons on this stage.

use claims::Verdict;

const BINARY: &str = env!("CARGO_BIN_EXE_stage5-backpressure");

#[test]
fn each_claim_is_as_the_lessons_say() {
    testkit::verdicts::each_claim_must_be_as_the_lessons_say(BINARY, 5);
}

#[test]
fn one_server_keeps_its_claims_in_a_row() {
    testkit::verdicts::one_server_must_keep_its_claims_in_a_row(
        BINARY,
        5,
        &["--timeout", "6s", "--work", "100ms"],
    );
}

/// The data of the burst's chart.
#[test]
fn the_burst_sees_the_queue_fill_and_empty() {
    let server = testkit::start(BINARY, &["--work", "50ms"]);
    let queue = testkit::must_be(Verdict::Kept, "burst", server.addr()).queue;
    assert!(queue.iter().all(|depth| depth.capacity == 16 && depth.queued <= 16), "{queue:?}");
    assert!(queue.is_sorted_by_key(|depth| (depth.at, depth.accepted, depth.done)), "{queue:?}");
    assert!(queue.iter().any(|depth| depth.queued > 0), "{queue:?}");
    let last = queue.last().expect("it was watched to its end");
    assert!(last.accepted >= 17 && last.accepted == last.done && last.queued == 0, "{queue:?}");
}

#[test]
fn a_trace_has_the_silent_connection_and_the_requests_after_it() {
    let server = testkit::start(BINARY, &[]);
    let trace = testkit::must_be(Verdict::Kept, "slow-request", server.addr()).trace;
    let outcomes: Vec<_> = trace.iter().map(|exchange| exchange.outcome.is_some()).collect();
    assert_eq!(outcomes, [false, true, true, true], "{trace:?}");
    assert!(
        trace[1..]
            .iter()
            .all(|normal| normal.began >= trace[0].began && normal.ended <= trace[0].ended),
        "{trace:?}"
    );
}
