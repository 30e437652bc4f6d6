//! Ctrl-C and its kin.

use std::process::exit;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tracing::info;

/// From this call on, the first SIGINT or SIGTERM ends the future that it returns, and a second one ends the
/// process at once, with 128 + the signal's number as its exit code.
///
/// # Errors
/// What the system says if it does not let us wait for signals.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
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

/// A word that is said once and reaches everyone: those who wait for it, and those who ask later.
///
/// Each connection of a server waits for it, all the time. So it is what takes the least room in their futures: a
/// semaphore that never has a permit, which they wait for until it is closed.
#[derive(Debug)]
pub struct Stop(Semaphore);

impl Default for Stop {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Stop {
    /// Says it.
    pub fn tell(&self) {
        self.0.close();
    }

    /// Whether it was said.
    pub fn is_told(&self) -> bool {
        self.0.is_closed()
    }

    /// Ends when it is said.
    pub async fn told(&self) {
        let _ = self.0.acquire().await;
    }
}
