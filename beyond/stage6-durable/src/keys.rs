//! The memory of idempotency keys: it is what makes a retry count once.

use event::{Event, User};
use http1::{HeaderName, Request, Response, StatusCode};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

static KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A key belongs to its user: two users may choose the same one.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) user: User,
    pub(crate) text: String,
}

/// The text of a request's key, under which its event counts once; `None` if the event counts as
/// often as it arrives.
pub(crate) fn parse(request: &Request) -> Result<Option<String>, Response> {
    let printable = |key: &[u8]| key.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let mut keys = request.values(&KEY);
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if (1..=255).contains(&key.len()) && printable(key) => {
            Ok(Some(String::from_utf8_lossy(key).into()))
        }
        _ => {
            let detail = "send one Idempotency-Key, of 1 to 255 printable ASCII characters";
            Err(Response::problem(StatusCode::BAD_REQUEST, detail))
        }
    }
}

/// What is known of an event that comes with a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// The key is new, or so old that it was forgotten.
    New,
    /// An event with this key is on its way to the disk.
    Writing,
    /// This event is on the disk.
    Stored,
    /// An event with this key is on the disk, and it was another one.
    Different,
}

/// The keys of the events that are on the disk or on their way there.
#[derive(Default)]
pub(crate) struct Keys {
    /// The amount of the event, and whether that is on the disk.
    events: HashMap<Arc<Key>, (i64, bool)>,
    /// The keys of stored events by number, oldest first: they are forgotten in this order.
    stored: VecDeque<(u64, Arc<Key>)>,
}

impl Keys {
    pub(crate) fn look_up(&self, key: &Key, event: &Event) -> Known {
        match self.events.get(key) {
            None => Known::New,
            Some((_, false)) => Known::Writing,
            Some((amount, true)) if *amount == event.amount => Known::Stored,
            Some(_) => Known::Different,
        }
    }

    /// The event with this key is on its way to the disk.
    pub(crate) fn begin(&mut self, key: Arc<Key>, event: &Event) {
        self.events.insert(key, (event.amount, false));
    }

    /// The event with this key is on the disk, under this number.
    pub(crate) fn store(&mut self, key: Arc<Key>, event: &Event, number: u64) {
        self.events.insert(key.clone(), (event.amount, true));
        self.stored.push_back((number, key));
    }

    /// The event with this key was rejected: its key is as new.
    pub(crate) fn reject(&mut self, key: &Key) {
        self.events.remove(key);
    }

    /// Forgets the keys of all events up to this number.
    pub(crate) fn forget(&mut self, number: u64) {
        while self.stored.front().is_some_and(|(oldest, _)| *oldest <= number) {
            if let Some((_, key)) = self.stored.pop_front() {
                self.events.remove(&key);
            }
        }
    }
}
