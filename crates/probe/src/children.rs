//! Child processes that end with this one, whatever ends it: a return, a signal, or `kill -9`.
//!
//! Ctrl-C in a terminal does not reach them, so a child runs until this process ends it.

#[cfg_attr(unix, path = "children/unix.rs")]
#[cfg_attr(windows, path = "children/windows.rs")]
mod system;

use anyhow::Context;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// The group of those that [`spawn`] starts.
static COMMON: Mutex<Option<Group>> = Mutex::new(None);

/// Starts a child that ends with this process. A terminal's Ctrl-C does not reach it, and it has no
/// stdin.
///
/// # Errors
/// It does not start.
pub fn spawn(command: &mut Command) -> anyhow::Result<Child> {
    let mut common = COMMON.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let group = match &mut *common {
        Some(group) => group,
        none => none.insert(Group::new()?),
    };
    group.spawn(command)
}

/// Ends all that [`spawn`] has started, and what they have started, at once; none can be started
/// while this runs.
pub fn end_all() {
    drop(COMMON.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take());
}

/// Processes that end together: when it is dropped, or when this process ends.
#[derive(Debug)]
pub struct Group(system::Group);

impl Group {
    /// A group without a process.
    ///
    /// # Errors
    /// The system does not make one; on Unix that needs `sh`.
    pub fn new() -> anyhow::Result<Self> {
        system::Group::new().map(Self)
    }

    /// Starts a child in this group, without a stdin. What it starts is in the group, too.
    ///
    /// # Errors
    /// It does not start.
    pub fn spawn(&self, command: &mut Command) -> anyhow::Result<Child> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = self.0.spawn(command.stdin(Stdio::null()));
        child.with_context(|| format!("cannot start {name}"))
    }

    /// The id of the process group; `None` on Windows, which has none.
    pub fn process_group(&self) -> Option<u32> {
        self.0.process_group()
    }

    /// Asks them to end: SIGTERM. Windows has no such signal.
    pub fn terminate(&self) {
        self.0.terminate();
    }
}
