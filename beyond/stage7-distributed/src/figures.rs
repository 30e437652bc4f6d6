//! What readers see: read from the cluster each time, so every front end says the same.

use crate::accounts::{Account, Accounts};
use crate::cluster::Result;
use crate::stream::Events;
use serde::Serialize;
use std::collections::BTreeMap;

/// The response to `GET /stats`. `accepted` is the sum of `queued`, `processed`, `failed` and
/// `repeated`, although no moment has these figures: events come and go while the cluster is read.
#[derive(Serialize)]
pub(crate) struct Stats {
    /// How many events have a place, those in hand included.
    pub(crate) capacity: u64,
    /// How many of these places the events of one user have: those of a partition.
    pub(crate) share: u64,
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

/// First the accounts, then the stream: what is applied in between counts as queued.
pub(crate) async fn stats(accounts: &Accounts, events: &Events) -> Result<Stats> {
    let accounts = accounts.all().await?;
    let stored = events.stored().await?;
    let sum = |figure: fn(&Account) -> u64| accounts.values().map(figure).sum();
    let (processed, failed, repeated) =
        (sum(|of| of.processed), sum(|of| of.failed), sum(|of| of.repeated));
    let (done, places) = (processed + failed + repeated, events.places());
    // what was stored in places that became free in between is left to the next reading
    let accepted = stored.min(done + places.all);
    Ok(Stats {
        capacity: places.all,
        share: places.of_a_partition,
        queued: accepted.saturating_sub(done),
        accepted,
        rejected: events.rejected(),
        processed,
        failed,
        repeated,
    })
}
