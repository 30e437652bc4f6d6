//! Why a message is not taken.

use http::StatusCode;
use std::fmt;

/// A message that is malformed, too large or beyond this crate.
///
/// The text is one sentence for whoever sent it: the `detail` of a server's problem document, the label of a
/// client's failure. What it quotes of the peer's bytes is escaped and cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadMessage {
    /// RFC 9112 §3.
    RequestLine,
    /// RFC 9112 §4.
    StatusLine,
    /// RFC 9110 §15.6.6.
    Version,
    /// RFC 9110 §9.3.6.
    Connect,
    /// RFC 9112 §3.2.
    Target(String),
    /// More than [`MAX_TARGET`](crate::MAX_TARGET) bytes.
    TargetTooLong,
    /// RFC 9112 §5: a bad name, white space around it, or a folded line (§5.2).
    FieldName,
    /// RFC 9110 §5.5.
    FieldValue,
    /// More than [`MAX_HEAD`](crate::MAX_HEAD) bytes.
    HeadTooLong,
    /// More than [`MAX_FIELDS`](crate::MAX_FIELDS).
    TooManyFields,
    /// RFC 9112 §3.2: HTTP/1.1 without one.
    HostMissing,
    /// RFC 9112 §3.2.
    HostTwice,
    /// RFC 9110 §7.2.
    Host(String),
    /// RFC 9110 §8.6: not digits, or more than fits `u64`.
    ContentLength(String),
    /// RFC 9112 §6.3.
    ContentLengthsDiffer,
    /// RFC 9112 §6.3: how requests are smuggled.
    LengthAndCoding,
    /// RFC 9112 §6.1.
    CodingInHttp10,
    /// RFC 9112 §6.3: `chunked` must be the last coding, and come once.
    Coding(String),
    /// RFC 9112 §6.1: a coding before `chunked` that this crate does not undo.
    CodingUnknown(String),
    /// More than [`MAX_BODY`](crate::MAX_BODY) bytes.
    BodyTooLong(usize),
    /// RFC 9110 §10.1.1.
    Expectation(String),
    /// RFC 9112 §7.1.
    ChunkSize,
    /// More than [`MAX_CHUNK_LINE`](crate::MAX_CHUNK_LINE) bytes.
    ChunkLineTooLong,
    /// RFC 9112 §7.1: the data is longer or shorter than announced.
    ChunkEnd,
    /// RFC 9112 §7.1.2.
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

// written out, since a derived one would have everyone who starts a stage build the macro for it
impl fmt::Display for BadMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RequestLine => f.write_str("the request line must read METHOD TARGET HTTP/1.1, with single spaces"),
            Self::StatusLine => f.write_str("the status line must read HTTP/1.1 CODE PHRASE"),
            Self::Version => f.write_str("this server speaks HTTP/1.1 and HTTP/1.0; send one of them"),
            Self::Connect => f.write_str("CONNECT asks for a tunnel, and this server is no proxy"),
            Self::Target(got) => {
                write!(f, "the target must be a path such as /events, or a whole http:// address; got {got}")
            }
            Self::TargetTooLong => f.write_str("the target is longer than 8 KiB"),
            Self::FieldName => f.write_str(
                "each field must be one line that reads Name: value, with no white space in or around the name",
            ),
            Self::FieldValue => {
                f.write_str("a field's value must hold no control character, NUL and bare CR among them")
            }
            Self::HeadTooLong => f.write_str("the head, or the trailers, are longer than 16 KiB"),
            Self::TooManyFields => f.write_str("there are more than 100 fields"),
            Self::HostMissing => f.write_str("an HTTP/1.1 request must have a Host field"),
            Self::HostTwice => f.write_str("a request must have one Host field, not several"),
            Self::Host(got) => write!(f, "Host must be a name or an address, with a port or without; got {got}"),
            Self::ContentLength(got) => write!(f, "Content-Length must be a whole number of bytes; got {got}"),
            Self::ContentLengthsDiffer => f.write_str("there are two Content-Length fields, and they differ"),
            Self::LengthAndCoding => f.write_str("a message must have Content-Length or Transfer-Encoding, not both"),
            Self::CodingInHttp10 => f.write_str("HTTP/1.0 has no Transfer-Encoding; send Content-Length, or HTTP/1.1"),
            Self::Coding(got) => write!(f, "Transfer-Encoding must end in chunked, once; got {got}"),
            Self::CodingUnknown(got) => {
                write!(f, "chunked is the one transfer coding that this server knows; got {got}")
            }
            Self::BodyTooLong(max) => write!(f, "the body is longer than the {max} bytes that are taken"),
            Self::Expectation(got) => {
                write!(f, "100-continue is the one expectation that this server meets; got {got}")
            }
            Self::ChunkSize => f.write_str(
                "a chunk must begin with its size in hexadecimal digits, on a line of its own that ends in CRLF",
            ),
            Self::ChunkLineTooLong => f.write_str("the size line of a chunk is longer than 1 KiB"),
            Self::ChunkEnd => f.write_str("a chunk's data must be followed by CRLF; is its size right?"),
            Self::Trailers => f.write_str("the trailers after the last chunk must be lines that end in CRLF"),
        }
    }
}

impl std::error::Error for BadMessage {}

/// A peer's bytes as they may be shown: escaped, in quotes, cut short after 40.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let (shown, rest) = bytes.split_at(bytes.len().min(40));
    format!("\"{}\"{}", shown.escape_ascii(), if rest.is_empty() { "" } else { " and more" })
}
