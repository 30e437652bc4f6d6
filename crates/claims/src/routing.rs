//! Paths and methods, and how an event is understood.

use crate::event::{event, fresh_user, post_json};
use crate::raw_connection::{PATIENCE, WORK};
use crate::trial::{Trial, all_of, instead};
use http1::{Response, header};
use probe::http_client::Outcome;
use serde_json::{Value, json};

/// Requests unknown paths, and known ones with the wrong method.
pub(crate) async fn check_routes(trial: &mut Trial) -> Result<String, String> {
    let cases = [
        ("another path", "GET /check-nowhere", 404),
        ("another path, posted to", "POST /check-nowhere", 404),
        ("another method", "GET /events", 405),
        ("another method, with a query", "DELETE /events?user=alice", 405),
        ("another method, with a whole address", "PUT http://check/events", 405),
    ];
    let mut wrong = Vec::new();
    for (what, line, status) in cases {
        let request = format!("{line} HTTP/1.1\r\nHost: check\r\nContent-Length: 0\r\n\r\n");
        let (response, _) = trial.ask_on_new_connection(what, request, PATIENCE).await?;
        if response.status().as_u16() != status {
            wrong.push(format!("{what} ({}, expected {status})", response.status().as_u16()));
        } else if status == 405 && !allows_post(&response) {
            wrong.push(format!("{what} (405 without Allow: POST)"));
        }
    }
    all_of(cases.len(), &wrong, "correct")
}

fn allows_post(response: &Response) -> bool {
    response
        .header(header::ALLOW)
        .is_some_and(|allowed| allowed.split(',').any(|method| method.trim() == "POST"))
}

/// Posts an event in an unusual notation: its values must come back, not its bytes.
pub(crate) async fn check_round_trip(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(1).await;
    let user = fresh_user() + " Zoë";
    let escaped = user.replace('ë', "\\u00eb");
    let unusual = format!("\n {{ \"amount\" : -5 ,\t\"user\" : \"{escaped}\" }} ");
    let request = post_json(trial.addr, &unusual);
    let response = send_event(trial, request, &user, -5).await?;
    let kind = response.header(header::CONTENT_TYPE).unwrap_or("no Content-Type");
    if !kind.starts_with("application/json") {
        return Err(format!("the response is {kind}"));
    }
    match serde_json::from_slice::<Value>(response.body()) {
        Ok(value) if value == json!({ "user": user, "amount": -5 }) => {
            Ok("the same values, as JSON".into())
        }
        Ok(Value::Object(fields)) => {
            let names: Vec<_> = fields.keys().map(String::as_str).collect();
            Err(format!("the response is another object, with {}", names.join(" and ")))
        }
        _ => Err("the response is not an object".into()),
    }
}

/// Posts an event; the response, if it was accepted.
pub(crate) async fn post(trial: &mut Trial, user: &str, amount: i64) -> Result<Response, String> {
    let request = post_json(trial.addr, &event(user, amount));
    send_event(trial, request, user, amount).await
}

async fn send_event(
    trial: &mut Trial,
    request: Vec<u8>,
    user: &str,
    amount: i64,
) -> Result<Response, String> {
    let (response, _) = trial.ask_on_new_connection("event", request, WORK).await?;
    match Outcome::of(&response) {
        Outcome::Served(_) => {
            trial.books.accepted(user, amount);
            Ok(response)
        }
        outcome => Err(instead(outcome, WORK)),
    }
}
