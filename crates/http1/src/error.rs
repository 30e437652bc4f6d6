//! Why a message is rejected.

use http::StatusCode;
use std::fmt;
use thiserror::Error;

/// A message that is malformed, too large, not supported, or more than the server has room for.
///
/// The text is one sentence for its sender: servers put it into the `detail` of a problem document,
/// clients report it as the reason of a failure. It quotes at most 40 bytes of the message,
/// escaped.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BadMessage {
    /// The request line is not `METHOD TARGET VERSION` (RFC 9112 §3).
    #[error("the request line must read METHOD TARGET HTTP/1.1, with single spaces")]
    RequestLine,
    /// The status line is not `VERSION CODE PHRASE` (RFC 9112 §4).
    #[error("the status line must read HTTP/1.1 CODE PHRASE")]
    StatusLine,
    /// What a server sent does not begin as an HTTP response: it speaks another protocol.
    #[error("a response must begin with HTTP/1.1 CODE PHRASE")]
    NotHttp,
    /// A major version of HTTP other than 1 (RFC 9110 §15.6.6).
    #[error("this server speaks HTTP/1.1 and HTTP/1.0; send one of them")]
    Version,
    /// CONNECT, which only a proxy understands (RFC 9110 §9.3.6).
    #[error("CONNECT asks for a tunnel, and this server is not a proxy")]
    Connect,
    /// The target is neither a path nor an absolute http URI (RFC 9112 §3.2).
    #[error("the target must be a path such as /events, or a complete http:// URI; got {0}")]
    Target(Quote),
    /// The target has more than [`MAX_TARGET`](crate::MAX_TARGET) bytes.
    #[error("the target is longer than 8 KiB")]
    TargetTooLong,
    /// A bad field name, white space around it, or a folded line (RFC 9112 §5).
    #[error(
        "each field must be one line that reads Name: value, with no white space in or around the name"
    )]
    FieldName,
    /// A folded field of a response is longer than 8 KiB (RFC 9112 §5.2).
    #[error("a folded field is longer than 8 KiB")]
    FoldedTooLong,
    /// A control character in a field value (RFC 9110 §5.5).
    #[error("a field value must not contain control characters, NUL and bare CR included")]
    FieldValue,
    /// The head has more than [`MAX_HEAD`](crate::MAX_HEAD) bytes.
    #[error("the head, or the trailer section, is longer than 16 KiB")]
    HeadTooLong,
    /// The head has more than [`MAX_FIELDS`](crate::MAX_FIELDS) fields.
    #[error("there are more than 100 fields")]
    TooManyFields,
    /// HTTP/1.1 without `Host` (RFC 9112 §3.2).
    #[error("an HTTP/1.1 request must have a Host field")]
    HostMissing,
    /// More than one `Host` (RFC 9112 §3.2).
    #[error("a request must have one Host field, not several")]
    HostTwice,
    /// A `Host` that is not a host with an optional port (RFC 9110 §7.2).
    #[error("Host must be a name or an address, optionally with a port; got {0}")]
    Host(Quote),
    /// A `Content-Length` that is not digits, or does not fit `u64` (RFC 9110 §8.6).
    #[error("Content-Length must be a whole number of bytes; got {0}")]
    ContentLength(Quote),
    /// Two lengths that differ (RFC 9112 §6.3).
    #[error("there are two Content-Length fields, and they differ")]
    ContentLengthsDiffer,
    /// A length and a transfer coding, which is how requests are smuggled (RFC 9112 §6.3).
    #[error("a message must have Content-Length or Transfer-Encoding, not both")]
    LengthAndCoding,
    /// A transfer coding in HTTP/1.0 (RFC 9112 §6.1).
    #[error("HTTP/1.0 has no Transfer-Encoding; send Content-Length, or HTTP/1.1")]
    CodingInHttp10,
    /// `chunked` is missing, is not last or comes twice (RFC 9112 §6.3).
    #[error("Transfer-Encoding must end in chunked, once; got {0}")]
    Coding(Quote),
    /// A coding other than `chunked` (RFC 9112 §6.1).
    #[error("chunked is the one transfer coding that this server supports; got {0}")]
    CodingUnknown(Quote),
    /// A coding other than `chunked` in a response; the request offered no other (RFC 9110 §10.1.4).
    #[error("chunked is the only transfer coding that this client reads; got {0}")]
    ResponseCoding(Quote),
    /// 101, which answers an offer to change the protocol (RFC 9110 §7.8 and §15.2.2).
    #[error("the server switched to another protocol (101), which this client does not speak")]
    ProtocolSwitched,
    /// The body is longer than this many bytes: [`MAX_BODY`](crate::MAX_BODY) for a request.
    #[error("the body is longer than the limit of {0} bytes")]
    BodyTooLong(usize),
    /// The bodies of other requests hold the memory that the server has for them; see
    /// [`BodyBudget`](crate::BodyBudget).
    #[error("other bodies hold the memory that this server has for them; try again later")]
    OverBudget,
    /// An expectation other than `100-continue` (RFC 9110 §10.1.1).
    #[error("100-continue is the only expectation that this server supports; got {0}")]
    Expectation(Quote),
    /// A chunk without its size in hexadecimal digits (RFC 9112 §7.1).
    #[error("a chunk must begin with its size in hexadecimal digits, on a line that ends in CRLF")]
    ChunkSize,
    /// The size line has more than [`MAX_CHUNK_LINE`](crate::MAX_CHUNK_LINE) bytes.
    #[error("the size line of a chunk is longer than 1 KiB")]
    ChunkLineTooLong,
    /// The data is longer or shorter than its announced size (RFC 9112 §7.1).
    #[error("a chunk's data must be followed by CRLF; is its size right?")]
    ChunkEnd,
    /// A trailer section that is not lines of fields (RFC 9112 §7.1.2).
    #[error("the trailers after the last chunk must be lines that end in CRLF")]
    Trailers,
}

impl BadMessage {
    /// The status with which a server rejects it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BodyTooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::Expectation(_) => StatusCode::EXPECTATION_FAILED,
            Self::HeadTooLong | Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::OverBudget => StatusCode::SERVICE_UNAVAILABLE,
            Self::Connect | Self::CodingUnknown(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// At most 40 bytes of a message, which are escaped when displayed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quote {
    bytes: [u8; 40],
    /// How many bytes were quoted from; those beyond 40 are cut.
    of: usize,
}

/// Quotes bytes from the peer so that they are safe to display.
pub(crate) fn quote(quoted: &[u8]) -> Quote {
    let mut bytes = [0; 40];
    let length = quoted.len().min(bytes.len());
    bytes[..length].copy_from_slice(&quoted[..length]);
    Quote { bytes, of: quoted.len() }
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.bytes[..self.of.min(self.bytes.len())];
        write!(f, "\"{}\"", shown.escape_ascii())?;
        if self.of > shown.len() { f.write_str(" and more") } else { Ok(()) }
    }
}

impl fmt::Debug for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
