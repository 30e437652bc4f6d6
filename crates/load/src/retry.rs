//! Which requests are sent again, when, and how many of them in a run.

use probe::http_client::Outcome;
use std::time::Duration;

/// What is sent again; nothing by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retries {
    /// How a request that got 503 is sent again, until it gets something else or the run is over.
    pub shed: Option<Retry>,
    /// How often a request that timed out is sent again: at once, or after the back-off of `shed`.
    pub timed_out: u32,
    /// What all retries of the run share; without it they are not limited.
    pub budget: Option<RetryBudget>,
}

/// How a request that got 503 is sent again.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Whether the wait has a random part, so that requests that were rejected together do not come back
    /// together.
    pub jitter: bool,
    /// The seed of the jitter.
    pub seed: u64,
}

/// A token bucket: a retry takes one token, and is not sent when there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryBudget {
    /// The tokens at the beginning, and the most there can be.
    pub tokens: f64,
    /// How much of a token each served request adds.
    pub per_success: f64,
}

/// The tokens that are left.
#[derive(Debug)]
pub(crate) struct Bucket {
    budget: RetryBudget,
    left: f64,
}

impl Bucket {
    pub(crate) fn new(budget: RetryBudget) -> Self {
        Self { budget, left: budget.tokens }
    }

    /// A request was served.
    pub(crate) fn earn(&mut self) {
        self.left = (self.left + self.budget.per_success).min(self.budget.tokens);
    }

    /// Whether there is a token, which is then gone.
    pub(crate) fn spend(&mut self) -> bool {
        let has = self.left >= 1.0 - 1e-9; // ten tenths are one
        if has {
            self.left -= 1.0;
        }
        has
    }
}

/// What was sent again, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resent {
    /// Attempts that got 503.
    pub shed: u64,
    /// Attempts that timed out.
    pub timed_out: u64,
    /// Attempts that would have been sent again, and were not, since the budget was used up.
    pub denied: u64,
}

/// How many come back within one tenth of a second.
#[derive(Debug, Default)]
pub(crate) struct RetryBurst {
    tenth: u128,
    now: u64,
    most: u64,
}

impl RetryBurst {
    /// One more, so long after the beginning.
    pub(crate) fn comes(&mut self, at: Duration) {
        let tenth = at.as_millis() / 100;
        self.now = if tenth == self.tenth { self.now + 1 } else { 1 };
        self.tenth = tenth;
        self.most = self.most.max(self.now);
    }

    /// The most that came back within one.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }
}

/// One request's attempts so far.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    resent: u32,
    /// How many of them timed out, so that each may have been applied.
    pub(crate) timed_out: u32,
}

impl Attempts {
    /// How long until the request is sent again after this outcome; `None` if it is not.
    pub(crate) fn wait(
        &self,
        retries: &Retries,
        outcome: Outcome,
        jitter: Option<&mut fastrand::Rng>,
    ) -> Option<Duration> {
        match (outcome, retries.shed) {
            (Outcome::Shed(earliest), Some(retry)) => {
                Some(back_off(retry, self.resent, earliest, jitter))
            }
            (Outcome::TimedOut, retry) if self.timed_out < retries.timed_out => Some(
                retry.map_or(Duration::ZERO, |retry| back_off(retry, self.resent, None, jitter)),
            ),
            _ => None,
        }
    }

    /// The request is sent again after this outcome.
    pub(crate) fn again(&mut self, outcome: Outcome) {
        self.resent += 1;
        self.timed_out += u32::from(outcome == Outcome::TimedOut);
    }
}

/// Twice as long each time, not before its `Retry-After`, and with as much again at random.
fn back_off(
    retry: Retry,
    resent: u32,
    earliest: Option<u64>,
    jitter: Option<&mut fastrand::Rng>,
) -> Duration {
    const LONGEST: Duration = Duration::from_secs(10);
    let back_off = Duration::from_millis(100).saturating_mul(1 << resent.min(10)).min(LONGEST);
    // ten years are after the end of every run, and within the range of the clock
    let told = Duration::from_secs(earliest.unwrap_or(0).min(10 * 365 * 24 * 3600));
    let least = back_off.max(told);
    match jitter {
        Some(random) if retry.jitter => least + least.mul_f64(random.f64()),
        _ => least,
    }
}
