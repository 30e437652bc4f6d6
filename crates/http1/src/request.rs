//! A request as a server receives it, and one that a client sends.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Uri, Version, header};
use std::fmt;
use std::ops::Range;

/// A request that was received completely, with its body.
///
/// It is as small as a pointer, since the task of a connection reserves space for a request for as
/// long as it lives, even while the connection is idle.
#[derive(Clone, Debug)]
pub struct Request(Box<Parts>);

/// The parts of a request. The fields stay in the head as they were received and are parsed on each
/// access, since most of them are never read.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// The bytes from the start line to the empty line, checked when they were decoded.
    pub(crate) head: Box<[u8]>,
    /// The position of the target in the head.
    pub(crate) target: Range<usize>,
    /// The position of the path in the head.
    pub(crate) path: Range<usize>,
    /// The path with its unreserved characters decoded, if any were percent-encoded.
    pub(crate) decoded_path: Option<Box<str>>,
    pub(crate) persists: bool,
    pub(crate) body: Bytes,
}

impl From<Parts> for Request {
    fn from(parts: Parts) -> Self {
        Self(Box::new(parts))
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, version, target, path, persists, body, .. } = self;
        f.debug_struct("Request")
            .field("head", &format_args!("\"{}\"", self.head.escape_ascii()))
            .field("parts", &(method, version, target, path, persists))
            .field("body", body)
            .finish()
    }
}

impl Request {
    /// The method: any token (RFC 9110 §9.1).
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.0.version
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

    pub(crate) fn set_head(&mut self, head: Box<[u8]>) {
        self.0.head = head;
    }

    /// Whether the connection stays open after it (RFC 9112 §9.3).
    pub(crate) fn persists(&self) -> bool {
        self.0.persists
    }

    /// The path of the target, without the query. Percent-encoded unreserved characters are
    /// decoded, as in `/%65vents` (RFC 9110 §4.2.3); everything else is as it was sent.
    pub fn path(&self) -> &str {
        match &self.0.decoded_path {
            Some(path) => path,
            None if self.0.path.is_empty() => "/",
            None => self.text(self.0.path.clone()),
        }
    }

    /// The part of the target after the first `?`; `None` if it has no `?`.
    pub fn query(&self) -> Option<&str> {
        self.text(self.0.path.end..self.0.target.end).strip_prefix('?')
    }

    /// The target as it was sent, in origin, absolute or asterisk form (RFC 9112 §3.2).
    pub fn target(&self) -> &str {
        self.text(self.0.target.clone())
    }

    fn text(&self, range: Range<usize>) -> &str {
        std::str::from_utf8(&self.0.head[range]).unwrap_or_default() // a target is ASCII
    }

    /// All fields in the order in which they were sent, `Content-Length` and `Transfer-Encoding`
    /// included: names in their original case, values without the white space around them.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines().map_while(|line| {
            let colon = memchr::memchr(b':', line)?; // the empty line has none
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
    }

    /// The lines after the start line, without their LF.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0.head[self.0.target.end..];
        let line = move || {
            let (line, after) = rest.split_at(memchr::memchr(b'\n', rest)?);
            rest = &after[1..];
            Some(line)
        };
        std::iter::from_fn(line).skip(1) // the rest of the start line
    }

    /// The values of a field, one for each line with its name.
    pub fn values<'r>(&'r self, name: &HeaderName) -> impl Iterator<Item = &'r [u8]> {
        let name = name.as_str().as_bytes();
        self.lines().filter_map(move |line| {
            let (start, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
        })
    }

    /// Whether every `Content-Type` is this media type, ignoring parameters. A request without one
    /// may have any type, so the result is then true (RFC 9110 §8.3).
    pub fn content_type_is(&self, media_type: &str) -> bool {
        self.values(&header::CONTENT_TYPE).all(|value| {
            let kind = value.split(|&byte| byte == b';').next().unwrap_or(value);
            kind.trim_ascii().eq_ignore_ascii_case(media_type.as_bytes())
        })
    }

    /// Whether the body has a content coding, such as gzip; `identity` is none (RFC 9110 §8.4).
    pub fn is_encoded(&self) -> bool {
        let mut codings = self
            .values(&header::CONTENT_ENCODING)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii);
        codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    }

    /// The first value of a field; `None` if the field is missing or is not UTF-8.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        std::str::from_utf8(self.values(&name).next()?).ok()
    }
}

/// A request for a client to send; [`encode_request`](crate::encode_request) makes it into bytes.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    /// Any token (RFC 9110 §9.1).
    pub method: Method,
    /// The target; only its path and its query are sent.
    pub uri: Uri,
    /// The fields; the encoder adds `Content-Length`, and `Host` if it is missing.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl ClientRequest {
    /// A request without fields or body.
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: HeaderMap::new(), body: Bytes::new() }
    }
}
