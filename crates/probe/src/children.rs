//! Child processes that end with this one, whatever ends it: a return, a signal, or `kill -9`.
//!
//! Ctrl-C in a terminal does not reach them, so a child runs until this process ends it.

#[cfg_attr(unix, path = "children/unix.rs")]
#[cfg_attr(windows, path = "children/windows.rs")]
mod system;

use anyhow::Context;
use std::process::{Child, Command, Stdio};

/// Starts a child that ends with this process. A terminal's Ctrl-C does not reach it, and it has no
/// stdin.
///
/// # Errors
/// It does not start.
pub fn spawn(command: &mut Command) -> anyhow::Result<Child> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = system::spawn(command.stdin(Stdio::null()))?;
    child.with_context(|| format!("cannot start {name}"))
}

/// Ends all of them, and what they have started, at once; none can be started while this runs. For
/// a process that is about to end itself: on Windows, its end is what ends them.
pub fn end_all() {
    system::end_all();
}
