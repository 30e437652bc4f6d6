//! Every claim of stage 7, on this server.

mod cluster;

use cluster::{BINARY, shared};

/// Two of them kill it; the cluster stays, and so does another server on it.
#[test]
fn one_server_keeps_its_claims_in_a_row() {
    let Some(cluster) = shared() else { return };
    let _other = cluster.server("claims", &["--work", "100ms"]);
    let args = ["--nats", &cluster.nats, "--name", "claims", "--timeout", "6s", "--work", "100ms"];
    testkit::verdicts::one_server_must_keep_its_claims_in_a_row(BINARY, 7, &args);
}
