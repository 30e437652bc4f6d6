//! The script `crash.sh` on stage 6: nothing acknowledged is lost, whatever ends it.

use testkit::scripts::must_crash_with_verdict;

mod durable;

use durable::Data;

#[test]
fn crash_loses_no_acknowledged_event() {
    for signal in ["KILL", "TERM"] {
        let data = Data::new();
        must_crash_with_verdict(
            "kept",
            signal,
            "10 acknowledged, 10 applied, 0 lost",
            env!("CARGO_BIN_EXE_stage6-durable"),
            &["--work", "50ms", "--data", data.path().to_str().unwrap()],
        );
    }
}
