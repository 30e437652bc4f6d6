//! What a connection costs the server in threads, as the operating system counts them.

use crate::raw_connection::PATIENCE;
use crate::trial::{Trial, instead};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};
use tokio::time::{Duration, Instant, sleep};

/// How many connections are opened.
const CONNECTIONS: usize = 100;

/// How many more threads are no sign of a thread for each connection: a runtime may start some as it needs them.
const FEW: usize = CONNECTIONS / 2;

/// Opens a hundred connections, each with half a head, and counts the server's threads before and after.
pub(crate) async fn check_threads(trial: &mut Trial) -> Result<String, String> {
    trial.needs_descriptors(CONNECTIONS as u64 + 20)?;
    let Some(before) = settled(trial.addr).await else {
        let why = "the threads of a server on another machine, of another user, or of a system without /proc and lsof cannot be counted";
        return Err(trial.cannot_tell(why.into()));
    };
    let mut held = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let mut connection = trial.open().await?;
        connection.send("GET / HTTP/1.1\r\nHos").await;
        held.push(connection);
    }
    // it comes after the others, so they have been accepted when it is served; a server with one thread serves none
    let normal = trial.send_normal_request(PATIENCE).await.outcome;
    sleep(Duration::from_millis(50)).await; // a thread that was started may not be counted at once
    let after = threads_of(trial.addr).unwrap_or(before);
    for connection in &held {
        trial.misbehaved("connection held open", connection);
    }
    let more = after.saturating_sub(before);
    if more >= FEW {
        Err(format!("{CONNECTIONS} connections, {more} more threads"))
    } else if normal.is_answer() {
        Ok(format!("{CONNECTIONS} connections, {more} more threads ({after})"))
    } else {
        Err(format!("no thread is left for another request: {}", instead(normal, PATIENCE)))
    }
}

/// How many threads the server has, once those of former connections have ended.
async fn settled(addr: SocketAddr) -> Option<usize> {
    let (mut before, end) = (threads_of(addr)?, Instant::now() + PATIENCE);
    loop {
        sleep(Duration::from_millis(100)).await;
        let now = threads_of(addr)?;
        if now >= before || Instant::now() > end {
            return Some(now);
        }
        before = now;
    }
}

/// How many threads the processes have together that listen at this address; `None` if they cannot be seen.
fn threads_of(addr: SocketAddr) -> Option<usize> {
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
