//! The figures of a server's queue, `GET /stats`.

use crate::raw_connection::PATIENCE;
use crate::trial::{Trial, instead};
use http1::StatusCode;
use probe::http_client::{ResponseClient, get};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a queue may take to become empty.
pub(crate) const EMPTY: Duration = Duration::from_secs(15);

/// The response to `GET /stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct StatsResponse {
    pub(crate) capacity: u64,
    pub(crate) queued: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) processed: u64,
    pub(crate) failed: u64,
    /// Events that were stored a second time under their key, and change nothing: stage 7 counts them.
    #[serde(default)]
    pub(crate) repeated: u64,
    /// How many of the places the events of one user have, if these are not all.
    #[serde(default)]
    pub(crate) share: Option<u64>,
}

impl StatsResponse {
    /// How many accepted events are done.
    pub(crate) fn done(&self) -> u64 {
        self.processed.saturating_add(self.failed).saturating_add(self.repeated)
    }

    /// How many events an empty queue accepts at least, also if all are of one user.
    pub(crate) fn least(&self) -> u64 {
        self.share.map_or(self.capacity, |share| share.min(self.capacity))
    }

    /// What is inconsistent in it, by itself or compared with an earlier one.
    pub(crate) fn contradiction(&self, earlier: &Self) -> Option<String> {
        let Self { capacity, queued, accepted, .. } = *self;
        let in_hand =
            accepted.checked_sub(self.done()).and_then(|undone| undone.checked_sub(queued));
        let went_back = accepted < earlier.accepted
            || self.done() < earlier.done()
            || self.rejected < earlier.rejected;
        if queued > capacity {
            Some(format!("{queued} queued, capacity {capacity}"))
        } else if !matches!(in_hand, Some(0 | 1)) {
            Some(format!("{accepted} accepted, but {queued} queued and {} done", self.done()))
        } else {
            went_back.then(|| "a count decreased".into())
        }
    }
}

/// Why there are no figures.
pub(crate) enum NoStats {
    /// The server has none: nothing can be said about its queue.
    Missing(String),
    /// There was no response, or an error.
    Failed(String),
}

impl NoStats {
    /// The figure of the claim; without figures the verdict is unknown.
    pub(crate) fn explain(self, trial: &mut Trial) -> String {
        match self {
            Self::Missing(what) => trial.cannot_tell(what),
            Self::Failed(what) => what,
        }
    }
}

/// The figures at this moment.
pub(crate) async fn queue_stats(
    client: &mut ResponseClient,
    addr: SocketAddr,
) -> Result<StatsResponse, NoStats> {
    let call = client.call(&get(addr, "/stats"), false, Instant::now() + PATIENCE).await;
    let Some(response) = call.response else {
        return Err(NoStats::Failed(format!("{} to GET /stats", instead(call.outcome, PATIENCE))));
    };
    match response.status() {
        StatusCode::OK => serde_json::from_slice(response.body())
            .map_err(|_| NoStats::Missing("GET /stats returns no figures of a queue".into())),
        status if status.is_server_error() => {
            Err(NoStats::Failed(format!("GET /stats returns {}", status.as_u16())))
        }
        status => Err(NoStats::Missing(format!("GET /stats returns {}", status.as_u16()))),
    }
}

impl Trial {
    /// The figures at this moment, if the server has any; not recorded.
    pub(crate) async fn stats(&self) -> Option<StatsResponse> {
        queue_stats(&mut ResponseClient::new(self.addr), self.addr).await.ok()
    }

    /// Waits until so many events fit into the queue, if the server has one, or until it is empty; but no longer than
    /// [`EMPTY`].
    pub(crate) async fn room_for(&self, events: u64) {
        let end = Instant::now() + EMPTY;
        while Instant::now() < end {
            match self.stats().await {
                Some(stats)
                    if stats.queued > 0 && stats.queued.saturating_add(events) > stats.least() => {}
                _ => break,
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The figures of the queue once no work is left; `None` if the server has no figures, or is still busy after
    /// [`EMPTY`].
    pub(crate) async fn settled(&self) -> Option<StatsResponse> {
        let end = Instant::now() + EMPTY;
        while Instant::now() < end {
            let stats = self.stats().await?;
            if stats.accepted == stats.done() {
                return Some(stats);
            }
            sleep(Duration::from_millis(50)).await;
        }
        None
    }
}
