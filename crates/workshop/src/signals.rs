//! Ctrl-C and its kin.

use std::process::exit;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// From this call on, the first SIGINT or SIGTERM ends the future that it returns, and a second one ends the
/// process at once, with 128 + the signal's number as its exit code.
///
/// # Errors
/// What the system says if it does not let us wait for signals.
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
        info!("stopping: what was accepted will be done first; once more to end at once");
        tokio::spawn(async move { exit(128 + next().await) });
    })
}
