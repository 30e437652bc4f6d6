//! A process group, and a shell in it that waits for the end of a pipe. Only this process holds the
//! other end, so the pipe ends when this process does; then the shell kills the group.
//!
//! A daemon leaves its group, but not its environment: where a system shows that, the shell finds
//! it by a mark.

use anyhow::Context;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// The variable whose value marks the processes of a group.
const MARK: &str = "STARTED_AND_ENDED_BY";

/// What the shell runs, with the mark as its first argument: it must outlive what it kills.
const WATCH: &str = r#"
    trap '' HUP INT QUIT TERM
    read -r _
    for environment in /proc/[0-9]*/environ; do
        # one line, whose end is missing
        while IFS= read -r variables || [ -n "$variables" ]; do
            case $variables in *"$1"*)
                id=${environment#/proc/}
                kill -s KILL "${id%/environ}"
            esac
            variables=
        done <"$environment"
    done 2>/dev/null
    kill -s KILL 0"#;

#[derive(Debug)]
pub(super) struct Group {
    watcher: Child,
    mark: String,
}

impl Group {
    pub(super) fn new() -> anyhow::Result<Self> {
        let random = RandomState::new().hash_one(());
        let mark = format!("{MARK}={}-{random:016x}", std::process::id());
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCH, "sh", &mark]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let watcher = shell.spawn().context("cannot start sh")?;
        Ok(Self { watcher, mark })
    }

    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        if let Some((name, value)) = self.mark.split_once('=') {
            command.env(name, value);
        }
        // a child has left the pipe, by exec, only after it has joined the group: the shell cannot
        // miss it
        command.process_group(self.id()).spawn()
    }

    pub(super) fn terminate(&self) {
        let group = format!("-{}", self.id());
        // an error means that nothing is left
        let _ = Command::new("sh").args(["-c", "kill -s TERM -- \"$0\"", &group]).status();
    }

    pub(super) fn process_group(&self) -> Option<u32> {
        Some(self.watcher.id())
    }

    fn id(&self) -> i32 {
        self.watcher.id().try_into().unwrap_or(i32::MAX) // ids are positive 32-bit numbers
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.watcher.wait(); // closes the pipe first
    }
}
