//! Listening and accepting, for tokio.

use crate::socket::{RETRY_DELAY, bind_first, is_connection_error};
use crate::{Addr, Stage};
use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::{error, info};

/// Connections that the kernel completes and keeps for us until we accept them.
const BACKLOG: u32 = 1024;

/// The next connection. A failed accept is logged, waited out briefly and tried again.
pub async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                info!(%peer, "connection accepted");
                return stream;
            }
            // some systems report a peer that has left before it was accepted: the next one need not wait for that
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                error!(%error, "cannot accept; trying again in 100 ms");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

impl Stage {
    /// Listens with a backlog of 1024, says so on stdout, and shows the banner.
    ///
    /// # Errors
    /// One line on what to do when the address is in use or not to be had.
    pub fn listen(&self, addr: &Addr) -> anyhow::Result<TcpListener> {
        let listener = bind(addr)?;
        self.announce(listener.local_addr().context("the socket has no address")?);
        Ok(listener)
    }
}

fn bind(addr: &Addr) -> anyhow::Result<TcpListener> {
    bind_first(addr, |addr| {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.set_nodelay(true)?; // which the connections inherit: an answer never waits for the one before
        socket.bind(addr)?;
        socket.listen(BACKLOG)
    })
}
