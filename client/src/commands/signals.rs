//! What ends a command early.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What asks a command to end: Ctrl-C, SIGTERM or a terminal that closes.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    disconnect: Signal,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            disconnect: signal(SignalKind::hangup())?,
        })
    }

    /// The number of the next one; may be dropped while it waits.
    pub(super) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.disconnect.recv() => 1,
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}

/// Ends with the first of them; a second one ends the process at once.
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut signals = Signals::new()?;
    Ok(async move {
        signals.next().await;
        tokio::spawn(async move { std::process::exit(128 + signals.next().await) });
    })
}
