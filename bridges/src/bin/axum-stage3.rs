//! Stage 3 with axum: its extractor is the boundary.
//!
//! cargo run --manifest-path bridges/Cargo.toml --bin axum-stage3

use axum::routing::post;
use axum::{Json, Router};
use event::Event;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    axum::serve(bridges::listen_async()?, Router::new().route("/events", post(respond))).await
}

/// An event comes back as it was understood.
async fn respond(Json(event): Json<Event>) -> Json<Event> {
    Json(event)
}
