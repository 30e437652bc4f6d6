//! Listening and accepting, for std.

use crate::socket::{RETRY_DELAY, bind_first, is_connection_error};
use crate::{Addr, Stage};
use anyhow::Context;
use std::net::{TcpListener, TcpStream};
use tracing::{error, info};

/// The next connection. A failed accept is logged, waited out briefly and tried again.
pub fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                info!(%peer, "connection accepted");
                let _ = stream.set_nodelay(true); // it only serves speed
                return stream;
            }
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                error!(%error, "cannot accept; trying again in 100 ms");
                std::thread::sleep(RETRY_DELAY);
            }
        }
    }
}

/// Listens, with std's own backlog (128 on Linux), says so on stdout, and shows the banner.
///
/// # Errors
/// One line on what to do when the address is in use or not to be had.
pub fn listen(stage: &Stage, addr: &Addr) -> anyhow::Result<TcpListener> {
    let listener = bind_first(addr, TcpListener::bind)?;
    stage.announce(listener.local_addr().context("the socket has no address")?);
    Ok(listener)
}
