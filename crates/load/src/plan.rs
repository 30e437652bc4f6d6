//! The plan of a run: what to send, and when.

use crate::retry::Retries;
use crate::schedule::{Shape, Until};
use probe::addresses::Addresses;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// What to send, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the server is; the first connection decides which address is used.
    pub addresses: Addresses,
    /// The requests as bytes, sent in turn; at least one.
    pub requests: Arc<[Vec<u8>]>,
    /// What the `Idempotency-Key` of each request begins with; its number follows, so a request that is sent again
    /// has the same key. `None`: requests have no keys.
    pub keys: Option<String>,
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
    /// Which requests are sent again, and how.
    pub retries: Retries,
    /// Whether the server is asked once a second how many requests wait in it, on a connection of its own.
    pub watch_queue: bool,
    /// How many of the requests are counted separately in [`LoadStats::acknowledged`](crate::LoadStats::acknowledged); 0 for none.
    pub distinct_requests: usize,
}

impl Plan {
    /// The bytes of the request with this number.
    pub(crate) fn request(&self, number: u64) -> Cow<'_, [u8]> {
        let request = &self.requests[(number % self.requests.len() as u64) as usize];
        let Some(keys) = &self.keys else { return request.into() };
        let start_line = request.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (start_line, rest) = request.split_at(start_line);
        let key = format!("Idempotency-Key: {keys}-{number}\r\n");
        [start_line, key.as_bytes(), rest].concat().into()
    }
}
