//! Decodes a body, for each kind of framing (RFC 9112 §6 and §7).

use crate::error::BadMessage;
use crate::large::Large;
use crate::limits::{MAX_CHUNK_LINE, MAX_FIELDS, MAX_HEAD, SCRATCH};
use crate::message::Framing;
use crate::scan::line_feed;
use bytes::{Buf, Bytes, BytesMut};

/// A body that is being decoded.
#[derive(Debug)]
pub(crate) enum Body {
    Length(Length),
    Chunked(Chunked),
    UntilClose,
}

impl Body {
    pub(crate) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(remaining) => Self::Length(Length { remaining, large: None }),
            Framing::Chunked => Self::Chunked(Chunked::default()),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// Consumes what belongs to the body from the front of `buffer`. Returns the content once the
    /// body is complete; the content is empty if `max` is `None`, since then the bytes are dropped.
    pub(crate) fn decode(
        &mut self,
        buffer: &mut BytesMut,
        max: Option<usize>,
    ) -> Result<Option<Bytes>, BadMessage> {
        match (self, max) {
            (Self::Length(length), max) => length.decode(buffer, max),
            (Self::Chunked(chunked), max) => chunked.decode(buffer, max),
            (Self::UntilClose, Some(max)) if buffer.len() > max => {
                Err(BadMessage::BodyTooLong(max))
            }
            (Self::UntilClose, Some(_)) => Ok(None),
            (Self::UntilClose, None) => {
                buffer.clear();
                Ok(None)
            }
        }
    }

    /// How many bytes are known to be missing in the buffer, which holds `buffered` bytes. Those of
    /// a large body pass through it.
    pub(crate) fn missing(&self, buffered: usize) -> usize {
        let (remaining, content, is_large) = match self {
            Self::Length(Length { remaining, large }) => (*remaining, 0, large.is_some()),
            Self::Chunked(Chunked { step: Step::Data(remaining), content, large, .. }) => {
                (*remaining, *content, large.is_some())
            }
            _ => return 0,
        };
        let missing = (remaining as usize).saturating_sub(buffered - content);
        if is_large { missing.min(SCRATCH) } else { missing }
    }

    /// Where the next bytes of a large body go, if the buffer is empty: it need not be filled first.
    pub(crate) fn spare(&mut self) -> Option<&mut [u8]> {
        let (large, remaining) = self.large()?;
        Some(large.spare(*remaining as usize))
    }

    /// Records that `count` bytes have been read to the spare part.
    pub(crate) fn filled(&mut self, count: usize) {
        if let Some((large, remaining)) = self.large() {
            large.filled(count);
            *remaining -= count as u64;
        }
    }

    /// The content of a large body, and how many bytes of data are missing until its end or that of
    /// the chunk.
    fn large(&mut self) -> Option<(&mut Large, &mut u64)> {
        match self {
            Self::Length(Length { remaining, large: Some(large) })
            | Self::Chunked(Chunked { step: Step::Data(remaining), large: Some(large), .. }) => {
                Some((large, remaining))
            }
            _ => None,
        }
    }

    /// How many bytes are decoded and no longer in the buffer.
    pub(crate) fn decoded(&self) -> usize {
        match self {
            Self::Length(Length { large: Some(large), .. })
            | Self::Chunked(Chunked { large: Some(large), .. }) => large.len(),
            _ => 0,
        }
    }
}

/// A body whose length is known from its head.
#[derive(Debug)]
pub(crate) struct Length {
    remaining: u64,
    /// What has arrived of a large body; a small one stays in the buffer.
    large: Option<Large>,
}

impl Length {
    fn decode(
        &mut self,
        buffer: &mut BytesMut,
        max: Option<usize>,
    ) -> Result<Option<Bytes>, BadMessage> {
        let Some(max) = max else {
            self.remaining -= drop_front(buffer, self.remaining);
            return Ok((self.remaining == 0).then(Bytes::new));
        };
        let remaining = self.remaining as usize; // within the limit: the head was checked
        if self.large.is_none() && (buffer.len() >= remaining || Large::is_small(remaining, max)) {
            let is_complete = buffer.len() >= remaining;
            return Ok(is_complete.then(|| buffer.split_to(remaining).freeze()));
        }
        let large = match &mut self.large {
            Some(large) => large,
            None => self.large.insert(Large::new()?),
        };
        let available = remaining.min(buffer.len());
        large.push(&buffer[..available]);
        buffer.advance(available);
        self.remaining -= available as u64;
        Ok(if self.remaining == 0 { self.large.take().map(Bytes::from_owner) } else { None })
    }
}

/// Drops up to `max` bytes from the front, and returns how many were dropped.
fn drop_front(buffer: &mut BytesMut, max: u64) -> u64 {
    let available = max.min(buffer.len() as u64);
    buffer.advance(available as usize);
    available
}

/// Decodes the chunked coding, as strictly as the RFC allows: no bare LF, no white space except
/// around an extension's semicolon, no sign, no control character. A request can be
/// smuggled wherever two decoders on its way differ.
///
/// The content is assembled where it arrived, at the front of the buffer, until it is large: in one
/// chunk or in many, a body costs its size once.
#[derive(Debug, Default)]
pub(crate) struct Chunked {
    step: Step,
    /// How many bytes of content are at the front of the buffer.
    content: usize,
    /// All of the content, once it is large.
    large: Option<Large>,
    /// Where the bytes that are not decoded yet begin; between the two is what was decoded and is
    /// not content.
    undecoded: usize,
    /// How many bytes after `undecoded` hold no line end, so that they are not scanned twice.
    scanned: usize,
}

#[derive(Debug, Default)]
enum Step {
    /// Next comes the size line of a chunk.
    #[default]
    Size,
    /// Next come this many bytes of data.
    Data(u64),
    /// Next comes the CRLF after the data.
    DataEnd,
    /// Next come the lines after the last chunk; the current one starts `line` bytes after
    /// `undecoded`.
    Trailers { line: usize },
}

impl Chunked {
    fn decode(
        &mut self,
        buffer: &mut BytesMut,
        max: Option<usize>,
    ) -> Result<Option<Bytes>, BadMessage> {
        if self.decode_in_place(buffer, max)? {
            let content = buffer.split_to(self.content).freeze();
            buffer.advance(self.undecoded - self.content);
            return Ok(Some(self.large.take().map_or(content, Bytes::from_owner)));
        }
        // the next read appends to the content: what is undecoded is part of a line at most
        if self.large.is_some() && buffer.capacity() > 2 * SCRATCH {
            *buffer = buffer[self.undecoded..].into(); // it was the content's
        } else if self.content == 0 {
            buffer.advance(self.undecoded);
        } else if self.undecoded > self.content {
            let undecoded = buffer.len() - self.undecoded;
            buffer.copy_within(self.undecoded.., self.content);
            buffer.truncate(self.content + undecoded);
        }
        self.undecoded = self.content;
        Ok(None)
    }

    /// Moves the data to the content at the front. Returns whether the body is complete.
    fn decode_in_place(
        &mut self,
        buffer: &mut [u8],
        max: Option<usize>,
    ) -> Result<bool, BadMessage> {
        loop {
            let undecoded = &buffer[self.undecoded..];
            self.step = match self.step {
                Step::Size => {
                    let too_long = BadMessage::ChunkLineTooLong;
                    let Some(end) = self.line_end(undecoded, MAX_CHUNK_LINE + 2, too_long)? else {
                        return Ok(false);
                    };
                    let size = chunk_size(&undecoded[..end])?;
                    self.undecoded += end;
                    self.scanned = 0;
                    if let Some(max) = max {
                        let content = self.content + self.large.as_ref().map_or(0, Large::len);
                        // a subtraction, since adding to the size could overflow
                        if size > (max - content) as u64 {
                            return Err(BadMessage::BodyTooLong(max));
                        }
                        if self.large.is_none() && !Large::is_small(content + size as usize, max) {
                            let large = self.large.insert(Large::new()?);
                            large.push(&buffer[..content]);
                            self.content = 0;
                        }
                    }
                    if size == 0 { Step::Trailers { line: 0 } } else { Step::Data(size) }
                }
                Step::Data(0) => Step::DataEnd,
                Step::Data(_) if undecoded.is_empty() => return Ok(false),
                Step::Data(remaining) => {
                    let available = remaining.min(undecoded.len() as u64);
                    let data = self.undecoded..self.undecoded + available as usize;
                    self.undecoded = data.end;
                    match (&mut self.large, max) {
                        (_, None) => {} // without a limit the data is dropped
                        (Some(large), _) => large.push(&buffer[data]),
                        (None, _) => {
                            let content = self.content;
                            self.content += data.len();
                            buffer.copy_within(data, content);
                        }
                    }
                    Step::Data(remaining - available)
                }
                Step::DataEnd => match undecoded {
                    [b'\r', b'\n', ..] => {
                        self.undecoded += 2;
                        Step::Size
                    }
                    [] | [b'\r'] => return Ok(false),
                    _ => return Err(BadMessage::ChunkEnd),
                },
                Step::Trailers { line } => {
                    let too_long = BadMessage::HeadTooLong;
                    let Some(end) = self.line_end(undecoded, MAX_HEAD, too_long)? else {
                        return Ok(false);
                    };
                    if undecoded[..end - 1].last() != Some(&b'\r') {
                        return Err(BadMessage::Trailers);
                    }
                    if end - line == 2 {
                        check_trailers(&undecoded[..end])?;
                        self.undecoded += end;
                        return Ok(true);
                    }
                    Step::Trailers { line: end }
                }
            };
        }
    }

    /// The offset after the next LF, or `too_long` if that is not within the first `limit` bytes.
    fn line_end(
        &mut self,
        buffer: &[u8],
        limit: usize,
        too_long: BadMessage,
    ) -> Result<Option<usize>, BadMessage> {
        let found = line_feed(&buffer[self.scanned..]).map(|at| self.scanned + at + 1);
        self.scanned = found.unwrap_or(buffer.len());
        if self.scanned > limit || (found.is_none() && buffer.len() >= limit) {
            Err(too_long)
        } else {
            Ok(found)
        }
    }
}

/// `chunk-size [ chunk-ext ] CRLF` (RFC 9112 §7.1); `line` ends in LF.
fn chunk_size(line: &[u8]) -> Result<u64, BadMessage> {
    let line = line.strip_suffix(b"\r\n").ok_or(BadMessage::ChunkSize)?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, extension) = line.split_at(digits);
    let name = extension.trim_ascii_start().strip_prefix(b";").map(<[u8]>::trim_ascii_start);
    let is_token_byte =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let extension_is_valid =
        extension.is_empty() || name.and_then(<[u8]>::first).is_some_and(is_token_byte);
    let is_text = |&byte: &u8| byte == b'\t' || !byte.is_ascii_control();
    if digits == 0 || !extension_is_valid || !extension.iter().all(is_text) {
        return Err(BadMessage::ChunkSize);
    }
    // saturates: a size that does not fit into u64 exceeds every limit
    let digit = |&byte: &u8| u64::from((byte as char).to_digit(16).unwrap_or(0));
    Ok(size.iter().fold(0, |size: u64, byte| size.saturating_mul(16).saturating_add(digit(byte))))
}

/// Checks that the trailer section consists of fields; they are then dropped.
fn check_trailers(section: &[u8]) -> Result<(), BadMessage> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    match httparse::parse_headers(section, &mut fields) {
        Ok(httparse::Status::Complete((length, _))) if length == section.len() => Ok(()),
        Err(httparse::Error::TooManyHeaders) => Err(BadMessage::TooManyFields),
        Err(httparse::Error::HeaderValue) => Err(BadMessage::FieldValue),
        Err(httparse::Error::HeaderName) => Err(BadMessage::FieldName),
        _ => Err(BadMessage::Trailers),
    }
}
