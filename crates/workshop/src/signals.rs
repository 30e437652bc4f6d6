//! SIGINT, which Ctrl-C sends, and SIGTERM.

use std::process::exit;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Returns a token that the first SIGINT or SIGTERM cancels. A second signal, sent after the first
/// was handled, ends the process at once, with exit code 128 + the signal's number.
///
/// # Errors
/// The system does not let this process wait for signals.
pub fn stop_signal() -> anyhow::Result<CancellationToken> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut next = async move || {
        tokio::select! {
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        }
    };
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        next().await;
        cancelled.cancel();
        info!("stopping: every accepted event is applied first; a second signal ends it at once");
        exit(128 + next().await)
    });
    Ok(stop)
}
