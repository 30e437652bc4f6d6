//! What listening and accepting have in common with tokio and with std.

use crate::Addr;
use anyhow::anyhow;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// The wait after a failed accept: as long as no file descriptor is free, the next one fails too.
pub(crate) const RETRY_DELAY: Duration = Duration::from_millis(100);

pub(crate) fn is_connection_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Binds the first address of the host that is available, IPv4 before IPv6.
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
            // on the next address, the same host and port would reach two different servers
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
                "{text} is in use: stop the server that uses it, or \
                 choose another address with --addr HOST:PORT (port 0 picks a free one)"
            )
        }
        Some(error) => {
            anyhow!(
                "cannot listen on {text}: {error}; choose another address with --addr HOST:PORT"
            )
        }
        None => anyhow!("{text} has no address"),
    })
}
