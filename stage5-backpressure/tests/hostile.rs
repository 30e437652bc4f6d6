//! Stage 5 among hostile peers: the scenes of `testkit::hostile`.

testkit::hostile_scenes!(env!("CARGO_BIN_EXE_stage5-backpressure"), &["--max-connections", "6000"]);
