//! The signals that ask a server to stop: SIGINT (Ctrl-C), SIGTERM, and SIGHUP (a closed terminal);
//! on Windows Ctrl-C, Ctrl-Break, and a closed console.

#[cfg_attr(unix, path = "signals/unix.rs")]
#[cfg_attr(windows, path = "signals/windows.rs")]
mod system;

use std::process::exit;
use std::time::Duration;
use system::Signals;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// How long signals count with the first: some senders send SIGTERM and SIGHUP at once.
const ONE_INSTANT: Duration = Duration::from_millis(100);

/// Returns a token that the first SIGINT, SIGTERM or SIGHUP cancels. A second signal, sent more
/// than a tenth of a second later, ends the process at once, with exit code 128 + the signal's
/// number. On Windows, Ctrl-C and Ctrl-Break count as SIGINT, a closed console as SIGHUP, and the
/// end of the session as SIGTERM.
///
/// A signal that was ignored when the process started stays ignored: SIGHUP under `nohup`, SIGINT
/// in the background of a script. (To find out needs `sh`.)
///
/// # Errors
/// The system does not let this process wait for signals.
pub fn stop_signal() -> anyhow::Result<CancellationToken> {
    let mut signals = Signals::new()?;
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        cancelled.cancel();
        info!("stopping: every promise is kept; a second signal ends the process at once");
        let same_instant = async {
            loop {
                signals.next().await;
            }
        };
        let _ = timeout(ONE_INSTANT, same_instant).await;
        exit(128 + signals.next().await)
    });
    Ok(stop)
}
