//! Calculated latencies, to compare with the measured ones.

use super::bar::{Bar, BarKind};
use claims::QueueSample;
use std::collections::BTreeSet;
use std::time::Duration;

/// Requests that were due together and were served one at a time: the `k`th waits `k` times the
/// work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialService {
    /// What the requests were, such as `event`.
    pub what: &'static str,
    /// When the first of them was due, relative to the first request of the panel.
    pub began: Duration,
    /// How long the server works on one request: its `--work`.
    pub work: Duration,
    /// How many were served.
    pub served: u32,
    /// How many were still waiting when the client gave up.
    pub waiting: u32,
    /// The measured latency of the last one that was served.
    pub measured: Duration,
}

impl SerialService {
    /// The calculated latency of the `k`th request, counted from 1.
    pub fn wait(&self, k: u32) -> Duration {
        self.work.saturating_mul(k)
    }
}

/// Responses closer together than this are noise of a busy machine, not work. Requests that were
/// due within this time were due together.
const LEAST_GAP: Duration = Duration::from_millis(50);

/// Finds requests of one sort that were due together and served one at a time. Each one's work
/// started when the one before it was answered, so their bars are split there: into the wait for
/// the lock, and the work.
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
    // a client that is delayed sees one response late and the next one soon after it: up to a
    // quarter may be off
    let steps = gaps.iter().filter(|gap| **gap >= median / 2).count();
    if ends.len() < 3 || median < LEAST_GAP || steps * 4 < gaps.len() * 3 {
        return None;
    }
    let mut waiting = 0;
    for bar in bars.iter_mut() {
        if is_one(bar, BarKind::Served) {
            let before = ends.iter().rev().find(|end| **end < bar.ended).copied();
            bar.split(before.unwrap_or(began));
        } else if is_one(bar, BarKind::TimedOut) {
            bar.split(bar.ended); // one of them is in progress, but the client cannot know which
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

/// Little's law: requests in flight = throughput × time in the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LittlesLaw {
    /// How many requests fit in the queue.
    pub capacity: u64,
    /// How many requests were accepted, including the one that the worker is processing.
    pub accepted: u64,
    /// The greatest queue depth that `GET /stats` reported.
    pub deepest: u64,
    /// How long the server works on one request: its `--work`.
    pub work: Duration,
    /// When the first of them was accepted.
    pub began: Duration,
    /// When `GET /stats` reported all of them done, relative to `began`; `None` if the samples end
    /// before that.
    pub measured: Option<Duration>,
}

impl LittlesLaw {
    /// Of requests that were due together, if any were accepted.
    pub(super) fn of(bars: &[Bar], queue: &[QueueSample], work: Duration) -> Option<Self> {
        let accepted = || bars.iter().filter(|bar| bar.kind == BarKind::Accepted);
        let began = accepted().map(|bar| bar.ended).min()?;
        let (first, last) =
            (accepted().map(|bar| bar.began).min()?, accepted().map(|bar| bar.began).max()?);
        if last - first >= LEAST_GAP {
            return None; // they came one after the other: the queue may have been empty meanwhile
        }
        let accepted = accepted().count() as u64;
        let capacity = queue.last()?.capacity;
        let deepest = queue.iter().map(|depth| depth.queued).max()?;
        let emptied = queue.iter().find(|depth| depth.done >= accepted);
        let measured = emptied.map(|depth| depth.at.saturating_sub(began));
        Some(Self { capacity, accepted, deepest, work, began, measured })
    }

    /// The calculated time until the last one is done: the number in flight times the work.
    pub fn wait(&self) -> Duration {
        self.work.saturating_mul(self.accepted.try_into().unwrap_or(u32::MAX))
    }
}
