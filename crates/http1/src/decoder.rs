//! Decodes messages from the bytes of a connection.

use crate::body::Body;
use crate::budget::{BodyBudget, Share};
use crate::error::BadMessage;
use crate::limits::MAX_HEAD;
use crate::message::{Head, Message, ResponseLike};
use crate::scan::line_feed;
use bytes::{Buf, Bytes, BytesMut};

/// What a [`Decoder`] found in the bytes received so far.
#[derive(Debug)]
pub enum Decoded<M> {
    /// A complete message.
    Complete(M),
    /// The head is valid, and its sender waits for `100 Continue` before it sends the body: send
    /// that, then decode on.
    Continue,
    /// Part of the message is still missing: read, push and try again.
    NeedMore,
}

/// How much of a start line was checked before the head was complete.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Checked {
    Nothing,
    FirstByte,
    Line,
}

/// Decodes the messages of one connection, one after another.
///
/// The result depends only on the bytes, not on how they were split, and the work is linear in
/// their number even if they arrive one by one. After an error the connection cannot be used any
/// more, since the start of the next message is unknown.
#[derive(Debug)]
pub struct Decoder<M> {
    /// The message that is being received; boxed, so that an idle connection needs no memory for
    /// it.
    partial: Option<Box<Partial<M>>>,
    /// A message that `push` has already decoded, without the buffer: it arrived complete and
    /// alone, as most do.
    decoded: Option<M>,
    /// How many bytes of empty lines were dropped before the start line. They count towards the
    /// limit of the head, so that a client cannot send them endlessly.
    skipped: u32,
    /// The next response answers a HEAD request.
    to_head: bool,
    /// Whether the request that is being received is a HEAD request; `None` until its head is
    /// complete.
    is_head_request: Option<bool>,
    /// What the bodies of all connections may hold together.
    budget: Option<BodyBudget>,
}

/// A message that has begun, and the bytes received after it.
#[derive(Debug)]
struct Partial<M> {
    buffer: BytesMut,
    /// How many bytes at the front of the buffer do not contain the end of the head.
    scanned: usize,
    /// The length of the start line with its line end; 0 while the line is incomplete.
    start_line: usize,
    checked: Checked,
    /// The message and its body, once the head is decoded.
    body: Option<(M, Body)>,
    /// What of the budget the body holds.
    share: Option<Share>,
}

impl<M> Default for Decoder<M> {
    fn default() -> Self {
        Self {
            partial: None,
            decoded: None,
            skipped: 0,
            to_head: false,
            is_head_request: None,
            budget: None,
        }
    }
}

impl<M: Message> Decoder<M> {
    /// A decoder at the start of a connection. It owns no buffer yet, and none between messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same decoder, whose bodies are part of this budget while they are received.
    #[must_use]
    pub fn with_budget(mut self, budget: &BodyBudget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    pub(crate) fn budget(&self) -> Option<&BodyBudget> {
        self.budget.as_ref()
    }

    /// Adds bytes as they were received. A single complete message is decoded immediately; all
    /// other bytes are copied for [`decode`](Self::decode).
    pub fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.partial.is_none() && self.decoded.is_none() && self.skipped == 0 {
            self.decoded = M::whole(bytes, self.to_head);
            if self.decoded.is_some() {
                self.is_head_request = Some(bytes.starts_with(b"HEAD "));
                return;
            }
        }
        match &mut self.partial {
            Some(partial) => partial.buffer.extend_from_slice(bytes),
            None => self.partial = Some(Box::new(Partial::new(bytes.into()))),
        }
    }

    /// The buffer, to read into without a copy: append to it only. It has capacity for `additional`
    /// bytes, and for the part of the body that is known to be missing, unless that is large.
    pub fn buffer(&mut self, additional: usize) -> &mut BytesMut {
        let partial = self.partial.get_or_insert_with(|| Box::new(Partial::new(BytesMut::new())));
        let missing = match (&partial.body, M::MAX_BODY) {
            (Some((_, body)), Some(_)) => body.missing(partial.buffer.len()),
            _ => 0,
        };
        partial.buffer.reserve(missing + additional);
        &mut partial.buffer
    }

    /// Where the next bytes can be read to without passing through a buffer: a part of a large body.
    pub(crate) fn spare(&mut self) -> Option<&mut [u8]> {
        let partial = self.partial.as_deref_mut().filter(|partial| partial.buffer.is_empty())?;
        partial.body.as_mut()?.1.spare().filter(|spare| !spare.is_empty())
    }

    /// Records that `count` bytes have been read there.
    pub(crate) fn filled(&mut self, count: usize) {
        if let Some((_, body)) =
            self.partial.as_deref_mut().and_then(|partial| partial.body.as_mut())
        {
            body.filled(count);
        }
    }

    /// Whether part of a message has been received.
    pub fn has_begun(&self) -> bool {
        let has_begun = |partial: &Partial<M>| !partial.buffer.is_empty() || partial.body.is_some();
        // too many empty lines count as the start of a head that is too long
        self.partial.as_deref().is_some_and(has_begun)
            || self.decoded.is_some()
            || self.skipped > MAX_HEAD as u32
    }

    /// Decodes the next message, as far as it has been received.
    ///
    /// # Errors
    /// The message is malformed or too large; the error names the first rule that it breaks.
    pub fn decode(&mut self) -> Result<Decoded<M>, BadMessage> {
        if let Some(message) = self.decoded.take() {
            self.is_head_request = None; // a later rejection is for another request
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
                self.is_head_request = Some(head.starts_with(b"HEAD "));
                self.skipped = 0;
                let Head { message, framing, expects_continue } =
                    M::decode_head(head, self.to_head)?;
                partial.buffer.advance(length);
                let body = Body::new(framing);
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
                if let Some(budget) = &self.budget {
                    let share = partial.share.get_or_insert_with(|| budget.share());
                    share.grow_to(partial.buffer.len() + body.decoded())?;
                }
                partial.body = Some((message, body));
                Ok(Decoded::NeedMore)
            }
        }
    }

    fn complete(&mut self, mut message: M, content: Bytes) -> Decoded<M> {
        self.is_head_request = None; // a later rejection is for another request
        if let Some(partial) = &mut self.partial {
            partial.share = None;
            // what has arrived of the next message must not keep the allocation of this body alive
            if partial.buffer.len() < content.len() {
                partial.buffer = BytesMut::from(&partial.buffer[..]);
            }
        }
        self.partial = self.partial.take().filter(|partial| !partial.buffer.is_empty());
        message.set_body(content);
        Decoded::Complete(message)
    }

    /// Whether the request that is being received, or that was malformed, is a HEAD request.
    pub(crate) fn is_head_request(&self) -> bool {
        let starts_with_head =
            || self.partial.as_deref().is_some_and(|partial| partial.buffer.starts_with(b"HEAD "));
        self.is_head_request.unwrap_or_else(starts_with_head)
    }

    /// Drops empty lines before a start line, which are not part of the message (RFC 9112 §2.2).
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
            self.partial = None; // no message has begun, so none owns a buffer
        }
    }
}

impl<M> Partial<M> {
    fn new(buffer: BytesMut) -> Self {
        Self {
            buffer,
            scanned: 0,
            start_line: 0,
            checked: Checked::Nothing,
            body: None,
            share: None,
        }
    }
}

impl<M: Message> Partial<M> {
    /// The length of the head at the front of the buffer, with its empty line; `None` while it is
    /// incomplete.
    fn find_head(&mut self, limit: usize) -> Result<Option<usize>, BadMessage> {
        if self.buffer[..] == *b"\r" {
            return Ok(None); // possibly another empty line
        }
        let found = self.scan_for_end();
        let too_long = found.unwrap_or(self.buffer.len()) > limit;
        if found.is_none() || too_long {
            // A bad first byte (such as TLS sends) is rejected immediately, and a bad start line as
            // soon as it ends, since such a client may never send the end of a head. Bytes beyond
            // the limit are ignored, so that the error does not depend on how many of them have
            // arrived.
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

    /// Looks for a line end followed by an empty line, and continues where the last call stopped.
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
                    self.scanned = line_feed; // the next call decides, and starts here
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
    /// Sets whether the next response answers a HEAD request: then it has no body, whatever its
    /// fields say. Call this before any part of the response is pushed.
    pub fn answers_head(&mut self, to_head: bool) {
        self.to_head = to_head;
    }

    /// Reports that the server has closed the connection. Returns the response if its body lasts
    /// until then; `None` if no response had begun or part of it is missing. Call this once
    /// [`decode`](Self::decode) needs more bytes.
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

    /// How many bytes are scanned for line ends if `bytes` arrive one by one.
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
            assert!(
                scanned <= 3 * bytes.len(),
                "{scanned} bytes scanned for {} received",
                bytes.len()
            );
        }
    }
}
