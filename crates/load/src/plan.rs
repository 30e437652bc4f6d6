//! What is to be sent.

use crate::schedule::{Shape, Until};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What to send, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub addr: SocketAddr,
    /// Requests as bytes, sent in due; one at least.
    pub requests: Arc<[Vec<u8>]>,
    /// They are HEAD requests.
    pub to_head: bool,
    /// How many connections send, 1 or more; never more than there are requests.
    pub connections: usize,
    /// When a request is due.
    pub shape: Shape,
    /// When it is enough.
    pub until: Until,
    /// How long a request may take, connecting included.
    pub timeout: Duration,
    /// Whether a connection is kept for the next request.
    pub keep_alive: bool,
    /// Whether what is refused is sent again, and how.
    pub retry: Option<Retry>,
    /// How many requests apart from each other are told apart in [`LoadStats::acknowledged`](crate::LoadStats::acknowledged); 0 without a need for it.
    pub distinct_requests: usize,
}

/// How a refused request is sent again.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Whether the wait is random beyond what it must be, so that those who were refused together do not come back
    /// together.
    pub jitter: bool,
    /// What the jitter begins with.
    pub seed: u64,
}
