//! What each peer does as a stage does: it listens where it is told to, and says so.

use std::io::Write;
use tokio::net::TcpListener;

/// Listens, and says so on stdout in a stage's words.
///
/// # Errors
/// What the system says if the address is not to be had.
pub async fn listen(addr: &str) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(addr).await?;
    announce(listener.local_addr()?)?;
    Ok(listener)
}

/// The first line on stdout, as a stage writes it.
///
/// # Errors
/// What stdout reports.
pub fn announce(addr: std::net::SocketAddr) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on http://{addr}")?;
    stdout.flush()
}
