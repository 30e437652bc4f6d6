//! What a server owes for the events that it accepted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The balances of this check's users after all events that the server accepted, claim after claim. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Books(Arc<Mutex<Accounts>>);

#[derive(Debug, Default)]
struct Accounts {
    /// The sum for each user; `None` once an event of that user may or may not have been accepted.
    sums: BTreeMap<String, Option<i64>>,
    events: usize,
}

impl Books {
    /// Enters an event that was accepted.
    pub(crate) fn accepted(&self, user: &str, amount: i64) {
        let mut accounts = self.lock();
        accounts.events += 1;
        let sum = accounts.sums.entry(user.to_owned()).or_insert(Some(0));
        *sum = sum.and_then(|sum| sum.checked_add(amount));
    }

    /// Enters an event without a response.
    pub(crate) fn uncertain(&self, user: &str) {
        self.lock().sums.insert(user.to_owned(), None);
    }

    /// How many accepted events were entered.
    pub(crate) fn events(&self) -> usize {
        self.lock().events
    }

    /// The users whose balance is known, and that balance.
    pub(crate) fn sums(&self) -> Vec<(String, i64)> {
        let accounts = self.lock();
        accounts.sums.iter().filter_map(|(user, sum)| Some((user.clone(), (*sum)?))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
