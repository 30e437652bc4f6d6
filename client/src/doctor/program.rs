//! Other programs of the machine: where they are, and what they say.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a program may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a program prints, whatever its exit code; nothing if it is missing or does not end.
pub(super) fn ask(program: &str, args: &[&str]) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(command.output()));
    end.recv_timeout(PATIENCE).ok()?.ok()
}

/// Where a program is, as a shell would find it.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(is_program)
}

pub(super) fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().trim().to_owned()
}
