//! Stage 5 among hostile peers: each of these is a scene in `testkit::hostile`.

use testkit::hostile;

const BINARY: &str = env!("CARGO_BIN_EXE_stage5-backpressure");

#[test]
fn a_thousand_that_stop_half_way_are_gone_and_their_memory_returns() {
    hostile::a_thousand_that_stop_half_way_are_gone_and_their_memory_returns(BINARY);
}

#[test]
fn whoever_drips_is_late() {
    hostile::whoever_drips_is_late(BINARY);
}

#[test]
fn whoever_never_reads_is_let_go() {
    hostile::whoever_never_reads_is_let_go(BINARY);
}

#[test]
fn a_gib_after_a_413_is_not_read() {
    hostile::a_gib_after_a_413_is_not_read(BINARY);
}

#[test]
fn five_thousand_silent_connections_stop_nobody() {
    hostile::five_thousand_silent_connections_stop_nobody(BINARY, &["--max-connections", "6000"]);
}

#[test]
fn exhausted_descriptors_come_back() {
    hostile::exhausted_descriptors_come_back(BINARY);
}

#[test]
fn what_is_sent_is_quoted_cut_short() {
    hostile::what_is_sent_is_quoted_cut_short(BINARY);
}
