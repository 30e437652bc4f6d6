//! Bytes in, messages out.

use crate::body::Body;
use crate::error::BadMessage;
use crate::limits::MAX_HEAD;
use crate::message::{Head, Message, ResponseLike};
use crate::scan::line_feed;
use bytes::{Buf, Bytes, BytesMut};

/// What a [`Decoder`] makes of the bytes that it has.
#[derive(Debug)]
pub enum Decoded<M> {
    /// A message, to its last byte.
    Complete(M),
    /// The head is accepted, and its sender waits for `100 Continue` before it sends the body: send that and go on.
    Continue,
    /// There is more to come.
    NeedMore,
}

/// How much of a start line was checked before its head was here.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Checked {
    Nothing,
    FirstByte,
    Line,
}

/// Decodes the messages of one connection, one after another.
///
/// What it says depends on the bytes alone, not on how they were split; each byte is looked at a fixed number of
/// times, however they drip. After an error the connection is of no use: where the next message begins is unknown.
#[derive(Debug)]
pub struct Decoder<M> {
    /// What is not decoded yet; boxed, so that an idle connection does not pay for it.
    partial: Option<Box<Partial<M>>>,
    /// A message that was decoded where it landed: it came alone and whole, as nearly all do.
    decoded: Option<M>,
    /// Bytes of empty lines dropped before the start line: they count as head, or one could send them for ever.
    skipped: u32,
    to_head: bool,
    is_head_request: bool,
}

/// A message that has partial, and what came after it.
#[derive(Debug)]
struct Partial<M> {
    buffer: BytesMut,
    /// Bytes at the front of the buffer that hold no end of the head.
    scanned: usize,
    /// The length of the start line, its end included; 0 while that is not here.
    start_line: usize,
    checked: Checked,
    /// Once its head is decoded: the message, and what is known of its body.
    body: Option<(M, Body)>,
}

impl<M> Default for Decoder<M> {
    fn default() -> Self {
        Self { partial: None, decoded: None, skipped: 0, to_head: false, is_head_request: false }
    }
}

impl<M: Message> Decoder<M> {
    /// A decoder at the start of a connection; it owns no buffer yet, nor whenever it stands between messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they were received. One plain message, alone and whole, is decoded here; of all else a copy is kept
    /// for [`decode`](Self::decode).
    pub fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.partial.is_none() && self.decoded.is_none() && self.skipped == 0 {
            self.decoded = M::whole(bytes, self.to_head);
            if self.decoded.is_some() {
                self.is_head_request = bytes.starts_with(b"HEAD ");
                return;
            }
        }
        match &mut self.partial {
            Some(partial) => partial.buffer.extend_from_slice(bytes),
            None => self.partial = Some(Box::new(Partial::new(bytes.into()))),
        }
    }

    /// The buffer, for reading into without a copy; append only. There is room for what is known to be missing of
    /// a body, and for `additional` bytes.
    pub fn buffer(&mut self, additional: usize) -> &mut BytesMut {
        let partial = self.partial.get_or_insert_with(|| Box::new(Partial::new(BytesMut::new())));
        let missing = match (&partial.body, M::MAX_BODY) {
            (Some((_, body)), Some(_)) => body.missing(partial.buffer.len()),
            _ => 0,
        };
        partial.buffer.reserve(missing + additional); // a body's pages are the kernel's to give as they are filled
        &mut partial.buffer
    }

    /// Whether part of a message is here.
    pub fn has_begun(&self) -> bool {
        let has_begun = |partial: &Partial<M>| !partial.buffer.is_empty() || partial.body.is_some();
        // too many empty lines are a head that is too long
        self.partial.as_deref().is_some_and(has_begun)
            || self.decoded.is_some()
            || self.skipped > MAX_HEAD as u32
    }

    /// Decodes the next message, or as much of it as is here.
    ///
    /// # Errors
    /// The first rule that the message breaks.
    pub fn decode(&mut self) -> Result<Decoded<M>, BadMessage> {
        if let Some(message) = self.decoded.take() {
            self.is_head_request = false; // what is refused next is another request
            return Ok(Decoded::Complete(message));
        }
        self.drop_blank_lines();
        let Some(limit) = MAX_HEAD.checked_sub(self.skipped as usize) else {
            return Err(BadMessage::HeadTooLong);
        };
        let Some(partial) = &mut self.partial else { return Ok(Decoded::NeedMore) };
        let (message, mut body) = match partial.body.take() {
            Some(decoded) => decoded,
            None => {
                let Some(length) = partial.find_head(limit)? else { return Ok(Decoded::NeedMore) };
                let head = &partial.buffer[..length];
                self.is_head_request = head.starts_with(b"HEAD ");
                self.skipped = 0;
                let Head { message, framing, expects_continue } =
                    M::decode_head(head, self.to_head)?;
                partial.buffer.advance(length);
                let body = Body::new(framing, M::MAX_BODY);
                if expects_continue {
                    partial.body = Some((message, body));
                    return Ok(Decoded::Continue);
                }
                (message, body)
            }
        };
        match body.decode(&mut partial.buffer, M::MAX_BODY)? {
            Some(content) => Ok(self.complete(message, content)),
            None => {
                partial.body = Some((message, body));
                Ok(Decoded::NeedMore)
            }
        }
    }

    fn complete(&mut self, mut message: M, content: Bytes) -> Decoded<M> {
        self.is_head_request = false; // what is refused next is another request
        message.set_body(content);
        // what is left of an empty buffer would keep the whole allocation alive
        self.partial = self.partial.take().filter(|partial| !partial.buffer.is_empty());
        Decoded::Complete(message)
    }

    pub(crate) fn is_head_request(&self) -> bool {
        self.is_head_request
            || self.partial.as_deref().is_some_and(|partial| partial.buffer.starts_with(b"HEAD "))
    }

    /// Empty lines before a start line are not part of it (RFC 9112 §2.2).
    pub(crate) fn drop_blank_lines(&mut self) {
        let Some(partial) = self
            .partial
            .as_deref_mut()
            .filter(|partial| partial.scanned == 0 && partial.body.is_none())
        else {
            return;
        };
        let mut length = 0;
        loop {
            match partial.buffer[length..] {
                [b'\n', ..] => length += 1,
                [b'\r', b'\n', ..] => length += 2,
                _ => break,
            }
        }
        partial.buffer.advance(length);
        self.skipped = self.skipped.saturating_add(length as u32);
        if partial.buffer.is_empty() {
            self.partial = None; // no message has partial that could own one
        }
    }
}

impl<M> Partial<M> {
    fn new(buffer: BytesMut) -> Self {
        Self { buffer, scanned: 0, start_line: 0, checked: Checked::Nothing, body: None }
    }
}

impl<M: Message> Partial<M> {
    /// The length of the head at the front of the buffer, its empty line included, once all of it is here.
    fn find_head(&mut self, limit: usize) -> Result<Option<usize>, BadMessage> {
        if self.buffer[..] == *b"\r" {
            return Ok(None); // perhaps one more empty line
        }
        let found = self.scan_for_end();
        let too_long = found.unwrap_or(self.buffer.len()) > limit;
        if found.is_none() || too_long {
            // a bad start line is refused as soon as it ends, a bad first byte (TLS, say) at once: whoever sent
            // such a thing may never end the head; past the limit nothing counts, however much of it is here
            let (known, checked) = match self.start_line {
                0 => (1, Checked::FirstByte),
                length if length > limit => (1, Checked::FirstByte),
                length => (length, Checked::Line),
            };
            if checked > self.checked {
                self.checked = checked;
                M::check_start_line(&self.buffer[..known])?;
            }
        }
        if too_long {
            return Err(M::too_long(&self.buffer[..limit]));
        }
        if found.is_some() {
            (self.scanned, self.start_line, self.checked) = (0, 0, Checked::Nothing);
        }
        Ok(found)
    }

    /// Looks for a line end with an empty line after it, from where it last gave up.
    fn scan_for_end(&mut self) -> Option<usize> {
        while let Some(at) = line_feed(&self.buffer[self.scanned..]) {
            let line_feed = self.scanned + at;
            if self.start_line == 0 {
                self.start_line = line_feed + 1;
            }
            match self.buffer[line_feed + 1..] {
                [b'\n', ..] => return Some(line_feed + 2),
                [b'\r', b'\n', ..] => return Some(line_feed + 3),
                [] | [b'\r'] => {
                    self.scanned = line_feed; // undecided: to be looked at again, from here
                    return None;
                }
                _ => self.scanned = line_feed + 1,
            }
        }
        self.scanned = self.buffer.len();
        None
    }
}

impl<M: ResponseLike> Decoder<M> {
    /// Says whether the next response answers a HEAD request: then it has no body, whatever its fields say. To be said
    /// before any of it is pushed.
    pub fn answers_head(&mut self, to_head: bool) {
        self.to_head = to_head;
    }

    /// The peer has closed the connection; a response whose body ends there is now whole. To be called when
    /// [`decode`](Self::decode) has taken all that there was.
    pub fn end(&mut self) -> Option<M> {
        let partial = self.partial.take()?;
        match partial.body? {
            (mut response, Body::UntilClose) => {
                response.set_body(partial.buffer.freeze());
                Some(response)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoded, Decoder};
    use crate::limits::{MAX_FIELDS, MAX_HEAD};
    use crate::request::Request;
    use crate::scan::BYTES_SCANNED;

    /// How many bytes are looked at if `bytes` come one by one.
    fn bytes_scanned(bytes: &[u8]) -> usize {
        BYTES_SCANNED.set(0);
        let mut decoder = Decoder::<Request>::new();
        for (byte, remaining) in bytes.iter().zip((0..bytes.len()).rev()) {
            decoder.push(&[*byte]);
            let decoded = decoder.decode().unwrap();
            assert_eq!(
                matches!(decoded, Decoded::Complete(_)),
                remaining == 0,
                "{remaining} bytes before the end: {decoded:?}"
            );
        }
        BYTES_SCANNED.get()
    }

    #[test]
    fn decoding_byte_by_byte_takes_linear_work() {
        let long_line =
            format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD - 100));
        let many_lines =
            format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "Xxxx: y\r\n".repeat(MAX_FIELDS - 1));
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunks =
            format!("{head}{}0\r\n\r\n", format!("1;{}\r\nx\r\n", "e".repeat(1000)).repeat(50));
        let trailers = format!("{head}0\r\n{}\r\n", "Xxxx: y\r\n".repeat(MAX_FIELDS));
        let blank_lines = format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n".repeat(4000));
        for bytes in [long_line, many_lines, chunks, trailers, blank_lines] {
            let scanned = bytes_scanned(bytes.as_bytes());
            assert!(scanned <= 3 * bytes.len(), "{scanned} for {} bytes", bytes.len());
        }
    }
}
