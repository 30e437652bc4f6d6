//! What attacks a server at the moment, bounded in count.

use super::lock;
use anyhow::bail;
use probe::hold::Misbehaviour;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

/// How many attacks may run on one server at a time.
const MOST: usize = 32;

/// The highest rate of a steady load, in requests per second.
pub(super) const FASTEST: u32 = 100;

/// An attack on one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// A connection that misbehaves.
    Hold(Misbehaviour),
    /// Twelve kinds of input that is not an event.
    Garbage,
    /// So many events at once.
    Burst(usize),
    /// Events at the rate of the server, until that is 0.
    Steady,
}

/// The attacks on one server, and the rate of its steady load.
#[derive(Default)]
pub(super) struct Running {
    /// What ends these attacks.
    attacks: Mutex<(CancellationToken, Vec<Attack>)>,
    rate: AtomicU32,
}

impl Running {
    /// An attack begins; what ends it. `None` if it is a steady load and one runs already, which
    /// goes on at the rate of now.
    ///
    /// # Errors
    /// There are enough.
    pub(super) fn begin(&self, attack: Attack) -> anyhow::Result<Option<CancellationToken>> {
        let mut attacks = self.lock();
        let (stop, running) = &mut *attacks;
        if attack == Attack::Steady && running.contains(&attack) {
            return Ok(None);
        }
        if running.len() == MOST {
            bail!("{MOST} attacks on it are running; stop them first");
        }
        running.push(attack);
        Ok(Some(stop.clone()))
    }

    /// An attack that [`Self::begin`] has given this is over.
    pub(super) fn end(&self, attack: Attack, stop: &CancellationToken) {
        let mut attacks = self.lock();
        if stop.is_cancelled() {
            return; // the list is that of later attacks
        }
        if let Some(place) = attacks.1.iter().position(|one| *one == attack) {
            attacks.1.swap_remove(place);
        }
        if attack == Attack::Steady {
            self.set_rate(0);
        }
    }

    /// Ends all of them, with their requests in flight.
    pub(super) fn stop(&self) {
        self.set_rate(0);
        std::mem::take(&mut *self.lock()).0.cancel();
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().1.len()
    }

    pub(super) fn rate(&self) -> u32 {
        self.rate.load(Ordering::Relaxed)
    }

    pub(super) fn set_rate(&self, rate: u32) {
        self.rate.store(rate.min(FASTEST), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, (CancellationToken, Vec<Attack>)> {
        lock(&self.attacks)
    }
}
