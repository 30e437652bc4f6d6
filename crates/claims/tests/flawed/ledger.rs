//! What the requests to a flawed server share.

use super::boundary::Entry;
use super::flaw::Flaw;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) balances: BTreeMap<String, i64>,
    /// The users of the events that are not done, in the order in which they were accepted.
    pub(super) not_done: VecDeque<String>,
    pub(super) accepted: usize,
    pub(super) rejected: usize,
    pub(super) processed: usize,
    pub(super) failed: usize,
}

impl Ledger {
    /// How many accepted events are not yet applied.
    pub(super) fn undone(&self) -> usize {
        self.accepted.saturating_sub(self.processed + self.failed)
    }

    /// The new balance, if it fits.
    pub(super) fn apply(&mut self, entry: &Entry, flaw: Flaw) -> Option<i64> {
        let nth = self.processed + 1;
        let amount = match flaw {
            Flaw::AppliesAtOnce => 0, // that happened when it was accepted
            Flaw::LosesEveryFifth if nth % 5 == 0 => 0,
            Flaw::LosesOneInAHundred if nth % 100 == 0 => 0,
            Flaw::CountsEveryFifthTwice if nth % 5 == 0 => 2 * entry.amount,
            _ => entry.amount,
        };
        let balance = self.balances.entry(entry.user.clone()).or_default();
        let sum = match flaw {
            Flaw::Wraps => Some(balance.wrapping_add(amount)),
            Flaw::Saturates => Some(balance.saturating_add(amount)),
            _ => balance.checked_add(amount),
        };
        match sum {
            Some(sum) => {
                *balance = sum;
                self.processed += 1;
            }
            None => {
                self.failed += 1;
                if flaw == Flaw::SaturatesWith422 {
                    *balance = balance.saturating_add(amount);
                }
            }
        }
        sum
    }
}

pub(super) fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().expect("no panic while it is held")
}
