//! What the arithmetic says of a trial, beside what was measured.

use super::bar::{Bar, BarKind};
use claims::Depth;
use std::collections::BTreeSet;
use std::time::Duration;

/// Requests that were due together and were served one by one: the `k`th after `k` times the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialService {
    /// What they were.
    pub what: &'static str,
    /// When the first of them was due.
    pub began: Duration,
    /// What one takes, as the server was told.
    pub work: Duration,
    /// How many were served.
    pub served: u32,
    /// How many waited still when the client had enough.
    pub waiting: u32,
    /// How long the last of the served waited.
    pub measured: Duration,
}

impl SerialService {
    /// How long the `k`th waits, counted from 1.
    pub fn wait(&self, k: u32) -> Duration {
        self.work.saturating_mul(k)
    }
}

/// A gap shorter than that is no work, only a busy machine; and what was due within it was due together.
const LEAST_GAP: Duration = Duration::from_millis(50);

/// If the requests of one kind that were due together were served one by one, so that each one's work began when the
/// one before it was answered, their bars are split there: into the wait for the lock and the work.
pub(super) fn find_serial_service(bars: &mut [Bar], work: Duration) -> Option<SerialService> {
    let kinds: BTreeSet<_> = bars.iter().map(|bar| bar.what).collect();
    kinds.into_iter().find_map(|what| serial_service_of(bars, what, work))
}

fn serial_service_of(
    bars: &mut [Bar],
    what: &'static str,
    work: Duration,
) -> Option<SerialService> {
    let began = bars.iter().filter(|bar| bar.what == what).map(|bar| bar.began).min()?;
    let is_one =
        |bar: &Bar, kind| bar.what == what && bar.kind == kind && bar.began < began + LEAST_GAP;
    let mut ends: Vec<_> =
        bars.iter().filter(|bar| is_one(bar, BarKind::Served)).map(|bar| bar.ended).collect();
    ends.sort();
    let mut gaps: Vec<_> =
        std::iter::once(&began).chain(&ends).zip(&ends).map(|(from, to)| *to - *from).collect();
    gaps.sort();
    let median = *gaps.get(gaps.len() / 2)?;
    // a client that was held up sees one answer late and the next one soon after it: a quarter may be off
    let steps = gaps.iter().filter(|gap| **gap >= median / 2).count();
    if ends.len() < 3 || median < LEAST_GAP || steps * 4 < gaps.len() * 3 {
        return None;
    }
    let mut waiting = 0;
    for bar in bars.iter_mut() {
        if is_one(bar, BarKind::Served) {
            let before = ends.iter().rev().find(|end| **end < bar.ended).copied();
            bar.split(before.unwrap_or(began));
        } else if is_one(bar, BarKind::NoResponse) {
            bar.split(bar.ended); // one of them is being worked on, and nobody can see which
            waiting += 1;
        }
    }
    Some(SerialService {
        what,
        began,
        work,
        served: ends.len() as u32,
        waiting,
        measured: *ends.last()? - began,
    })
}

/// Little's law: what is inside = how many are done in a second × how long each is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LittlesLaw {
    /// How many may wait.
    pub capacity: u64,
    /// How many were taken, with the one in the worker's hand.
    pub accepted: u64,
    /// The most that was seen waiting.
    pub deepest: u64,
    /// What one takes, as the server was told.
    pub work: Duration,
    /// When the first of them was taken.
    pub began: Duration,
    /// When the server said that all of them were done, counted from `began`; `None` if nobody looked for so long.
    pub measured: Option<Duration>,
}

impl LittlesLaw {
    pub(super) fn of(bars: &[Bar], queue: &[Depth], work: Duration) -> Option<Self> {
        let began =
            bars.iter().filter(|bar| bar.kind == BarKind::Accepted).map(|bar| bar.ended).min()?;
        let accepted = bars.iter().filter(|bar| bar.kind == BarKind::Accepted).count() as u64;
        let capacity = queue.last()?.capacity;
        let deepest = queue.iter().map(|depth| depth.queued).max()?;
        let emptied = queue.iter().find(|depth| depth.done >= accepted);
        let measured = emptied.map(|depth| depth.at.saturating_sub(began));
        Some(Self { capacity, accepted, deepest, work, began, measured })
    }

    /// How long the last one is inside: as many times the work as are inside.
    pub fn wait(&self) -> Duration {
        self.work.saturating_mul(self.accepted.try_into().unwrap_or(u32::MAX))
    }
}
