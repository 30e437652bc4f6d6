//! Where a server is, and what is said if there is none.

use super::print::complain;
use probe::addresses::Addresses;
use probe::http_client::{Failure, ResponseClient};
use probe::target::Target;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// The exit code when no connection could be made at all.
pub(super) const NO_CONNECTION: u8 = 3;

/// A refused connection is reported immediately; a longer time-out would only delay the command.
const LOOK: Duration = Duration::from_secs(1);

/// The addresses of a name; else it is said that it has none.
pub(super) async fn resolve(target: &Target) -> Option<Addresses> {
    target.resolve().await.map_err(|error| complain(&format!("error: {error:#}"))).ok()
}

/// The address of a server that is there; else it is said that there is none. The connection is closed: to a server whose
/// places are limited this is one client more.
pub(super) async fn reach(target: &Target) -> Option<SocketAddr> {
    let addresses = resolve(target).await?;
    let mut client = ResponseClient::new(addresses.clone());
    match timeout(LOOK, client.connect()).await {
        Ok(Err(Failure::NotListening)) => {
            complain_of_no_server(target);
            None
        }
        _ => Some(addresses.preferred()), // any other trouble is for the report
    }
}

/// Says that no server listens there, and what to do.
pub(super) fn complain_of_no_server(target: &Target) {
    let (host, failure) = (&target.host, Failure::NotListening);
    complain(&format!(
        "error: {host}: {failure}; wait until the server says that it listens, or start one: cargo stage1"
    ));
}
