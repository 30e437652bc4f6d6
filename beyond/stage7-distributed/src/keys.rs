//! The idempotency key of a request: with it, a retry counts once.

use http1::{HeaderName, Request, Response, StatusCode};

static KEY: HeaderName = HeaderName::from_static("idempotency-key");

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
    /// This event is stored.
    Stored,
    /// An event with this key is stored, and it was another one.
    Different,
}

impl Known {
    /// Of an event whose key the engine knows: if its account has forgotten that key, it is unknown
    /// what the key came with, and no promise is made.
    pub(crate) fn or_forgotten(self) -> Self {
        if self == Self::New { Self::Different } else { self }
    }
}
