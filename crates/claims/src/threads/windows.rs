//! From the system's tables of sockets and processes.

use listeners::{Listener, Protocol};
use std::net::SocketAddr;
use winsafe::prelude::kernel_Hprocesslist;
use winsafe::{HPROCESSLIST, co};

/// How many threads the processes have together that listen at this address; `None` if they cannot be seen.
pub(super) fn threads_of(addr: SocketAddr) -> Option<usize> {
    let is_asked = |listener: &Listener| {
        addr.ip().is_loopback()
            && listener.protocol == Protocol::TCP
            && listener.socket.port() == addr.port()
    };
    let found = listeners::get_all().ok()?;
    let ids: Vec<_> = found.iter().filter(|one| is_asked(one)).map(|one| one.process.pid).collect();
    let mut list = HPROCESSLIST::CreateToolhelp32Snapshot(co::TH32CS::SNAPPROCESS, None).ok()?;
    let processes = list.iter_processes().map_while(Result::ok);
    let threads = processes
        .filter(|process| ids.contains(&process.th32ProcessID))
        .map(|process| process.cntThreads as usize)
        .sum();
    Some(threads).filter(|&threads| threads > 0)
}
