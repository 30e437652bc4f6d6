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
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
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

#[cfg(test)]
mod tests {
    use super::Stop;
    use std::sync::Arc;
    use tokio::task::yield_now;

    #[tokio::test]
    async fn the_word_to_stop_reaches_those_who_wait_and_those_who_ask_later() {
        let stop = Arc::new(Stop::default());
        let waiting =
            [stop.clone(), stop.clone()].map(|stop| tokio::spawn(async move { stop.told().await }));
        yield_now().await;
        assert!(!stop.is_told() && waiting.iter().all(|waiting| !waiting.is_finished()));
        tokio::select! {
            biased;
            () = stop.told() => panic!("nobody has said it"),
            () = yield_now() => {} // who leaves is forgotten
        }
        stop.tell();
        stop.tell(); // which is the same
        for waiting in waiting {
            waiting.await.expect("it does not panic");
        }
        stop.told().await;
        assert!(stop.is_told());
    }
}
