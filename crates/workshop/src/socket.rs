//! Listening and accepting: what is the same for tokio and for std.

use crate::Addr;
use anyhow::anyhow;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// How long a failed accept is waited out: for want of file descriptors it would only fail again.
pub(crate) const RETRY_DELAY: Duration = Duration::from_millis(100);

pub(crate) fn is_connection_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Binds the first of its addresses that can be had, IPv4 first.
pub(crate) fn bind_first<L>(
    addr: &Addr,
    bind: impl Fn(SocketAddr) -> io::Result<L>,
) -> anyhow::Result<L> {
    let Addr(text) = addr;
    let resolved = text.to_socket_addrs();
    let mut addrs: Vec<_> =
        resolved.map_err(|error| anyhow!("{text} does not resolve: {error}"))?.collect();
    addrs.sort_by_key(SocketAddr::is_ipv6);
    let mut failure = None;
    for addr in addrs {
        match bind(addr) {
            Ok(listener) => return Ok(listener),
            // another of its addresses would be another server's in all but the name
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                failure = Some(error);
                break;
            }
            Err(error) => failure = Some(error),
        }
    }
    Err(match failure {
        Some(error) if error.kind() == io::ErrorKind::AddrInUse => {
            anyhow!(
                "{text} is in use: stop the server that has it, or choose another with --addr HOST:PORT (port 0 picks a free one)"
            )
        }
        Some(error) => {
            anyhow!("cannot listen on {text}: {error}; choose another with --addr HOST:PORT")
        }
        None => anyhow!("{text} names no address"),
    })
}
