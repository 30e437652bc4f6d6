//! Bytes in, messages out.

use crate::MAX_HEAD;
use crate::body::Body;
use crate::error::BadMessage;
use crate::head::{Answer, Head, Message};
use crate::scan::line_feed;
use bytes::{Buf, Bytes, BytesMut};

/// What a [`Decoder`] makes of the bytes that it has.
#[derive(Debug)]
pub enum Decoded<M> {
    /// A message, to its last byte.
    Whole(M),
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
    buffer: BytesMut,
    /// Bytes at the front of the buffer that hold no end of the head.
    scanned: usize,
    /// Bytes of empty lines dropped before the start line: they count as head, or one could send them for ever.
    blank: usize,
    /// The length of the start line, its end included; 0 while that is not here.
    start_line: usize,
    checked: Checked,
    to_head: bool,
    head: bool,
    /// The message whose body is on its way; boxed, so that an idle connection does not pay for it.
    begun: Option<Box<(M, Body)>>,
}

impl<M> Default for Decoder<M> {
    fn default() -> Self {
        Self {
            buffer: BytesMut::new(),
            scanned: 0,
            blank: 0,
            start_line: 0,
            checked: Checked::Nothing,
            to_head: false,
            head: false,
            begun: None,
        }
    }
}

impl<M: Message> Decoder<M> {
    /// A decoder at the start of a connection; it owns no buffer yet, nor whenever it stands between messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they were received.
    pub fn push(&mut self, bytes: &[u8]) {
        match self.buffer.capacity() {
            0 => self.buffer = bytes.into(), // cheaper than to make room
            _ => self.buffer.extend_from_slice(bytes),
        }
    }

    /// Takes bytes as they were received; the message, if they are exactly one and nothing of them needs to be kept.
    pub fn take(&mut self, bytes: &[u8]) -> Option<M> {
        let whole = if self.has_begun() { None } else { M::whole(bytes, self.to_head) };
        if whole.is_none() {
            self.push(bytes);
        }
        whole
    }

    /// The buffer, for reading into without a copy; append only. There is room for what is known to be missing of
    /// a body, and for `least` bytes.
    pub fn buffer(&mut self, least: usize) -> &mut BytesMut {
        let missing = match (&self.begun, M::MAX_BODY) {
            (Some(begun), Some(_)) => begun.1.missing(self.buffer.len()),
            _ => 0,
        };
        self.buffer.reserve(missing + least); // a body's pages are the kernel's to give as they are filled
        &mut self.buffer
    }

    /// Whether part of a message is here.
    pub fn has_begun(&self) -> bool {
        // too many empty lines are a head that is too long
        !self.buffer.is_empty() || self.begun.is_some() || self.blank > MAX_HEAD
    }

    /// Decodes the next message, or as much of it as is here.
    ///
    /// # Errors
    /// The first rule that the message breaks.
    pub fn decode(&mut self) -> Result<Decoded<M>, BadMessage> {
        if !self.has_begun() {
            return Ok(Decoded::NeedMore);
        }
        let (message, mut body) = match self.begun.take() {
            Some(begun) => *begun,
            None => {
                let Some(length) = self.find_head()? else { return Ok(Decoded::NeedMore) };
                let head = self.take_front(length);
                self.head = head.starts_with(b"HEAD ");
                (self.scanned, self.blank, self.start_line, self.checked) = (0, 0, 0, Checked::Nothing);
                let Head { message, framing, expects_continue } = M::decode_head(head, self.to_head)?;
                let body = Body::new(framing, M::MAX_BODY);
                if expects_continue {
                    self.begun = Some(Box::new((message, body)));
                    return Ok(Decoded::Continue);
                }
                (message, body)
            }
        };
        match body.decode(&mut self.buffer, M::MAX_BODY)? {
            Some(content) => Ok(self.whole(message, content)),
            None => {
                self.begun = Some(Box::new((message, body)));
                Ok(Decoded::NeedMore)
            }
        }
    }

    /// So many bytes of the buffer; the buffer itself if that is all of it, since sharing one costs an allocation.
    fn take_front(&mut self, length: usize) -> Bytes {
        let front =
            if length == self.buffer.len() { std::mem::take(&mut self.buffer) } else { self.buffer.split_to(length) };
        front.freeze()
    }

    fn whole(&mut self, mut message: M, content: Bytes) -> Decoded<M> {
        self.head = false; // what is refused next is another request
        message.set_body(content);
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new(); // what is left of it would keep the whole allocation alive
        }
        Decoded::Whole(message)
    }

    /// The length of the head at the front of the buffer, its empty line included, once all of it is here.
    fn find_head(&mut self) -> Result<Option<usize>, BadMessage> {
        self.drop_blank_lines();
        let Some(limit) = MAX_HEAD.checked_sub(self.blank) else { return Err(BadMessage::HeadTooLong) };
        match self.buffer[..] {
            [] => {
                self.buffer = BytesMut::new(); // no message has begun that could own one
                return Ok(None);
            }
            [b'\r'] => return Ok(None), // perhaps one more empty line
            _ => {}
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
        if too_long { Err(M::too_long(&self.buffer[..limit])) } else { Ok(found) }
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

    pub(crate) fn is_head(&self) -> bool {
        self.head || self.buffer.starts_with(b"HEAD ")
    }

    /// Empty lines before a start line are not part of it (RFC 9112 §2.2).
    pub(crate) fn drop_blank_lines(&mut self) {
        if self.scanned > 0 || self.begun.is_some() {
            return;
        }
        let mut lines = 0;
        loop {
            match self.buffer[lines..] {
                [b'\n', ..] => lines += 1,
                [b'\r', b'\n', ..] => lines += 2,
                _ => break,
            }
        }
        self.buffer.advance(lines);
        self.blank += lines;
    }
}

impl<M: Answer> Decoder<M> {
    /// Says whether the next response answers a HEAD request: then it has no body, whatever its fields say.
    pub fn answers_head(&mut self, to_head: bool) {
        self.to_head = to_head;
    }

    /// The peer has closed the connection; a response whose body ends there is now whole. To be called when
    /// [`decode`](Self::decode) has taken all that there was.
    pub fn end(&mut self) -> Option<M> {
        match *self.begun.take()? {
            (mut response, Body::UntilClose) => {
                response.set_body(std::mem::take(&mut self.buffer).freeze());
                Some(response)
            }
            _ => None,
        }
    }
}
