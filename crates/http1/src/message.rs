//! The interface between the decoder and each kind of message.

use crate::error::BadMessage;
use bytes::Bytes;
use http::StatusCode;

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After this many bytes; 0 if there is no body.
    Length(u64),
    /// After the chunk of size 0 and the trailers.
    Chunked,
    /// At the end of the connection; only responses can end this way.
    UntilClose,
}

/// What a client can decode a response as: a [`Response`](crate::Response), or a
/// [`ResponseSummary`](crate::ResponseSummary) without its body.
pub trait ResponseLike: Message {
    /// The status code.
    fn status(&self) -> StatusCode;

    /// The `Retry-After` in seconds from now: 0 for a date in the past, `u64::MAX` for a number beyond
    /// that; `None` if it is missing or malformed (RFC 9110 §10.2.3).
    fn retry_after(&self) -> Option<u64>;

    /// Whether it is interim (1xx): another response to the same request follows.
    #[doc(hidden)]
    fn is_interim(&self) -> bool;

    /// Whether the connection stays open after it (RFC 9112 §9.3).
    #[doc(hidden)]
    fn persists(&self) -> bool;
}

/// A decoded head.
#[derive(Debug)]
pub struct Head<M> {
    pub(crate) message: M,
    pub(crate) framing: Framing,
    /// The sender waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    pub(crate) expects_continue: bool,
}

/// A message that a [`Decoder`](crate::Decoder) can decode: a request, a response, or the summary
/// of a response.
pub trait Message: Sized + Sealed {
    /// Decodes a head, from its start line to its empty line. `to_head` means that a response
    /// answers HEAD.
    #[doc(hidden)]
    fn decode_head(head: &[u8], to_head: bool) -> Result<Head<Self>, BadMessage>;

    /// Checks a start line, or the first byte of one, before the rest of the head has arrived.
    #[doc(hidden)]
    fn check_start_line(line: &[u8]) -> Result<(), BadMessage>;

    /// The error for a head over the limit; `head` is the part of it up to the limit.
    #[doc(hidden)]
    fn too_long(head: &[u8]) -> BadMessage;

    /// The longest body accepted, in bytes. `None` means that a body may have any length and is
    /// dropped.
    #[doc(hidden)]
    const MAX_BODY: Option<usize>;

    #[doc(hidden)]
    fn set_body(&mut self, body: Bytes);

    /// Decodes bytes that are exactly one message, without buffering them first. `None` if they are
    /// not, or if the decoder has to examine them more closely.
    #[doc(hidden)]
    fn whole(_bytes: &[u8], _to_head: bool) -> Option<Self> {
        None
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;
