//! Other programs of the machine, and what they print.

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

pub(super) fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().trim().to_owned()
}
