//! Every claim of the lessons on this stage.

const BINARY: &str = env!("CARGO_BIN_EXE_stage5-backpressure");

#[test]
fn each_claim_is_as_the_lessons_say() {
    testkit::verdicts::each_claim_must_be_as_the_lessons_say(BINARY, 5);
}

#[test]
fn one_server_keeps_its_claims_in_a_row() {
    testkit::verdicts::one_server_must_keep_its_claims_in_a_row(BINARY, 5, &["--timeout", "6s", "--work", "100ms"]);
}
