//! Stages 2, 3 and 5 on axum 0.8: an echo, a typed event, and one that is refused when the queue is full.

use axum::error_handling::HandleErrorLayer;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{BoxError, Json, Router, body::Bytes};
use clap::Parser;
use event::Event;
use tower::ServiceBuilder;

/// Echoes; events at /events, and at /queued with a queue before one worker who is never done.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value = "127.0.0.1:8080")]
    addr: String,
    /// How many events may wait at /queued
    #[arg(long, default_value_t = 16)]
    queue: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // tower's own: refuse what the queue does not take, and let one out of it at a time
    let queue = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(overloaded))
        .load_shed()
        .buffer(options.queue)
        .concurrency_limit(1);
    let app = Router::new()
        .route("/events", post(event))
        .route("/queued", post(work).layer(queue))
        .fallback(echo);
    let listener = peers::listen(&options.addr).await?;
    // made once: a router that is served as it is makes its layers, and so the queue, anew for each connection
    Ok(axum::serve(listener, app.into_make_service()).await?)
}

async fn echo(body: Bytes) -> impl IntoResponse {
    let fields = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (fields, body)
}

/// The event comes back as it was understood.
async fn event(Json(event): Json<Event>) -> Json<Event> {
    Json(event)
}

async fn work(Json(event): Json<Event>) -> Json<Event> {
    std::future::pending::<()>().await;
    Json(event)
}

/// As much as a stage says.
async fn overloaded(_: BoxError) -> impl IntoResponse {
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "the queue is full; try again later",
    });
    let fields = [(header::RETRY_AFTER, "9"), (header::CONTENT_TYPE, "application/problem+json")];
    (StatusCode::SERVICE_UNAVAILABLE, fields, Json(problem))
}
