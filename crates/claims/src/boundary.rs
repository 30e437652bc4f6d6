//! Which events a server accepts, and how it rejects the others.

use crate::event::{fresh_user, post_event, post_json};
use crate::garbage::GARBAGE;
use crate::raw_connection::{PATIENCE, WORK};
use crate::trial::{Trial, all_of, instead};
use probe::http_client::{Outcome, ResponseClient};
use serde_json::{Value, json};

/// The status that rejects JSON that is not an event.
const NOT_AN_EVENT: u16 = 422;

/// Sends every kind of garbage and compares the statuses.
pub(crate) async fn check_statuses(trial: &mut Trial) -> Result<String, String> {
    let mut cases = Cases::new(trial);
    for garbage in &GARBAGE {
        let request = post_event(cases.trial.addr, garbage.content_type, garbage.body);
        cases.reject(garbage.what, &request, garbage.status).await?;
    }
    cases.figure("have the right status")
}

/// Sends users at and beyond the limits.
pub(crate) async fn check_users(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(2).await;
    let addr = trial.addr;
    let mut cases = Cases::new(trial);
    let event = |user: &str| format!(r#"{{"user": "{user}", "amount": 0}}"#);
    for (what, user) in [
        ("an empty user", String::new()),
        ("65 characters", "u".repeat(65)),
        ("100 characters", "u".repeat(100)),
        ("a line feed", "check\\nuser".into()),
        ("NUL", "check\\u0000user".into()),
        ("the control character U+0085", "check\\u0085user".into()),
    ] {
        cases.reject(what, &post_json(addr, &event(&user)), NOT_AN_EVENT).await?;
    }
    let sixty_four = fresh_user() + &"é".repeat(42);
    for (what, user) in [("one character", "u".to_owned()), ("64 characters", sixty_four)] {
        cases.accept(what, &post_json(addr, &event(&user)), &user, None).await;
    }
    cases.figure("correct")
}

/// Sends amounts at and beyond the limits, and numbers that are not integers.
pub(crate) async fn check_amounts(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(5).await;
    let addr = trial.addr;
    let mut cases = Cases::new(trial);
    let event = |user: &str, amount: &str| format!(r#"{{"user": "{user}", "amount": {amount}}}"#);
    for amount in
        ["1.5", "1.0", "1e2", "9223372036854775808", "-9223372036854775809", "true", "null", "[5]"]
    {
        cases.reject(amount, &post_json(addr, &event(&fresh_user(), amount)), NOT_AN_EVENT).await?;
    }
    // the third is the first integer that a 64-bit float cannot hold
    for amount in [i64::MAX, i64::MIN, (1 << 53) + 1, -5] {
        let (user, text) = (fresh_user(), amount.to_string());
        cases.accept(&text, &post_json(addr, &event(&user, &text)), &user, Some(amount)).await;
    }
    // JSON knows a negative zero (RFC 8259 §6)
    let user = fresh_user();
    cases.accept("-0", &post_json(addr, &event(&user, "-0")), &user, Some(0)).await;
    cases.figure("correct")
}

/// Sends events with other ways to say, or not to say, that they are JSON.
pub(crate) async fn check_media_type(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(3).await;
    let mut cases = Cases::new(trial);
    for (what, media_type) in [
        ("a charset", "application/json; charset=utf-8"),
        ("capital letters", "Application/JSON"),
        ("no Content-Type", ""),
    ] {
        let user = fresh_user();
        let event = crate::event::event(&user, 0);
        let request = post_event(cases.trial.addr, media_type, event.as_bytes());
        cases.accept(what, &request, &user, None).await;
    }
    let event = crate::event::event(&fresh_user(), 0);
    for media_type in ["text/plain", "application/jsonp"] {
        let request = post_event(cases.trial.addr, media_type, event.as_bytes());
        cases.reject(media_type, &request, 415).await?;
    }
    cases.figure("correct")
}

/// Requests and what was wrong with their responses.
struct Cases<'t> {
    trial: &'t mut Trial,
    client: ResponseClient,
    count: usize,
    wrong: Vec<String>,
}

impl<'t> Cases<'t> {
    fn new(trial: &'t mut Trial) -> Self {
        let client = ResponseClient::new(trial.addr);
        Self { trial, client, count: 0, wrong: Vec::new() }
    }

    /// Expects this status. A server that does not respond ends the trial: each further case would only wait again.
    async fn reject(
        &mut self,
        what: &'static str,
        request: &[u8],
        status: u16,
    ) -> Result<(), String> {
        self.count += 1;
        let outcome = self.trial.call(what, &mut self.client, request, PATIENCE).await.outcome;
        match outcome {
            Outcome::Rejected(found) if found.as_u16() == status => {}
            Outcome::Served(found) | Outcome::Rejected(found) => {
                self.wrong.push(format!("{what} ({}, expected {status})", found.as_u16()));
            }
            Outcome::TimedOut => return Err(format!("{what}: {}", instead(outcome, PATIENCE))),
            _ => self.wrong.push(format!("{what} ({})", instead(outcome, PATIENCE))),
        }
        Ok(())
    }

    /// Expects that the event is accepted and comes back with its user and, if given, its amount: a new user's balance
    /// is its first amount.
    async fn accept(&mut self, what: &str, request: &[u8], user: &str, amount: Option<i64>) {
        self.count += 1;
        // behind an event that was rejected, a server may close the connection
        let call = self.trial.call("valid event", &mut self.client, request, WORK).await;
        let (Outcome::Served(_), Some(response)) = (call.outcome, call.response) else {
            self.wrong.push(format!("{what} ({})", instead(call.outcome, WORK)));
            return;
        };
        let body = serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
        let found = body.get("amount").or(body.get("balance"));
        if body["user"] != *user && body.get("balance").is_none() {
            self.wrong.push(format!("{what} (came back as user {})", body["user"]));
        } else if amount.is_some_and(|amount| found != Some(&json!(amount))) {
            let found = found.map_or("nothing".to_owned(), Value::to_string);
            self.wrong.push(format!("{what} (came back as {found})"));
        }
    }

    fn figure(self, done: &str) -> Result<String, String> {
        all_of(self.count, &self.wrong, done)
    }
}
