//! The signals that ask a server to stop: SIGINT (Ctrl-C), SIGTERM, and SIGHUP (a closed terminal).

use std::future::poll_fn;
use std::process::{Command, exit};
use std::task::Poll;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// How long signals count with the first: some senders send SIGTERM and SIGHUP at once.
const ONE_INSTANT: Duration = Duration::from_millis(100);

/// Returns a token that the first SIGINT, SIGTERM or SIGHUP cancels. A second signal, sent more
/// than a tenth of a second later, ends the process at once, with exit code 128 + the signal's
/// number.
///
/// A signal that was ignored when the process started stays ignored: SIGHUP under `nohup`, SIGINT
/// in the background of a script. (To find out needs `sh`.)
///
/// # Errors
/// The system does not let this process wait for signals.
pub fn stop_signal() -> anyhow::Result<CancellationToken> {
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
    let mut next = async move || {
        poll_fn(|context| {
            let number = signals.iter_mut().find_map(|(number, signal)| {
                signal.poll_recv(context).is_ready().then_some(*number)
            });
            number.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    };
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        next().await;
        cancelled.cancel();
        info!("stopping: every promise is kept; a second signal ends the process at once");
        let same_instant = async {
            loop {
                next().await;
            }
        };
        let _ = timeout(ONE_INSTANT, same_instant).await;
        exit(128 + next().await)
    });
    Ok(stop)
}

/// Whether a signal has been ignored since before this process started. Only unsafe code can ask
/// the system. But a child inherits it, so one sends the signal to itself, and survives if it is
/// ignored.
fn is_ignored(name: &str) -> bool {
    let child = Command::new("sh").args(["-c", &format!("kill -{name} $$")]).status();
    child.is_ok_and(|status| status.success())
}
