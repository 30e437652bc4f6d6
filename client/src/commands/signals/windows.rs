//! The events of a Windows console, by the numbers of the signals that mean the same.

use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

/// What asks a command to end: Ctrl-C, Ctrl-Break or a console that closes.
pub(crate) struct Signals {
    interrupt: CtrlC,
    stop: CtrlBreak,
    disconnect: CtrlClose,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { interrupt: ctrl_c()?, stop: ctrl_break()?, disconnect: ctrl_close()? })
    }

    /// The number of the next one; may be dropped while it waits.
    pub(crate) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.disconnect.recv() => 1,
            _ = self.interrupt.recv() => 2,
            _ = self.stop.recv() => 2,
        }
    }
}
