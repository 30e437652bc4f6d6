//! Decodes a body, for each kind of framing (RFC 9112 §6 and §7).

use crate::error::BadMessage;
use crate::limits::{MAX_CHUNK_LINE, MAX_FIELDS, MAX_HEAD};
use crate::message::Framing;
use crate::scan::line_feed;
use bytes::{Buf, Bytes, BytesMut};

/// A body that is being decoded, and how many bytes of it are still missing.
#[derive(Debug)]
pub(crate) enum Body {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Body {
    pub(crate) fn new(framing: Framing, max: Option<usize>) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::new(max)),
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
            (Self::Length(0), _) => Ok(Some(Bytes::new())),
            (Self::Length(length), Some(_)) => {
                let length = *length as usize; // within the limit: the head was checked
                Ok((buffer.len() >= length).then(|| buffer.split_to(length).freeze()))
            }
            (Self::Length(remaining), None) => {
                *remaining -= drop_front(buffer, *remaining);
                Ok((*remaining == 0).then(Bytes::new))
            }
            (Self::Chunked(chunked), _) => chunked.decode(buffer),
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

    /// How many bytes are known to be missing, if `buffered` bytes of the body are already in the
    /// buffer.
    pub(crate) fn missing(&self, buffered: usize) -> usize {
        match self {
            Self::Length(length) => (*length as usize).saturating_sub(buffered),
            Self::Chunked(Chunked { step: Step::Data(remaining), .. }) => {
                (*remaining as usize).saturating_sub(buffered)
            }
            _ => 0,
        }
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
#[derive(Debug)]
pub(crate) struct Chunked {
    step: Step,
    content: BytesMut,
    /// How many bytes at the front of the buffer hold no line end, so that they are not scanned
    /// twice.
    scanned: usize,
    max: Option<usize>,
}

#[derive(Debug)]
enum Step {
    /// Next comes the size line of a chunk.
    Size,
    /// Next come this many bytes of data.
    Data(u64),
    /// Next comes the CRLF after the data.
    DataEnd,
    /// Next come the lines after the last chunk; the current one starts at offset `line`.
    Trailers { line: usize },
}

impl Chunked {
    fn new(max: Option<usize>) -> Self {
        Self { step: Step::Size, content: BytesMut::new(), scanned: 0, max }
    }

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, BadMessage> {
        loop {
            self.step = match self.step {
                Step::Size => {
                    let Some(end) =
                        self.line_end(buffer, MAX_CHUNK_LINE + 2, BadMessage::ChunkLineTooLong)?
                    else {
                        return Ok(None);
                    };
                    let size = chunk_size(&buffer[..end])?;
                    buffer.advance(end);
                    self.scanned = 0;
                    match self.max {
                        // a subtraction, since adding to the size could overflow
                        Some(max) if size > (max - self.content.len()) as u64 => {
                            return Err(BadMessage::BodyTooLong(max));
                        }
                        _ if size == 0 => Step::Trailers { line: 0 },
                        _ => Step::Data(size),
                    }
                }
                Step::Data(0) => Step::DataEnd,
                Step::Data(_) if buffer.is_empty() => return Ok(None),
                Step::Data(remaining) if self.max.is_none() => {
                    Step::Data(remaining - drop_front(buffer, remaining))
                }
                Step::Data(remaining) => {
                    let available = remaining.min(buffer.len() as u64);
                    // `unsplit` does not copy the first piece
                    self.content.unsplit(buffer.split_to(available as usize));
                    Step::Data(remaining - available)
                }
                Step::DataEnd => match buffer[..] {
                    [b'\r', b'\n', ..] => {
                        buffer.advance(2);
                        Step::Size
                    }
                    [] | [b'\r'] => return Ok(None),
                    _ => return Err(BadMessage::ChunkEnd),
                },
                Step::Trailers { line } => {
                    let Some(end) = self.line_end(buffer, MAX_HEAD, BadMessage::HeadTooLong)?
                    else {
                        return Ok(None);
                    };
                    if buffer[..end - 1].last() != Some(&b'\r') {
                        return Err(BadMessage::Trailers);
                    }
                    if end - line == 2 {
                        check_trailers(&buffer[..end])?;
                        buffer.advance(end);
                        return Ok(Some(std::mem::take(&mut self.content).freeze()));
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
