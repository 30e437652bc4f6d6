//! Stage 4 among hostile peers: the scenes of `testkit::hostile`.

testkit::hostile_scenes!(env!("CARGO_BIN_EXE_stage4-slow-state"), &[]);

#[test]
fn waiting_events_do_not_keep_their_requests() {
    testkit::hostile::waiting_events_do_not_keep_their_requests(
        env!("CARGO_BIN_EXE_stage4-slow-state"),
        &[],
    );
}
