//! The plan of a run: what to send, and when.

use crate::schedule::{Shape, Until};
use probe::addresses::Addresses;
use std::sync::Arc;
use std::time::Duration;

/// What to send, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the server is; the first connection decides which address is used.
    pub addresses: Addresses,
    /// The requests as bytes, sent in turn; at least one.
    pub requests: Arc<[Vec<u8>]>,
    /// Whether they are HEAD requests, whose responses have no body.
    pub to_head: bool,
    /// How many connections send, 1 or more; never more than there are requests.
    pub connections: usize,
    /// When a request is due.
    pub shape: Shape,
    /// When the run ends.
    pub until: Until,
    /// How long a request may take, connecting included.
    pub timeout: Duration,
    /// Whether a connection is kept for the next request.
    pub keep_alive: bool,
    /// Whether a request that gets 503 is sent again, and how.
    pub retry: Option<Retry>,
    /// How many of the requests are counted separately in [`LoadStats::acknowledged`](crate::LoadStats::acknowledged); 0 for none.
    pub distinct_requests: usize,
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
