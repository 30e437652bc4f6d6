//! Why a message is not taken.

use http::StatusCode;

/// A message that is malformed, too large or beyond this crate.
///
/// The text is one sentence for whoever sent it: the `detail` of a server's problem document, the label of a
/// client's failure. What it quotes of the peer's bytes is escaped and cut short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// RFC 9112 §3.
    #[error("the request line must read METHOD TARGET HTTP/1.1, with single spaces")]
    RequestLine,
    /// RFC 9112 §4.
    #[error("the status line must read HTTP/1.1 CODE PHRASE")]
    StatusLine,
    /// RFC 9110 §15.6.6.
    #[error("this server speaks HTTP/1.1 and HTTP/1.0; send one of them")]
    Version,
    /// RFC 9110 §9.3.6.
    #[error("CONNECT asks for a tunnel, and this server is no proxy")]
    Connect,
    /// RFC 9112 §3.2.
    #[error("the target must be a path such as /events, or a whole http:// address; got {0}")]
    Target(String),
    /// More than [`MAX_TARGET`](crate::MAX_TARGET) bytes.
    #[error("the target is longer than 8 KiB")]
    TargetTooLong,
    /// RFC 9112 §5: a bad name, white space around it, or a folded line (§5.2).
    #[error("each field must be one line that reads Name: value, with no white space in or around the name")]
    FieldName,
    /// RFC 9110 §5.5.
    #[error("a field's value must hold no control character, NUL and bare CR among them")]
    FieldValue,
    /// More than [`MAX_HEAD`](crate::MAX_HEAD) bytes.
    #[error("the head, or the trailers, are longer than 16 KiB")]
    HeadTooLong,
    /// More than [`MAX_FIELDS`](crate::MAX_FIELDS).
    #[error("there are more than 100 fields")]
    TooManyFields,
    /// RFC 9112 §3.2: HTTP/1.1 without one.
    #[error("an HTTP/1.1 request must have a Host field")]
    HostMissing,
    /// RFC 9112 §3.2.
    #[error("a request must have one Host field, not several")]
    HostTwice,
    /// RFC 9110 §7.2.
    #[error("Host must be a name or an address, with a port or without; got {0}")]
    Host(String),
    /// RFC 9110 §8.6: not digits, or more than fits `u64`.
    #[error("Content-Length must be a whole number of bytes; got {0}")]
    ContentLength(String),
    /// RFC 9112 §6.3.
    #[error("there are two Content-Length fields, and they differ")]
    ContentLengthsDiffer,
    /// RFC 9112 §6.3: how requests are smuggled.
    #[error("a message must have Content-Length or Transfer-Encoding, not both")]
    LengthAndCoding,
    /// RFC 9112 §6.1.
    #[error("HTTP/1.0 has no Transfer-Encoding; send Content-Length, or HTTP/1.1")]
    CodingInHttp10,
    /// RFC 9112 §6.3: `chunked` must be the last coding, and come once.
    #[error("Transfer-Encoding must end in chunked, once; got {0}")]
    Coding(String),
    /// RFC 9112 §6.1: a coding before `chunked` that this crate does not undo.
    #[error("chunked is the one transfer coding that this server knows; got {0}")]
    CodingUnknown(String),
    /// More than [`MAX_BODY`](crate::MAX_BODY) bytes.
    #[error("the body is longer than the {0} bytes that are taken")]
    BodyTooLong(usize),
    /// RFC 9110 §10.1.1.
    #[error("100-continue is the one expectation that this server meets; got {0}")]
    Expectation(String),
    /// RFC 9112 §7.1.
    #[error("a chunk must begin with its size in hexadecimal digits, on a line of its own that ends in CRLF")]
    ChunkSize,
    /// More than [`MAX_CHUNK_LINE`](crate::MAX_CHUNK_LINE) bytes.
    #[error("the size line of a chunk is longer than 1 KiB")]
    ChunkLineTooLong,
    /// RFC 9112 §7.1: the data is longer or shorter than announced.
    #[error("a chunk's data must be followed by CRLF; is its size right?")]
    ChunkEnd,
    /// RFC 9112 §7.1.2.
    #[error("the trailers after the last chunk must be lines that end in CRLF")]
    Trailers,
}

impl BadMessage {
    /// The status that a server answers with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BodyTooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::Expectation(_) => StatusCode::EXPECTATION_FAILED,
            Self::HeadTooLong | Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Connect | Self::CodingUnknown(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A peer's bytes as they may be shown: escaped, in quotes, cut short after 40.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let (shown, rest) = bytes.split_at(bytes.len().min(40));
    format!("\"{}\"{}", shown.escape_ascii(), if rest.is_empty() { "" } else { " and more" })
}
