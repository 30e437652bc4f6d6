//! What a connection costs the server in threads, as the operating system counts them.

#[cfg_attr(unix, path = "threads/unix.rs")]
#[cfg_attr(windows, path = "threads/windows.rs")]
mod system;

use crate::raw_connection::PATIENCE;
use crate::trial::{Trial, instead};
use std::net::SocketAddr;
use system::threads_of;
use tokio::time::{Duration, Instant, sleep};

/// How many connections are opened.
const CONNECTIONS: usize = 100;

/// How many more threads are no sign of a thread for each connection: a runtime may start some as it needs them.
const FEW: usize = CONNECTIONS / 2;

/// Opens a hundred connections, each with half a head, and counts the server's threads before and after.
pub(crate) async fn check_threads(trial: &mut Trial) -> Result<String, String> {
    trial.needs_descriptors(CONNECTIONS as u64 + 20)?;
    let Some(before) = settled(trial.addr).await else {
        let why = "the threads of a server on another machine or of another user cannot be counted (Linux needs /proc for it, macOS lsof)";
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
