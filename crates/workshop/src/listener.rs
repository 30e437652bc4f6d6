//! Listening and accepting with tokio, for stages 2 to 5.

use crate::socket::{RETRY_DELAY, bind_first, is_connection_error};
use crate::{Addr, Stage};
use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::{error, info};

/// Connections that the kernel completes and queues until the server accepts them.
const BACKLOG: u32 = 1024;

/// Waits for the next connection. If that fails, logs the error and tries again after 100 ms.
pub async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                info!(%peer, "connection accepted");
                return stream;
            }
            // some systems report a client that disconnected before accept: no need to wait
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                error!(%error, "cannot accept; trying again in 100 ms");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Listens with a backlog of 1024 and prints the banner to stdout.
///
/// # Errors
/// If the address is in use or not available; the message is one line that says what to do.
pub fn listen(stage: &Stage, addr: &Addr) -> anyhow::Result<TcpListener> {
    let listener = bind(addr)?;
    stage.announce(listener.local_addr().context("the socket has no address")?);
    Ok(listener)
}

fn bind(addr: &Addr) -> anyhow::Result<TcpListener> {
    bind_first(addr, |addr| {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // so that a server starts again while old connections linger; on Windows, where it never has to
        // wait, this option would let another program take the same address
        #[cfg(not(windows))]
        socket.set_reuseaddr(true)?;
        socket.set_nodelay(true)?; // inherited by its connections: no response waits for an ACK
        socket.bind(addr)?;
        socket.listen(BACKLOG)
    })
}
