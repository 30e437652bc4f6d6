//! A request as it came, and one that is to be sent.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Uri, Version, header};
use std::fmt;
use std::ops::{Deref, DerefMut, Range};

/// A request whose body is here to its last byte. Its [parts](RequestParts) are reached through it: `request.path()`.
///
/// It is one pointer wide: a future that may have a request in its hands while it waits has the room for it for as long
/// as its connection lasts, mostly without one.
#[derive(Clone, Debug)]
pub struct Request(Box<RequestParts>);

/// What a request is made of. The fields stay as they came, and are looked for when somebody asks: most are never asked
/// for.
#[derive(Clone)]
pub struct RequestParts {
    /// Any token (RFC 9110 §9.1).
    pub method: Method,
    /// 1.0 or 1.1.
    pub version: Version,
    /// To its empty line; whatever is read from it below was checked when it was decoded.
    pub(crate) head: Box<[u8]>,
    /// Where in the head the target is, and of that the path.
    pub(crate) target: Range<usize>,
    pub(crate) path: Range<usize>,
    /// Whether the connection outlives it (RFC 9112 §9.3).
    pub(crate) persists: bool,
    /// The content, its transfer coding undone.
    pub body: Bytes,
}

impl From<RequestParts> for Request {
    fn from(parts: RequestParts) -> Self {
        Self(Box::new(parts))
    }
}

impl Deref for Request {
    type Target = RequestParts;

    fn deref(&self) -> &RequestParts {
        &self.0
    }
}

impl DerefMut for Request {
    fn deref_mut(&mut self) -> &mut RequestParts {
        &mut self.0
    }
}

impl Request {
    /// The content alone.
    pub fn into_body(self) -> Bytes {
        self.0.body
    }
}

impl fmt::Debug for RequestParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, version, target, path, persists, body, .. } = self;
        f.debug_struct("Request")
            .field("head", &format_args!("\"{}\"", self.head.escape_ascii()))
            .field("parts", &(method, version, target, path, persists))
            .field("body", body)
            .finish()
    }
}

impl RequestParts {
    /// The target's path, without its query. It is neither decoded nor normalised.
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { self.text(self.path.clone()) }
    }

    /// What follows the first `?` of the target.
    pub fn query(&self) -> Option<&str> {
        self.text(self.path.end..self.target.end).strip_prefix('?')
    }

    /// The target as it was sent, in origin, absolute or asterisk form (RFC 9112 §3.2).
    pub fn target(&self) -> &str {
        self.text(self.target.clone())
    }

    fn text(&self, range: Range<usize>) -> &str {
        std::str::from_utf8(&self.head[range]).unwrap_or_default() // a target is ASCII
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
        let mut left = &self.head[self.target.end..];
        let line = move || {
            let (line, after) = left.split_at(memchr::memchr(b'\n', left)?);
            left = &after[1..];
            Some(line)
        };
        std::iter::from_fn(line).skip(1) // what is left of the start line
    }

    /// The values of a field, one for each line that has its name.
    pub fn values<'r>(&'r self, name: &HeaderName) -> impl Iterator<Item = &'r [u8]> {
        let name = name.as_str().as_bytes();
        self.lines().filter_map(move |line| {
            let (begin, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            begin.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
        })
    }

    /// Whether the body may be of this media type, parameters aside: no `Content-Type` says otherwise (RFC 9110 §8.3).
    pub fn may_be(&self, media_type: &str) -> bool {
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
pub struct Outgoing {
    /// Any token (RFC 9110 §9.1).
    pub method: Method,
    /// Of this the path and the query are sent.
    pub uri: Uri,
    /// The fields; `Content-Length` belongs to the encoder.
    pub headers: HeaderMap,
    /// The content.
    pub body: Bytes,
}

impl Outgoing {
    /// A request without fields or body.
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: HeaderMap::new(), body: Bytes::new() }
    }
}
