//! What readers see: read from the cluster each time, so every front end says the same.

use crate::Bank;
use crate::accounts::{Account, Accounts};
use crate::stream::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

/// The response to `GET /stats`. Once nothing is queued, `accepted` is the sum of `processed`,
/// `failed` and `repeated`; before, the figures are of moments that follow each other.
#[derive(Serialize)]
pub(crate) struct Stats {
    pub(crate) capacity: u64,
    /// Events that are not applied yet, those in hand included.
    pub(crate) queued: u64,
    pub(crate) accepted: u64,
    /// By this front end, since its start: a write for each would make an overload worse.
    pub(crate) rejected: u64,
    pub(crate) processed: u64,
    pub(crate) failed: u64,
    /// Events that were stored a second time under their key. They change nothing.
    pub(crate) repeated: u64,
}

/// What the workers have applied so far.
pub(crate) async fn balances(accounts: &Accounts) -> Result<BTreeMap<String, i64>> {
    let accounts = accounts.all().await?;
    Ok(accounts.into_iter().map(|(user, account)| (user, account.balance)).collect())
}

/// First the accounts, then the stream: what is applied in between is not yet counted as such.
pub(crate) async fn stats(bank: &Bank) -> Result<Stats> {
    let accounts = bank.accounts.all().await?;
    let level = bank.events.level().await?;
    let sum = |figure: fn(&Account) -> u64| accounts.values().map(figure).sum();
    Ok(Stats {
        capacity: level.capacity,
        queued: level.queued,
        accepted: level.accepted,
        rejected: bank.rejected.load(Relaxed),
        processed: sum(|account| account.processed),
        failed: sum(|account| account.failed),
        repeated: sum(|account| account.repeated),
    })
}
