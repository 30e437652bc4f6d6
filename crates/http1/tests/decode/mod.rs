//! Decodes requests, once in one piece and once byte by byte, and compares the results.

#![allow(dead_code, reason = "some tests use only one of the two functions")]

use http1::{BadMessage, Decoded, Decoder, Request};
use std::fmt::Display;

/// The error to which these bytes lead; it must have this status.
#[track_caller]
pub(crate) fn bad(bytes: impl AsRef<[u8]>, status: u16) -> BadMessage {
    let bytes = bytes.as_ref();
    let (_, Some(bad)) = decode(bytes) else { panic!("accepted: {}", start_of(bytes)) };
    assert_eq!(bad.status().as_u16(), status, "{bad}: {}", start_of(bytes));
    bad
}

/// The requests in these bytes, which must be valid.
#[track_caller]
pub(crate) fn requests_in(bytes: impl AsRef<[u8]>) -> Vec<Request> {
    let bytes = bytes.as_ref();
    match decode(bytes) {
        (requests, None) => requests,
        (_, Some(bad)) => panic!("{bad}: {}", start_of(bytes)),
    }
}

#[track_caller]
fn decode(bytes: &[u8]) -> (Vec<Request>, Option<BadMessage>) {
    let whole = in_pieces(bytes, bytes.len());
    // pieces of 7 bytes if there are many, since single bytes would take too long
    let byte_by_byte = in_pieces(bytes, if bytes.len() < 100_000 { 1 } else { 7 });
    assert_eq!(byte_by_byte.1, whole.1, "byte by byte: {}", start_of(bytes));
    assert_eq!(byte_by_byte.0.len(), whole.0.len(), "byte by byte: {}", start_of(bytes));
    whole
}

fn start_of(bytes: &[u8]) -> impl Display {
    bytes[..bytes.len().min(500)].escape_ascii()
}

fn in_pieces(bytes: &[u8], length: usize) -> (Vec<Request>, Option<BadMessage>) {
    let (mut decoder, mut requests) = (Decoder::new(), Vec::new());
    for piece in bytes.chunks(length) {
        decoder.push(piece);
        loop {
            match decoder.decode() {
                Ok(Decoded::Complete(request)) => requests.push(request),
                Ok(Decoded::Continue) => {}
                Ok(Decoded::NeedMore) => break,
                Err(bad) => return (requests, Some(bad)),
            }
        }
    }
    (requests, None)
}
