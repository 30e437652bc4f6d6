//! Two events at a time with axum, as written in a hurry: the limit is a layer, and axum makes a new one for each connection
//! of a router that has no state.
//!
//! cargo run --manifest-path bridges/Cargo.toml --bin axum-limit
//! cargo run --manifest-path bridges/Cargo.toml --bin axum-limit -- --global

use axum::error_handling::HandleErrorLayer;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{BoxError, Json, Router};
use event::{Event, User};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;
use tower::ServiceBuilder;
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};

const AT_ONCE: usize = 2;
const WORK: Duration = Duration::from_millis(500);

/// A semaphore has no queue: an event holds a place from its beginning to its end.
struct Ledger {
    balances: BTreeMap<User, i64>,
    in_flight: u64,
    rejected: u64,
    processed: u64,
    failed: u64,
}

static LEDGER: Mutex<Ledger> = Mutex::new(Ledger {
    balances: BTreeMap::new(),
    in_flight: 0,
    rejected: 0,
    processed: 0,
    failed: 0,
});

#[tokio::main]
async fn main() -> std::io::Result<()> {
    // the outermost first: an error of what is below it becomes a response
    let shed = ServiceBuilder::new().layer(HandleErrorLayer::new(overloaded)).load_shed();
    let events = Router::new().route("/events", post(apply));
    let events = if std::env::args().any(|arg| arg == "--global") {
        events.layer(shed.layer(GlobalConcurrencyLimitLayer::new(AT_ONCE))) // its semaphore exists already
    } else {
        events.layer(shed.layer(ConcurrencyLimitLayer::new(AT_ONCE))) // a semaphore for each connection
    };
    // after the layer, so that reading needs no place
    let app = events.route("/balances", get(balances)).route("/stats", get(stats));
    axum::serve(bridges::listen_async()?, app).await
}

async fn apply(Json(event): Json<Event>) -> Response {
    let place = Place::occupy();
    sleep(WORK).await;
    if place.applies(&event) {
        return Json(event).into_response();
    }
    (StatusCode::UNPROCESSABLE_ENTITY, "the balance would leave the range of i64").into_response()
}

async fn balances() -> Json<BTreeMap<User, i64>> {
    Json(ledger().balances.clone())
}

async fn stats() -> Json<Value> {
    let ledger = ledger();
    Json(json!({
        "capacity": AT_ONCE,
        "queued": ledger.in_flight,
        "accepted": ledger.in_flight + ledger.processed + ledger.failed,
        "rejected": ledger.rejected,
        "processed": ledger.processed,
        "failed": ledger.failed,
    }))
}

/// An event in flight. axum drops it half-way if its client disconnects: it has failed then.
struct Place {
    done: bool,
}

impl Place {
    fn occupy() -> Self {
        ledger().in_flight += 1;
        Self { done: false }
    }

    /// Whether the balance has room for it.
    fn applies(mut self, event: &Event) -> bool {
        let mut ledger = ledger();
        let balance = ledger.balances.entry(event.user.clone()).or_default();
        let Some(sum) = balance.checked_add(event.amount) else { return false };
        *balance = sum;
        drop(ledger);
        self.done = true;
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut ledger = ledger();
        ledger.in_flight -= 1;
        match self.done {
            true => ledger.processed += 1,
            false => ledger.failed += 1,
        }
    }
}

fn ledger() -> MutexGuard<'static, Ledger> {
    LEDGER.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn overloaded(_: BoxError) -> Response {
    ledger().rejected += 1;
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "try again later")
        .into_response()
}
