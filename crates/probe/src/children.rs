//! Child processes that end with this one, whatever ends it: a return, a signal, or `kill -9`.
//!
//! They are in one process group, and so is a shell that waits for the end of a pipe. Only this
//! process holds the other end, so the pipe ends when this process does; then the shell kills the
//! group. Ctrl-C in a terminal does not reach the group, so a child runs until this process ends
//! it.

use anyhow::Context;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// What the shell runs: the group that it kills is its own.
const WATCH: &str = "trap '' HUP INT QUIT TERM; read -r _; kill -s KILL 0";

static WATCHER: Mutex<Option<Child>> = Mutex::new(None);

/// Starts a child that ends with this process. A terminal's Ctrl-C does not reach it, and it has no
/// stdin.
///
/// # Errors
/// It does not start.
pub fn spawn(command: &mut Command) -> anyhow::Result<Child> {
    let mut watcher = WATCHER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let group = match &*watcher {
        Some(watcher) => watcher.id(),
        None => watcher.insert(watch().context("cannot start sh")?).id(),
    };
    let name = command.get_program().to_string_lossy().into_owned();
    // a child has left the pipe, by exec, only after it has joined the group: the shell cannot miss
    // it
    let child = command.stdin(Stdio::null()).process_group(group.try_into()?).spawn();
    child.with_context(|| format!("cannot start {name}"))
}

fn watch() -> io::Result<Child> {
    let mut shell = Command::new("sh");
    shell.args(["-c", WATCH]).process_group(0);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// Ends all of them, and what they have started, at once; none can be started while this runs.
pub fn end_all() {
    let mut watcher = WATCHER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(mut watcher) = watcher.take() {
        let _ = watcher.wait(); // closes the pipe first
    }
}
