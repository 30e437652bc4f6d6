//! The look whether a server is there, before anything is sent to it.

use super::print::complain;
use anyhow::bail;
use probe::http_client::{Failure, ResponseClient};
use probe::target::Target;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// The exit code when no connection could be made at all.
pub(super) const NO_CONNECTION: u8 = 3;

/// A refused connection is reported immediately; a longer time-out would only delay the command.
const LOOK: Duration = Duration::from_secs(1);

/// The address of a server that is there; else it is said that there is none.
pub(super) async fn resolve(target: &Target) -> Option<SocketAddr> {
    let reached = async {
        let addr = target.resolve().await?;
        let connected = async { ResponseClient::new(addr).connect().await.map(drop) };
        match timeout(LOOK, connected).await {
            Ok(Err(failure @ Failure::NotListening)) => {
                bail!(
                    "{}: {failure}; wait until the server says that it listens, or start one: cargo stage1",
                    target.host
                )
            }
            _ => Ok(addr), // any other trouble is for the report
        }
    };
    reached.await.map_err(|error| complain(&format!("error: {error:#}"))).ok()
}
