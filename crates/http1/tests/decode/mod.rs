//! What a decoder says of a server's input, in one piece and dripping.

#![allow(dead_code, reason = "some tests are about the bad, some about the good")]

use http1::{BadMessage, Decoded, Decoder, Request};
use std::fmt::Display;

/// The error that these bytes lead to, and its status.
#[track_caller]
pub(crate) fn bad(bytes: impl AsRef<[u8]>, status: u16) -> BadMessage {
    let bytes = bytes.as_ref();
    let (_, Some(bad)) = decode(bytes) else { panic!("taken: {}", start_of(bytes)) };
    assert_eq!(bad.status().as_u16(), status, "{bad} is said of {}", start_of(bytes));
    bad
}

/// The requests that these bytes are.
#[track_caller]
pub(crate) fn requests_in(bytes: impl AsRef<[u8]>) -> Vec<Request> {
    let bytes = bytes.as_ref();
    match decode(bytes) {
        (requests, None) => requests,
        (_, Some(bad)) => panic!("{bad} is said of {}", start_of(bytes)),
    }
}

#[track_caller]
fn decode(bytes: &[u8]) -> (Vec<Request>, Option<BadMessage>) {
    let whole = in_pieces(bytes, bytes.len());
    let byte_by_byte = in_pieces(bytes, if bytes.len() < 100_000 { 1 } else { 7 }); // or it would take its time
    assert_eq!(byte_by_byte.1, whole.1, "dripping: {}", start_of(bytes));
    assert_eq!(byte_by_byte.0.len(), whole.0.len(), "dripping: {}", start_of(bytes));
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
