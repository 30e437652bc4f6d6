//! What a decoder decodes: the interface between it and each kind of message.

use crate::error::BadMessage;
use bytes::Bytes;
use http::StatusCode;

/// How the end of a body is known (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes; 0 where there is no body.
    Length(u64),
    /// After the chunk of size 0 and the trailers.
    Chunked,
    /// When the connection ends: responses only.
    UntilClose,
}

/// What a client awaits of a server: a whole response, or what is kept of it.
pub trait ResponseLike: Message {
    /// The status code.
    fn status(&self) -> StatusCode;

    /// Its `Retry-After`, in seconds, where that is a number (RFC 9110 §10.2.3).
    fn retry_after(&self) -> Option<u64>;

    /// Whether another response follows that answers the same request (1xx).
    #[doc(hidden)]
    fn is_interim(&self) -> bool;

    /// Whether the connection outlives it (RFC 9112 §9.3).
    #[doc(hidden)]
    fn persists(&self) -> bool;
}

/// A head, decoded.
#[derive(Debug)]
pub struct Head<M> {
    pub(crate) message: M,
    pub(crate) framing: Framing,
    /// The sender waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    pub(crate) expects_continue: bool,
}

/// What a [`Decoder`](crate::Decoder) decodes: a request, a response, or what is kept of one.
pub trait Message: Sized + Sealed {
    /// Decodes a head, from its start line to its empty line. `to_head`: of a response, that it answers HEAD.
    #[doc(hidden)]
    fn decode_head(head: &[u8], to_head: bool) -> Result<Head<Self>, BadMessage>;

    /// What can be said against a start line before the rest of the head is here.
    #[doc(hidden)]
    fn check_start_line(line: &[u8]) -> Result<(), BadMessage>;

    /// What is said of a head over the limit; `head` is what there is of it up to there.
    #[doc(hidden)]
    fn too_long(head: &[u8]) -> BadMessage;

    /// The longest body taken, in bytes; `None`: it may have any length, and is dropped as it comes.
    #[doc(hidden)]
    const MAX_BODY: Option<usize>;

    #[doc(hidden)]
    fn set_body(&mut self, body: Bytes);

    /// The message that these bytes are, exactly, if that can be said without keeping them.
    #[doc(hidden)]
    fn whole(_bytes: &[u8], _to_head: bool) -> Option<Self> {
        None
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;
