//! A machine before a class: what the lessons need of it, what is there, and how to fix the rest.
//!
//! Each check is a function that returns a [`Check`]. One that judges a number takes the number, so
//! that what it says of any machine can be tested on every machine.

mod build;
pub mod disk;
mod finding;
pub mod limits;
mod network;
mod program;
mod tools;

pub use finding::{Check, Health};
pub use tools::{OPENER, nats_server, nats_server_of};

use std::net::SocketAddr;
use std::thread;

/// Looks at everything; `addr` is where the servers are to listen, and `columns` how wide the
/// terminal is, if there is one. It takes a second or two, and starts only a server in this
/// process, on a free port.
pub fn examine(addr: SocketAddr, columns: Option<usize>) -> Vec<Check> {
    let here = network::answering();
    let loopback = network::loopback(&here);
    // if nothing responds at all, no tool is to blame
    let answering = here.ok().filter(|_| loopback.health == Health::Ok);
    let mut findings = vec![limits::cores(thread::available_parallelism().map_or(0, usize::from))];
    if cfg!(unix) {
        findings.extend([
            limits::descriptors(limits::most_descriptors()),
            limits::processes(limits::most_processes(), limits::running_processes()),
            limits::backlog(limits::longest_backlog()),
        ]);
    }
    findings.extend([
        limits::ports(limits::ephemeral_ports()),
        disk::disk(disk::sync_time()),
        loopback,
        network::address(addr),
        tools::curl(answering),
    ]);
    if cfg!(unix) {
        findings.extend([
            tools::bash(answering),
            tools::nc(),
            tools::shell_tools(),
            tools::lesson_tools(),
            tools::python(),
            tools::nats_server(),
        ]);
    } else {
        findings.push(tools::no_scripts());
    }
    findings.extend(build::all());
    findings.extend([tools::terminal(columns), tools::browser()]);
    findings
}
