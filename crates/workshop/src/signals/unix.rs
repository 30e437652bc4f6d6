//! The signals of Linux and macOS.

use std::future::poll_fn;
use std::process::Command;
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Those of the signals that were not ignored when this process started, each with its number.
pub(super) struct Signals(Vec<(i32, Signal)>);

impl Signals {
    /// From now on none of them ends the process by itself.
    pub(super) fn new() -> anyhow::Result<Self> {
        let mut signals = Vec::new();
        for (name, kind) in [
            ("INT", SignalKind::interrupt()),
            ("TERM", SignalKind::terminate()),
            ("HUP", SignalKind::hangup()),
        ] {
            if !is_ignored(name) {
                signals.push((kind.as_raw_value(), signal(kind)?));
            }
        }
        Ok(Self(signals))
    }

    /// The number of the next one; may be dropped while it waits.
    pub(super) async fn next(&mut self) -> i32 {
        poll_fn(|context| {
            let number = self.0.iter_mut().find_map(|(number, signal)| {
                signal.poll_recv(context).is_ready().then_some(*number)
            });
            number.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Whether a signal has been ignored since before this process started. Only unsafe code can ask
/// the system. But a child inherits it, so one sends the signal to itself, and survives if it is
/// ignored.
fn is_ignored(name: &str) -> bool {
    let child = Command::new("sh").args(["-c", &format!("kill -{name} $$")]).status();
    child.is_ok_and(|status| status.success())
}
