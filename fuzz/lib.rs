//! Shared by the targets, which decode the same bytes in one piece and in many and compare the
//! results.

use http1::{BadMessage, Decoded, Decoder, Message};

/// The result of decoding the bytes of a connection.
#[derive(Debug, PartialEq)]
pub struct DecodeResult {
    /// A description of each message.
    pub messages: Vec<String>,
    /// The error in the message after these, if it is malformed.
    pub error: Option<BadMessage>,
    /// Part of another message was received.
    pub has_begun: bool,
}

/// Decodes `bytes` in pieces of `size`; `describe` turns each message into a text.
pub fn decode<M: Message>(
    bytes: &[u8],
    size: usize,
    describe: impl Fn(&M) -> String,
) -> DecodeResult {
    let mut decoder = Decoder::<M>::new();
    let mut messages = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        decoder.push(piece);
        loop {
            match decoder.decode() {
                Ok(Decoded::Complete(message)) => messages.push(describe(&message)),
                Ok(Decoded::Continue) => messages.push("continue".into()),
                Ok(Decoded::NeedMore) => break,
                Err(error) => {
                    return DecodeResult { messages, error: Some(error), has_begun: false };
                }
            }
        }
    }
    DecodeResult { messages, error: None, has_begun: decoder.has_begun() }
}
