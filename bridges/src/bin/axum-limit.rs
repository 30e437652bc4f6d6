//! Two events at a time with axum, as written in a hurry: the limit is a layer, and axum makes a new one for each connection.
//!
//! cargo run --manifest-path bridges/Cargo.toml --bin axum-limit
//! cargo run --manifest-path bridges/Cargo.toml --bin axum-limit -- --global

use axum::error_handling::HandleErrorLayer;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{BoxError, Json, Router};
use event::Event;
use std::time::Duration;
use tokio::time::sleep;
use tower::ServiceBuilder;
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};

const AT_ONCE: usize = 2;
const WORK: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> std::io::Result<()> {
    // the outermost first: an error of what is below it becomes a response
    let shed = ServiceBuilder::new().layer(HandleErrorLayer::new(overloaded)).load_shed();
    let app = Router::new().route("/events", post(apply));
    let app = if std::env::args().any(|arg| arg == "--global") {
        app.layer(shed.layer(GlobalConcurrencyLimitLayer::new(AT_ONCE))) // its semaphore exists already
    } else {
        app.layer(shed.layer(ConcurrencyLimitLayer::new(AT_ONCE))) // a semaphore for each connection
    };
    axum::serve(bridges::listen_async()?, app).await
}

async fn apply(Json(event): Json<Event>) -> Json<Event> {
    sleep(WORK).await;
    Json(event)
}

async fn overloaded(_: BoxError) -> impl IntoResponse {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "try again later")
}
