//! HTTP/1.1 messages, for both sides of a connection.
//!
//! The middle is sans-IO: a [`Decoder`] takes bytes and yields messages, [`encode_request`] and
//! [`encode_response`] go the other way. Neither knows a socket or a clock. Two thin connections put them on
//! one: [`Connection`] for tokio, [`blocking::Connection`] for std. Whoever owns the socket owns the waiting.
//!
//! Nothing here knows a deadline, but for the short drain after a refusal ([`DRAIN_TIME`]).

pub mod blocking;
mod body;
#[cfg(feature = "tokio")]
mod connection;
mod decoder;
mod encoder;
mod error;
mod exchange;
mod fields;
mod head;
mod message;
mod request;
mod response;
mod scan;
mod summary;
mod target;

pub use bytes::Bytes;
#[cfg(feature = "tokio")]
pub use connection::Connection;
pub use decoder::{Decoded, Decoder};
pub use encoder::{KeepAlive, encode_request, encode_response};
pub use error::BadMessage;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
pub use message::{Message, ResponseLike};
pub use request::{ClientRequest, Request};
pub use response::Response;
pub use summary::ResponseSummary;

use std::time::Duration;

/// The longest head taken, in bytes, request line and the empty line at its end included.
pub const MAX_HEAD: usize = 16 * 1024;
/// The most fields taken in one head.
pub const MAX_FIELDS: usize = 100;
/// The longest request target taken, in bytes.
pub const MAX_TARGET: usize = 8 * 1024;
/// The longest request body taken, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;
/// The longest size line of a chunk taken, in bytes, its CRLF not counted.
pub const MAX_CHUNK_LINE: usize = 1024;

/// How long a connection that refused a message goes on reading what still comes, so that the sender gets to
/// read the refusal: closing on unread input resets the connection and loses it (RFC 9112 §9.6).
pub const DRAIN_TIME: Duration = Duration::from_secs(2);
/// How many bytes it reads and drops meanwhile.
pub const DRAIN_BYTES: usize = 8 * MAX_BODY;

/// How much is read at a time into the stack while a connection owns no buffer.
const SCRATCH: usize = 16 * 1024;
