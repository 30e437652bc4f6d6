//! Stage 4 among hostile peers: the scenes of `testkit::hostile`.

testkit::hostile_scenes!(env!("CARGO_BIN_EXE_stage4-slow-state"), &[]);
