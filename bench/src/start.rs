//! What a newcomer waits for: a development build from nothing, of stage 1 and of axum's hello.

use crate::load;
use crate::rounds::{Contender, Sample};
use std::process::Command;

/// Each build is one trial, in a folder that is removed again.
pub fn builds<'a>() -> Vec<Contender<'a>> {
    [("stage 1", "Cargo.toml", "stage1"), ("axum's hello", "bench/Cargo.toml", "hello")]
        .map(|(name, manifest, package)| {
            Contender::new(name, move || {
                let target =
                    std::env::temp_dir().join(format!("bench-{}-{package}", std::process::id()));
                let mut cargo = Command::new("cargo");
                cargo.args([
                    "build",
                    "--locked",
                    "--manifest-path",
                    manifest,
                    "-p",
                    package,
                    "--target-dir",
                ]);
                let built = load::run(cargo.arg(&target));
                let _ = std::fs::remove_dir_all(&target); // the build says what went wrong, if anything
                let (_, cpu) = built?;
                Ok(Sample { answers: 1, cpu, ours: cpu })
            })
        })
        .into()
}
