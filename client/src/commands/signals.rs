//! What ends a command early.

#[cfg_attr(unix, path = "signals/unix.rs")]
#[cfg_attr(windows, path = "signals/windows.rs")]
mod system;

pub(super) use system::Signals;

use tokio_util::sync::CancellationToken;

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
