//! From /proc on Linux; from lsof and ps on macOS.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

/// How many threads the processes have together that listen at this address; `None` if they cannot be seen.
pub(super) fn threads_of(addr: SocketAddr) -> Option<usize> {
    if cfg!(target_os = "macos") {
        return threads_by_tools(addr);
    }
    let sockets = listening_sockets(addr).ok().filter(|sockets| !sockets.is_empty())?;
    let mut threads = 0;
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let is_process = process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit);
        if is_process && has_one_of(&process.path(), &sockets) {
            threads += fs::read_dir(process.path().join("task")).map_or(0, Iterator::count);
        }
    }
    Some(threads).filter(|&threads| threads > 0)
}

/// The same from lsof and macOS's ps, which `-M` makes print a line for each thread below its title.
fn threads_by_tools(addr: SocketAddr) -> Option<usize> {
    let output = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let listening = format!("-iTCP:{}", addr.port());
    let ids = output("lsof", &["-nP", &listening, "-sTCP:LISTEN", "-t"])?;
    let threads = |id: &str| Some(output("ps", &["-M", "-p", id])?.lines().skip(1).count());
    let threads = ids.lines().filter_map(threads).sum();
    Some(threads).filter(|&threads| addr.ip().is_loopback() && threads > 0)
}

/// The inodes of the sockets that listen on this machine at this address, or at all its addresses (proc_pid_net(5)).
fn listening_sockets(addr: SocketAddr) -> io::Result<HashSet<String>> {
    const LISTEN: &str = "0A";
    let port = format!("{:04X}", addr.port());
    let is_local = addr.ip().is_loopback();
    let mut inodes = HashSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let Ok(table) = fs::read_to_string(table) else { continue };
        for line in table.lines().skip(1) {
            let columns: Vec<_> = line.split_ascii_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = columns[..] else { continue };
            if is_local && state == LISTEN && local.rsplit(':').next() == Some(&*port) {
                inodes.insert(format!("socket:[{inode}]"));
            }
        }
    }
    Ok(inodes)
}

/// Whether the process has one of these sockets open.
fn has_one_of(process: &Path, sockets: &HashSet<String>) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else { return false };
    descriptors
        .flatten()
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
        .any(|link| link.to_str().is_some_and(|link| sockets.contains(link)))
}
