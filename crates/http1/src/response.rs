//! A response, as it is sent or received.

use crate::error::BadMessage;
use crate::fields::parse_number;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use serde::Serialize;
use std::time::SystemTime;

/// A complete response, with its body.
///
/// The encoder sets `Date`, `Content-Length` and `Connection`. It ignores these in the headers, and
/// `Transfer-Encoding`.
#[derive(Clone, Debug)]
pub struct Response(Box<Parts>);

#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl From<Parts> for Response {
    fn from(parts: Parts) -> Self {
        Self(Box::new(parts))
    }
}

impl From<BadMessage> for Response {
    fn from(bad: BadMessage) -> Self {
        let is_over_budget = bad == BadMessage::OverBudget;
        let response = Self::problem(bad.status(), bad);
        if is_over_budget { response.with_header(header::RETRY_AFTER, 1) } else { response }
    }
}

impl Response {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// HTTP/1.0 or HTTP/1.1, as received; a response is always sent as 1.1 (RFC 9110 §6.2).
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// The fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The fields, to add or change some.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.0.headers
    }

    /// The body, decoded if it was chunked.
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// Returns the body without copying it.
    pub fn into_body(self) -> Bytes {
        self.0.body
    }

    /// Replaces the body.
    pub fn set_body(&mut self, body: Bytes) {
        self.0.body = body;
    }

    /// A response without fields or body.
    pub fn new(status: StatusCode) -> Self {
        Parts { status, version: Version::HTTP_11, headers: HeaderMap::new(), body: Bytes::new() }
            .into()
    }

    /// 200 with bytes from a client as plain text. `X-Content-Type-Options: nosniff` keeps browsers
    /// from treating them as HTML.
    pub fn text(body: Bytes) -> Self {
        let mut response = Self::new(StatusCode::OK);
        if !body.is_empty() {
            response.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/plain; charset=utf-8"),
            );
            response
                .headers_mut()
                .insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        response.set_body(body);
        response
    }

    /// A response whose body is `value` as JSON; an empty 500, and a line in the log, if it cannot
    /// be serialized.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Self {
        Self::document(status, value, "application/json")
    }

    /// An error as a problem document (RFC 9457). `detail` is one sentence for the sender of the
    /// request: its control characters are escaped, and it is cut after 400 characters.
    pub fn problem(status: StatusCode, detail: impl std::fmt::Display) -> Self {
        Self::problem_of_type("about:blank", status, detail)
    }

    /// A problem that a client should tell from others of its status, by a URI of its own (RFC 9457
    /// §3.1.1).
    pub fn problem_of_type(
        r#type: &'static str,
        status: StatusCode,
        detail: impl std::fmt::Display,
    ) -> Self {
        let mut detail = detail.to_string();
        let is_plain = |byte: u8| byte.is_ascii() && !byte.is_ascii_control();
        if detail.len() > MAX_DETAIL || !detail.bytes().all(is_plain) {
            detail = escape_and_cut(&detail);
        }
        let title = status.canonical_reason().unwrap_or("Error");
        let problem = Problem { r#type, title, status: status.as_u16(), detail: &detail };
        Self::document(status, &problem, "application/problem+json")
    }

    /// 405 with the methods that are allowed, such as `GET, HEAD` (RFC 9110 §15.5.6).
    pub fn method_not_allowed(allowed: &'static str) -> Self {
        Self::problem(StatusCode::METHOD_NOT_ALLOWED, format_args!("the methods here: {allowed}"))
            .with_header(header::ALLOW, HeaderValue::from_static(allowed))
    }

    /// 415 for a body with a content coding, of which this server decodes none (RFC 9110 §15.5.16).
    pub fn coding_not_supported() -> Self {
        let detail = "the body has a Content-Encoding; send it without one";
        Self::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
            .with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))
    }

    fn document(status: StatusCode, value: &impl Serialize, content_type: &'static str) -> Self {
        let mut body = Vec::with_capacity(256); // most are shorter
        match serde_json::to_writer(&mut body, value) {
            Ok(()) => {
                let mut response = Self::new(status);
                response.set_body(body.into());
                response.with_header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
            }
            // the caller's mistake, such as a map whose keys are not strings: the server should
            // survive it
            Err(error) => {
                tracing::error!(%error, "a response could not be written as JSON");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// The same response with this field; it replaces an existing field of that name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers_mut().insert(name, value.into());
        self
    }

    /// The first value of a field; `None` if the field is missing or is not visible ASCII.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }
}

/// Whether a response of that status has no body, whatever its fields say (RFC 9112 §6.3).
pub(crate) fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

/// A problem document (RFC 9457 §3.1).
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

/// The longest detail of a problem, in characters.
const MAX_DETAIL: usize = 400;

/// Escapes control characters, since the text may be displayed in a terminal, and cuts it at
/// [`MAX_DETAIL`].
fn escape_and_cut(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars().take(MAX_DETAIL) {
        match char.is_control() {
            true => escaped.extend(char.escape_default()),
            false => escaped.push(char),
        }
    }
    if text.chars().nth(MAX_DETAIL).is_some() {
        escaped.push('…');
    }
    escaped
}

/// The seconds that a `Retry-After` asks to wait from now on: a number, or a date (RFC 9110
/// §10.2.3). 0 for a date in the past, `u64::MAX` for a number beyond that; `None` for anything else.
pub(crate) fn retry_after(value: &[u8]) -> Option<u64> {
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        return Some(parse_number(value).unwrap_or(u64::MAX));
    }
    let date = httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()?;
    let wait = date.duration_since(SystemTime::now()).unwrap_or_default();
    Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)) // never before that date
}

/// Whether the connection stays open after a message with these values of `Connection` (RFC 9112
/// §9.3).
pub(crate) fn persists<'v>(version: Version, values: impl Iterator<Item = &'v [u8]>) -> bool {
    let mut keep_alive = version == Version::HTTP_11;
    for member in values.flat_map(|value| value.split(|&byte| byte == b',')) {
        match member.trim_ascii() {
            member if member.eq_ignore_ascii_case(b"close") => return false,
            member if member.eq_ignore_ascii_case(b"keep-alive") => keep_alive = true,
            _ => {}
        }
    }
    keep_alive
}
