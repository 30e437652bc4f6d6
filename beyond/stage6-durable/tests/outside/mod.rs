//! What is not of this workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the course.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("the package is in beyond/").into()
}

/// Builds the client.
pub(crate) fn client() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["build", "--locked", "-p", "client"]);
    let output = cargo.arg("--message-format=json").output().expect("cargo can be run");
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().find_map(|message| {
        let message: serde_json::Value = serde_json::from_str(message).ok()?;
        message["executable"].as_str().filter(|path| path.ends_with("/client")).map(PathBuf::from)
    });
    built.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}
