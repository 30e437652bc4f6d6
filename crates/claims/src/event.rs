//! Requests that post an event.

use http1::{ClientRequest, HeaderValue, Method, Uri, encode_request, header};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;

/// The media type of an event.
pub(crate) const JSON: &str = "application/json";

/// The beginning of a request that posts an event, up to its framing.
pub(crate) const HEAD: &str =
    "POST /events HTTP/1.1\r\nHost: check\r\nContent-Type: application/json\r\n";

/// The bytes of a request that posts `body` as an event; without a media type if that is empty.
pub(crate) fn post_event(addr: SocketAddr, media_type: &'static str, body: &[u8]) -> Vec<u8> {
    let mut request = ClientRequest::new(Method::POST, Uri::from_static("/events"));
    if !media_type.is_empty() {
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    request.body = body.to_vec().into();
    let mut bytes = Vec::new();
    encode_request(&request, &addr.to_string(), &mut bytes);
    bytes
}

/// The bytes of a request that posts an event as JSON, with an `Idempotency-Key`
/// (draft-ietf-httpapi-idempotency-key-header).
pub(crate) fn post_with_key(addr: SocketAddr, event: &str, key: &str) -> Vec<u8> {
    let plain = post_json(addr, event);
    let head_end = plain.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0) + 2;
    let field = format!("Idempotency-Key: {key}\r\n");
    [&plain[..head_end], field.as_bytes(), &plain[head_end..]].concat()
}

/// The bytes of a request that posts an event as JSON.
pub(crate) fn post_json(addr: SocketAddr, event: &str) -> Vec<u8> {
    post_event(addr, JSON, event.as_bytes())
}

/// A user that no other trial has, so that its balance is this trial's alone.
pub(crate) fn fresh_user() -> String {
    format!("check-{:016x}", RandomState::new().build_hasher().finish())
}

/// An event as JSON. The user comes last: a response that names it comes from the whole event.
pub(crate) fn event(user: &str, amount: i64) -> String {
    format!(r#"{{"amount": {amount}, "user": "{user}"}}"#)
}
