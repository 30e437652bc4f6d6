//! Stage 2 on hyper 1: whatever came goes back.

use clap::Parser;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::net::TcpListener;

/// Echoes.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value = "127.0.0.1:8080")]
    addr: String,
    /// Accept on a worker, instead of in main as hyper's examples do
    #[arg(long)]
    spawned: bool,
    /// Send the body back as it comes, instead of reading it whole as a stage does
    #[arg(long)]
    stream: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let listener = peers::listen(&options.addr).await?;
    match options.spawned {
        true => tokio::spawn(serve_all(listener, options.stream)).await?,
        false => serve_all(listener, options.stream).await,
    }
}

async fn serve_all(listener: TcpListener, stream: bool) -> anyhow::Result<()> {
    loop {
        let (connection, _) = listener.accept().await?;
        let connection = TokioIo::new(connection);
        tokio::spawn(async move {
            // a connection that is lost is of no interest here
            let _ = match stream {
                true => {
                    http1::Builder::new().serve_connection(connection, service_fn(pass_on)).await
                }
                false => http1::Builder::new().serve_connection(connection, service_fn(echo)).await,
            };
        });
    }
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match Limited::new(request.into_body(), 1024 * 1024).collect().await {
        Ok(body) => text(body.to_bytes()),
        Err(_) => {
            let mut response = Response::default();
            *response.status_mut() = hyper::StatusCode::PAYLOAD_TOO_LARGE;
            response
        }
    })
}

/// With the fields that a stage sends.
fn text(body: Bytes) -> Response<Full<Bytes>> {
    let (empty, mut response) = (body.is_empty(), Response::new(Full::new(body)));
    if !empty {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    response
}

async fn pass_on(request: Request<Incoming>) -> Result<Response<Incoming>, Infallible> {
    let mut response = Response::new(request.into_body());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
