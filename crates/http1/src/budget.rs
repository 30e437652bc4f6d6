//! A bound on what all bodies of a server hold together.

use crate::error::BadMessage;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes the bodies of all connections may hold together: those of requests while they are
/// received, and those of responses while they are sent.
///
/// A limit for each body bounds nothing, since a server does not choose how many there are: a
/// thousand of a mebibyte each are a gibibyte. A request beyond the budget gets 503, and so does
/// one whose response is beyond it; a response that is larger than the whole budget is sent if it
/// is the only one. Bodies that fit into one read of 16 KiB are not counted: they are complete at
/// once.
///
/// ```
/// use http1::{BodyBudget, ServerSession};
///
/// let budget = BodyBudget::new(64 * 1024);
/// let mut session = ServerSession::new().with_budget(&budget);
/// session.push(b"POST / HTTP/1.1\r\nHost: example\r\nContent-Length: 100000\r\n\r\n");
/// session.push(&[b'x'; 70_000]);
/// assert_eq!(session.decode().unwrap_err().status(), 503);
/// ```
#[derive(Clone, Debug)]
pub struct BodyBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    limit: usize,
    free: AtomicUsize,
}

/// The part of a budget that one body holds; returned when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl BodyBudget {
    /// A budget of which nothing is in use.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Budget { limit, free: AtomicUsize::new(limit) }))
    }

    /// The share of a body of which nothing has arrived.
    pub(crate) fn share(&self) -> Share {
        Share { budget: self.0.clone(), bytes: 0 }
    }

    /// The same body, as a part of the budget until it is dropped. `None` if that has no room.
    pub(crate) fn admit(&self, body: Bytes) -> Option<Bytes> {
        /// A body with its share.
        struct Counted(Bytes, #[expect(dead_code, reason = "returned when it is dropped")] Share);

        impl AsRef<[u8]> for Counted {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        // alone, a body may be larger than the budget
        let bytes = body.len().min(self.0.limit);
        let mut share = self.share();
        share.grow_to(bytes).ok()?;
        Some(Bytes::from_owner(Counted(body, share)))
    }
}

impl Share {
    /// Takes what is missing up to `bytes`.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), BadMessage> {
        let more = bytes.saturating_sub(self.bytes);
        let take = |free: usize| free.checked_sub(more);
        let taken = self.budget.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map_err(|_| BadMessage::OverBudget)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}
