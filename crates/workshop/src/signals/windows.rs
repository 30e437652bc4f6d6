//! The events of a Windows console, by the numbers of the signals that mean the same.

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

/// What asks a process to end: Ctrl-C, Ctrl-Break, a closed console, or a shutdown.
pub(super) struct Signals {
    interrupt: CtrlC,
    stop: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Signals {
    /// From now on none of them ends the process by itself. After a closed console or a shutdown,
    /// Windows ends it some seconds later.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            stop: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// The number of the next one; may be dropped while it waits.
    pub(super) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.close.recv() => 1,
            _ = self.interrupt.recv() => 2,
            _ = self.stop.recv() => 2,
            _ = self.shutdown.recv() => 15,
        }
    }
}
