//! A process group, and a shell in it that waits for the end of a pipe. Only this process holds the
//! other end, so the pipe ends when this process does; then the shell kills the group.

use anyhow::Context;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// What the shell runs: the group that it kills is its own.
const WATCH: &str = "trap '' HUP INT QUIT TERM; read -r _; kill -s KILL 0";

static WATCHER: Mutex<Option<Child>> = Mutex::new(None);

pub(super) fn spawn(command: &mut Command) -> anyhow::Result<io::Result<Child>> {
    let mut watcher = WATCHER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let group = match &*watcher {
        Some(watcher) => watcher.id(),
        None => watcher.insert(watch().context("cannot start sh")?).id(),
    };
    // a child has left the pipe, by exec, only after it has joined the group: the shell cannot miss
    // it
    Ok(command.process_group(group.try_into()?).spawn())
}

fn watch() -> io::Result<Child> {
    let mut shell = Command::new("sh");
    shell.args(["-c", WATCH]).process_group(0);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

pub(super) fn end_all() {
    let mut watcher = WATCHER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(mut watcher) = watcher.take() {
        let _ = watcher.wait(); // closes the pipe first
    }
}
