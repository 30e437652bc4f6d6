//! SIGINT, which Ctrl-C sends, and SIGTERM.

use std::process::exit;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// Handles SIGINT and SIGTERM from this call on: the first one completes the returned future, a
/// second one ends the process immediately, with exit code 128 + the signal's number.
///
/// # Errors
/// If the system does not let the process handle signals.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut next = async move || {
        tokio::select! {
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        }
    };
    Ok(async move {
        next().await;
        info!(
            "stopping: accepted work is completed first; \
             a second signal ends the process immediately"
        );
        tokio::spawn(async move { exit(128 + next().await) });
    })
}
