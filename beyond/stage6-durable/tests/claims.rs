//! Every claim of stage 6, on this server.

const BINARY: &str = env!("CARGO_BIN_EXE_stage6-durable");

/// Two of them kill it.
#[test]
fn one_server_keeps_its_claims_in_a_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("events.redb");
    let data = data.to_str().expect("its name is text");
    let args = ["--timeout", "6s", "--work", "100ms", "--data", data];
    testkit::verdicts::one_server_must_keep_its_claims_in_a_row(BINARY, 6, &args);
}
