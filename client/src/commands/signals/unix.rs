//! The signals of Linux and macOS.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What asks a command to end: Ctrl-C, SIGTERM or a terminal that closes.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    disconnect: Signal,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            disconnect: signal(SignalKind::hangup())?,
        })
    }

    /// The number of the next one; may be dropped while it waits.
    pub(crate) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.disconnect.recv() => 1,
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}
