//! Stage 2 with axum.
//!
//! cargo run --manifest-path bridges/Cargo.toml --bin axum-echo

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    axum::serve(bridges::listen_async()?, Router::new().fallback(echo)).await
}

/// Whatever came goes back.
async fn echo(body: Bytes) -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        body,
    )
}
