#![doc = include_str!("../README.md")]

pub mod blocking;
mod body;
mod budget;
#[cfg(feature = "tokio")]
mod client;
#[cfg(feature = "tokio")]
mod connection;
mod decoder;
mod encoder;
mod error;
mod fields;
mod head;
mod large;
mod limits;
mod message;
#[cfg(feature = "tokio")]
mod poll_read;
mod request;
mod response;
mod response_head;
mod scan;
mod session;
mod summary;
mod target;

pub use budget::BodyBudget;
pub use bytes::Bytes;
#[cfg(feature = "tokio")]
pub use client::ClientConnection;
#[cfg(feature = "tokio")]
pub use connection::Connection;
pub use decoder::{Decoded, Decoder};
pub use encoder::{Encoded, KeepAlive, encode_request, encode_response};
pub use error::{BadMessage, Quote};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
pub use limits::{
    DRAIN_BYTES, DRAIN_TIME, MAX_BODY, MAX_CHUNK_LINE, MAX_FIELDS, MAX_HEAD, MAX_LINGERING,
    MAX_TARGET,
};
pub use message::{Message, ResponseLike};
pub use request::{ClientRequest, Request};
pub use response::Response;
pub use session::{Drain, ServerSession};
pub use summary::ResponseSummary;
