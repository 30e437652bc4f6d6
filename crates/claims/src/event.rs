//! Requests that post an event.

use http1::{ClientRequest, HeaderValue, Method, Uri, encode_request, header};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;

/// The bytes of a request that posts `body` as an event.
pub(crate) fn post_event(addr: SocketAddr, content_type: &'static str, body: &[u8]) -> Vec<u8> {
    let mut request = ClientRequest::new(Method::POST, Uri::from_static("/events"));
    request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    request.body = body.to_vec().into();
    let mut bytes = Vec::new();
    encode_request(&request, &addr.to_string(), &mut bytes);
    bytes
}

/// A user that no other trial has, so that its balance is this trial's alone.
pub(crate) fn fresh_user() -> String {
    format!("check-{:016x}", RandomState::new().build_hasher().finish())
}

/// An event as JSON. The user comes last: a response that names it comes from the whole event.
pub(crate) fn event(user: &str, amount: i64) -> String {
    format!(r#"{{"amount": {amount}, "user": "{user}"}}"#)
}
