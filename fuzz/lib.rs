//! What the targets share: decoding the same bytes whole and in pieces must come to the same.

use http1::{BadMessage, Decoded, Decoder, Message};

/// What the bytes of a connection decode to: its messages, described, and what ended them.
#[derive(Debug, PartialEq)]
pub struct DecodeResult {
    /// One text for each message.
    pub messages: Vec<String>,
    /// What was wrong with the next one.
    pub error: Option<BadMessage>,
    /// Part of a next one is there.
    pub has_begun: bool,
}

/// Decodes `bytes`, given in pieces of `size`; `describe` makes a text of each message.
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
