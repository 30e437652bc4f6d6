//! Listening and accepting with std, for stage 1.

use crate::socket::{RETRY_DELAY, bind_first, is_connection_error};
use crate::{Addr, Stage};
use anyhow::Context;
use std::net::{TcpListener, TcpStream};
use tracing::{error, info};

/// Waits for the next connection. If that fails, logs the error and tries again after 100 ms.
pub fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                info!(%peer, "connection accepted");
                let _ = stream.set_nodelay(true); // without it the server is only slower
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

/// Listens with std's backlog (128 on Linux) and prints the banner to stdout.
///
/// # Errors
/// If the address is in use or not available; the message is one line that says what to do.
pub fn listen(stage: &Stage, addr: &Addr) -> anyhow::Result<TcpListener> {
    let listener = bind_first(addr, TcpListener::bind)?;
    stage.announce(listener.local_addr().context("the socket has no address")?);
    Ok(listener)
}
