//! Stage 5 with axum: tokio's bounded queue before one worker, and tower's bound on what is in flight.
//!
//! cargo run --manifest-path bridges/Cargo.toml --bin axum-stage5
//! cargo run --manifest-path bridges/Cargo.toml --bin axum-stage5 -- --unbounded

use axum::error_handling::HandleErrorLayer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{BoxError, Json, Router};
use event::Event;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;

const CAPACITY: usize = 16;
const IN_FLIGHT: usize = 1024;
const WORK: Duration = Duration::from_millis(500);

struct Bank {
    queue: mpsc::Sender<Event>,
    ledger: Arc<Mutex<Ledger>>,
}

#[derive(Default)]
struct Ledger {
    balances: BTreeMap<String, i64>,
    accepted: u64,
    rejected: u64,
    processed: u64,
    failed: u64,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let unbounded = std::env::args().any(|arg| arg == "--unbounded");
    let (queue, events) = mpsc::channel(if unbounded { Semaphore::MAX_PERMITS } else { CAPACITY });
    tokio::spawn(work(events, ledger.clone()));
    let mut app = Router::new()
        .route("/events", post(offer))
        .route("/balances", get(balances))
        .route("/stats", get(stats))
        .with_state(Arc::new(Bank { queue, ledger }));
    if !unbounded {
        // the outermost first: an error of what is below it becomes a response
        app = app.layer(
            ServiceBuilder::new()
                .layer(HandleErrorLayer::new(async |_: BoxError| overloaded(Duration::ZERO)))
                .load_shed()
                .layer(GlobalConcurrencyLimitLayer::new(IN_FLIGHT)),
        );
    }
    axum::serve(bridges::listen_async()?, app).await
}

/// There is a place in the queue now, or the client is told now that there is none.
async fn offer(State(bank): State<Arc<Bank>>, Json(event): Json<Event>) -> Response {
    let taken = (StatusCode::ACCEPTED, Json(json!(event))).into_response();
    let mut ledger = lock(&bank.ledger);
    if bank.queue.try_send(event).is_ok() {
        ledger.accepted += 1;
        return taken;
    }
    ledger.rejected += 1;
    overloaded(WORK * (ledger.queued() as u32 + 1))
}

async fn balances(State(bank): State<Arc<Bank>>) -> Json<BTreeMap<String, i64>> {
    Json(lock(&bank.ledger).balances.clone())
}

async fn stats(State(bank): State<Arc<Bank>>) -> Json<Value> {
    let ledger = lock(&bank.ledger);
    Json(json!({
        "capacity": bank.queue.max_capacity(),
        "queued": ledger.queued(),
        "accepted": ledger.accepted,
        "rejected": ledger.rejected,
        "processed": ledger.processed,
        "failed": ledger.failed,
    }))
}

/// The one worker.
async fn work(mut events: mpsc::Receiver<Event>, ledger: Arc<Mutex<Ledger>>) {
    while let Some(event) = events.recv().await {
        sleep(WORK).await;
        let mut ledger = lock(&ledger);
        let user = event.user.to_string();
        match ledger.balances.get(&user).unwrap_or(&0).checked_add(event.amount) {
            Some(balance) => {
                ledger.balances.insert(user, balance);
                ledger.processed += 1;
            }
            None => ledger.failed += 1,
        }
    }
}

impl Ledger {
    /// The worker has one of those that are not done in hand.
    fn queued(&self) -> u64 {
        (self.accepted - self.processed - self.failed).saturating_sub(1)
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

fn overloaded(wait: Duration) -> Response {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::RETRY_AFTER, seconds.to_string())],
        "try again later",
    )
        .into_response()
}
