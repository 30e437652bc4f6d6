//! The addresses of a server, and connecting to the first that works.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The addresses of one server, at least one. Clones share which of them was reached.
#[derive(Clone, Debug)]
pub struct Addresses(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: Vec<SocketAddr>,
    reached: OnceLock<SocketAddr>,
}

impl From<SocketAddr> for Addresses {
    fn from(addr: SocketAddr) -> Self {
        Self::new(addr, Vec::new())
    }
}

/// How long an address is tried while there is another one: long enough for a SYN that a full backlog
/// dropped to be sent again, which the kernel does after a second.
const PATIENCE: Duration = Duration::from_secs(2);

impl Addresses {
    /// Addresses in the order in which they are tried.
    pub fn new(first: SocketAddr, mut others: Vec<SocketAddr>) -> Self {
        others.insert(0, first);
        Self(Arc::new(Inner { all: others, reached: OnceLock::new() }))
    }

    /// The address that was reached first.
    pub fn reached(&self) -> Option<SocketAddr> {
        self.0.reached.get().copied()
    }

    /// The address that was reached first; until then the first of all.
    pub fn preferred(&self) -> SocketAddr {
        self.reached().unwrap_or(self.0.all[0])
    }

    /// Connects to each address in turn, and then always to the first that was reached. One that says nothing for two
    /// seconds is tried again, without a limit of time, if none of the others can be reached.
    ///
    /// # Errors
    /// The error of the first address, if none can be reached.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let (silent, error) = match (self.reached(), &self.0.all[..]) {
            (Some(only), _) | (None, &[only]) => (Some(only), None),
            (None, all) => match self.connect_in_turn(all).await {
                Ok(stream) => return Ok(stream),
                Err(without) => without,
            },
        };
        match (silent, error) {
            (Some(silent), _) => self.connect_to(silent).await,
            (None, error) => Err(error.unwrap_or(io::ErrorKind::AddrNotAvailable.into())),
        }
    }

    /// The first connection; else the first address that said nothing, and the first error.
    async fn connect_in_turn(
        &self,
        all: &[SocketAddr],
    ) -> Result<TcpStream, (Option<SocketAddr>, Option<io::Error>)> {
        let (mut silent, mut first) = (None, None);
        for addr in all {
            match timeout(PATIENCE, self.connect_to(*addr)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => _ = first.get_or_insert(error),
                Err(_) => _ = silent.get_or_insert(*addr),
            }
        }
        Err((silent, first))
    }

    async fn connect_to(&self, addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(addr).await?;
        let _ = self.0.reached.set(addr); // another connection may have been faster
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::Addresses;
    use std::net::TcpListener;

    #[tokio::test]
    async fn the_first_address_that_connects_is_used_from_then_on() {
        let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (free, server, other) = (bind().local_addr().unwrap(), bind(), bind());
        let [server_addr, other_addr] = [&server, &other].map(|it| it.local_addr().unwrap());
        let addresses = Addresses::new(free, vec![server_addr, other_addr]);
        for _ in 0..2 {
            let stream = addresses.connect().await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), server_addr);
        }
        assert_eq!(addresses.clone().reached(), Some(server_addr));
        other.set_nonblocking(true).unwrap();
        assert!(other.accept().is_err(), "no address is tried after the one that connects");
    }

    #[tokio::test]
    async fn without_a_server_the_first_error_is_reported() {
        let bind = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = Addresses::new(bind(), vec![bind()]).connect().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
