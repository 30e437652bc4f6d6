//! Input that a server must not accept as an event.

use crate::event::{JSON, event, fresh_user, post_event, post_json};
use crate::raw_connection::{PATIENCE, WORK};
use crate::trial::{Trial, instead};
use probe::http_client::{Failure, Outcome, ResponseClient};
use std::net::SocketAddr;

/// One kind of garbage, and the status that rejects it.
#[derive(Clone, Copy, Debug)]
pub struct Garbage {
    /// What is wrong with it.
    pub what: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its body.
    pub body: &'static [u8],
    /// The status of our stages; the claim accepts any 4xx.
    pub status: u16,
}

const fn garbage(
    what: &'static str,
    status: u16,
    content_type: &'static str,
    body: &'static [u8],
) -> Garbage {
    Garbage { what, content_type, body, status }
}

/// Twelve kinds, all of them well-formed HTTP.
pub const GARBAGE: [Garbage; 12] = [
    garbage("no body", 400, JSON, b""),
    garbage("not JSON", 400, JSON, b"hello"),
    garbage("truncated JSON", 400, JSON, br#"{"user": "alice", "amount""#),
    garbage("bytes after the JSON", 400, JSON, br#"{"user": "alice", "amount": 5} {}"#),
    garbage("not UTF-8", 400, JSON, b"{\"user\": \"al\xffice\", \"amount\": 5}"),
    garbage("an array", 422, JSON, br#"["alice", 5]"#),
    garbage("a missing field", 422, JSON, br#"{"user": "alice"}"#),
    garbage("an unknown field", 422, JSON, br#"{"user": "alice", "amount": 5, "admin": true}"#),
    garbage("a duplicate field", 422, JSON, br#"{"user": "alice", "amount": 5, "amount": -5}"#),
    garbage("a string for a number", 422, JSON, br#"{"user": "alice", "amount": "5"}"#),
    garbage(
        "a number too large",
        422,
        JSON,
        br#"{"user": "alice", "amount": 9223372036854775808}"#,
    ),
    garbage("another media type", 415, "text/plain", br#"{"user": "alice", "amount": 5}"#),
];

/// Sends every kind, over one connection if the server keeps it open; then a valid event on another.
pub(crate) async fn check_garbage(trial: &mut Trial) -> Result<String, String> {
    let (of, mut client) = (GARBAGE.len(), ResponseClient::new(trial.addr));
    let (mut accepted, mut unexpected) = (Vec::new(), Vec::new());
    for garbage in &GARBAGE {
        let request = post_event(trial.addr, garbage.content_type, garbage.body);
        match trial.call(garbage.what, &mut client, &request, PATIENCE).await.outcome {
            Outcome::Rejected(status) if status.is_client_error() => {}
            Outcome::Served(_) => accepted.push(garbage),
            silence @ (Outcome::TimedOut | Outcome::Failed(Failure::NotListening)) => {
                trial.by_hand = Some(curl(trial.addr, garbage.content_type, garbage.body));
                return Err(format!("{}: {}", garbage.what, instead(silence, PATIENCE)));
            }
            _ => unexpected.push(garbage),
        }
    }
    drop(client);
    trial.room_for(1).await;
    let event = event(&fresh_user(), 1);
    let request = post_json(trial.addr, &event);
    let normal = trial
        .call("valid event", &mut ResponseClient::new(trial.addr), &request, WORK)
        .await
        .outcome;
    // if all were accepted, the claim's command already shows one of them
    if let Some(first) = accepted.iter().chain(&unexpected).next().filter(|_| accepted.len() < of) {
        trial.by_hand = Some(curl(trial.addr, first.content_type, first.body));
    }
    match (accepted.len(), unexpected.len()) {
        (0, 0) => {}
        (0, others) => return Err(format!("rejected {} of {of}", of - others)),
        (accepted, _) => return Err(format!("accepted {accepted} of {of}")),
    }
    match normal {
        Outcome::Served(_) => Ok(format!("rejected {of} of {of}, accepted a valid event")),
        Outcome::Shed(_) => {
            Ok(format!("rejected {of} of {of}, and a valid event got 503 with Retry-After"))
        }
        outcome => {
            trial.by_hand = Some(curl(trial.addr, JSON, event.as_bytes()));
            Err(format!(
                "rejected {of} of {of}, but also a valid event: {}",
                instead(outcome, WORK)
            ))
        }
    }
}

/// The command that posts `body`, which has no single quote, as an event.
pub(crate) fn curl(addr: SocketAddr, content_type: &str, body: &[u8]) -> String {
    let body = match std::str::from_utf8(body) {
        Ok(text) => format!("'{text}'"),
        Err(_) => format!("$'{}'", body.escape_ascii()),
    };
    format!("curl -i -d {body} -H 'content-type: {content_type}' http://{addr}/events")
}
