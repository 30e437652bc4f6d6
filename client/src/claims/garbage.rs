//! What no server should take for an event.

use super::{Trial, post_event};
use crate::caller::{Caller, Failure, Outcome};
use std::time::Duration;

/// One kind of garbage, and how it is to be refused.
#[derive(Clone, Copy, Debug)]
pub struct Garbage {
    /// What is wrong with it.
    pub what: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its body.
    pub body: &'static [u8],
    /// The status that the contract wants; a claim takes any 4xx, from servers that have another contract.
    pub status: u16,
}

const JSON: &str = "application/json";

const fn garbage(what: &'static str, status: u16, content_type: &'static str, body: &'static [u8]) -> Garbage {
    Garbage { what, content_type, body, status }
}

/// Twelve kinds: well-formed HTTP, every one.
pub const GARBAGE: [Garbage; 12] = [
    garbage("no body", 400, JSON, b""),
    garbage("no JSON", 400, JSON, b"hello"),
    garbage("JSON cut short", 400, JSON, br#"{"user": "alice", "amount""#),
    garbage("bytes after the JSON", 400, JSON, br#"{"user": "alice", "amount": 5} {}"#),
    garbage("not UTF-8", 400, JSON, b"{\"user\": \"al\xffice\", \"amount\": 5}"),
    garbage("an array", 422, JSON, br#"["alice", 5]"#),
    garbage("a field missing", 422, JSON, br#"{"user": "alice"}"#),
    garbage("an unknown field", 422, JSON, br#"{"user": "alice", "amount": 5, "admin": true}"#),
    garbage("a field twice", 422, JSON, br#"{"user": "alice", "amount": 5, "amount": -5}"#),
    garbage("a text for a number", 422, JSON, br#"{"user": "alice", "amount": "5"}"#),
    garbage("a number too large", 422, JSON, br#"{"user": "alice", "amount": 9223372036854775808}"#),
    garbage("another media type", 415, "text/plain", br#"{"user": "alice", "amount": 5}"#),
];

/// Every kind after another, over one connection if the server keeps it, and an honest request at the end.
pub(super) async fn is_refused(trial: &mut Trial) -> Result<String, String> {
    let patience = Duration::from_secs(2);
    let mut caller = Caller::new(trial.addr);
    let (mut refused, mut taken) = (0, 0);
    for garbage in &GARBAGE {
        let request = post_event(trial.addr, garbage.content_type, garbage.body);
        match trial.call(garbage.what, &mut caller, &request, patience).await.outcome {
            Outcome::Rejected(status) if status.is_client_error() => refused += 1,
            Outcome::Served(_) => taken += 1,
            Outcome::Failed(failure @ Failure::NobodyThere) => return Err(failure.to_string()),
            _ => {}
        }
    }
    drop(caller);
    let of = GARBAGE.len();
    if !trial.probe(patience).await.outcome.is_answer() {
        return Err(format!("{refused} of {of} refused, then no answer"));
    }
    match (refused, taken) {
        (refused, _) if refused == of => Ok(format!("{of} of {of} refused")),
        (_, 0) => Err(format!("{refused} of {of} refused")),
        (_, taken) => Err(format!("{taken} of {of} taken as fine")),
    }
}
