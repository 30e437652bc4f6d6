//! A request as it came, and one that is to be sent.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Uri, Version, header};
use std::fmt;
use std::ops::Range;

/// A request whose body is here to its last byte.
///
/// It is one pointer wide: a future that may have a request in its hands while it waits has the room for it for as long
/// as its connection lasts, mostly without one.
#[derive(Clone, Debug)]
pub struct Request(Box<Parts>);

/// What a request is made of. The fields stay as they came, and are looked for when somebody asks: most are never asked
/// for.
#[derive(Clone)]
pub(crate) struct Parts {
    /// Any token (RFC 9110 §9.1).
    pub(crate) method: Method,
    /// 1.0 or 1.1.
    pub(crate) version: Version,
    /// To its empty line; whatever is read from it below was checked when it was decoded.
    pub(crate) head: Box<[u8]>,
    /// Where in the head the target is, and of that the path.
    pub(crate) target: Range<usize>,
    pub(crate) path: Range<usize>,
    /// Whether the connection outlives it (RFC 9112 §9.3).
    pub(crate) persists: bool,
    /// The content, its transfer coding undone.
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

    /// The content, without its transfer coding.
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// The content alone; the rest is dropped.
    pub fn into_body(self) -> Bytes {
        self.0.body
    }

    /// Replaces the content.
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

    /// The target's path, without its query. It is neither decoded nor normalised.
    pub fn path(&self) -> &str {
        if self.0.path.is_empty() { "/" } else { self.text(self.0.path.clone()) }
    }

    /// What follows the first `?` of the target.
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

    /// The fields in their order, those of the framing included: names as they were sent, values without the white space
    /// around them.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines().map_while(|line| {
            let colon = memchr::memchr(b':', line)?; // the empty line has none
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
    }

    /// Those after the start line.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0.head[self.0.target.end..];
        let line = move || {
            let (line, after) = rest.split_at(memchr::memchr(b'\n', rest)?);
            rest = &after[1..];
            Some(line)
        };
        std::iter::from_fn(line).skip(1) // what is left of the start line
    }

    /// The values of a field, one for each line that has its name.
    pub fn values<'r>(&'r self, name: &HeaderName) -> impl Iterator<Item = &'r [u8]> {
        let name = name.as_str().as_bytes();
        self.lines().filter_map(move |line| {
            let (start, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
        })
    }

    /// Whether the body may be of this media type, parameters aside: no `Content-Type` says otherwise (RFC 9110 §8.3).
    pub fn content_type_is(&self, media_type: &str) -> bool {
        self.values(&header::CONTENT_TYPE).all(|value| {
            let kind = value.split(|&byte| byte == b';').next().unwrap_or(value);
            kind.trim_ascii().eq_ignore_ascii_case(media_type.as_bytes())
        })
    }

    /// The first value of a field, if it is there and is UTF-8.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        std::str::from_utf8(self.values(&name).next()?).ok()
    }
}

/// A request that is to be sent.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    /// Any token (RFC 9110 §9.1).
    pub method: Method,
    /// Of this the path and the query are sent.
    pub uri: Uri,
    /// The fields; `Content-Length` belongs to the encoder.
    pub headers: HeaderMap,
    /// The content.
    pub body: Bytes,
}

impl ClientRequest {
    /// A request without fields or body.
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: HeaderMap::new(), body: Bytes::new() }
    }
}
