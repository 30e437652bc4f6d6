//! What ends a command early.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

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

/// Ends with the first of them; a second one ends the process at once, with all that it has
/// started.
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut signals = Signals::new()?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    // a task, so that the second one is heard whatever this command waits for
    tokio::spawn(async move {
        signals.next().await;
        stop.cancel();
        exit_now(128 + signals.next().await)
    });
    Ok(async move { stopped.cancelled().await })
}

/// Ends the process and all that it has started, and leaves no half-written file.
fn exit_now(code: i32) -> ! {
    let _complete = client::output::wait_until_complete();
    probe::children::end_all();
    std::process::exit(code)
}
