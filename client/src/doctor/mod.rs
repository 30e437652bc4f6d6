//! A machine before a class: what the lessons need of it, what is there, and how to mend the rest.
//!
//! Each check is a function that returns a [`Finding`]. One that judges a number takes the number, so that what it says
//! of any machine can be tested on every machine.

mod build;
pub mod limits;
mod network;
mod tools;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How a machine does in one respect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Fine,
    /// A class can be held; it is better to know this beforehand.
    Noted,
    /// A lesson would fail.
    Failing,
}

/// What was found in one respect.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub name: &'static str,
    /// How it does.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do about it, if anything is to be done.
    pub mend: Option<String>,
}

impl Finding {
    fn fine(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, health: Health::Fine, found: found.into(), mend: None }
    }

    fn noted(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, health: Health::Noted, found: found.into(), mend: Some(mend.into()) }
    }

    fn failing(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, health: Health::Failing, found: found.into(), mend: Some(mend.into()) }
    }
}

/// Looks at everything; `addr` is where the servers are to listen, and `columns` how wide the terminal is, if there is
/// one. It takes a second or two, and starts no server but one of its own, on a free port.
pub fn examine(addr: SocketAddr, columns: Option<usize>) -> Vec<Finding> {
    let here = network::answering();
    let loopback = network::loopback(&here);
    // where nothing answers at all, no tool is to blame for it
    let answering = here.ok().filter(|_| loopback.health == Health::Fine);
    let mut findings = vec![
        limits::cores(thread::available_parallelism().map_or(0, usize::from)),
        limits::descriptors(limits::most_descriptors()),
        limits::processes(limits::most_processes(), limits::running_processes()),
        limits::backlog(limits::longest_backlog()),
        limits::ports(limits::ephemeral_ports()),
        loopback,
        network::address(addr),
        tools::curl(answering),
        tools::bash(answering),
        tools::nc(),
        tools::shell_tools(),
        tools::python(),
    ];
    findings.extend(build::all());
    findings.extend([tools::terminal(columns), tools::browser()]);
    findings
}

/// How long a program may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a program answers, whatever its exit code; nothing if it is not there or does not end.
fn ask(program: &str, args: &[&str]) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(command.output()));
    end.recv_timeout(PATIENCE).ok()?.ok()
}

/// Where a program is, as a shell would find it.
fn find(program: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(is_program)
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().trim().to_owned()
}
