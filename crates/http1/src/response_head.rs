//! Decodes the head of a response.
//!
//! A client is more lenient than a server: no other recipient reads the bytes after it, so nothing
//! can be smuggled.

use crate::error::{BadMessage, quote};
use crate::fields::{has_name, parse_number, uninit_fields};
use crate::head::{announced_framing, head_error, start_line, version_of};
use crate::message::{Framing, Head, Message, ResponseLike, sealed::Sealed};
use crate::response::{self, Response, is_bodiless, persists, retry_after};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use httparse::Status;

/// The longest folded field accepted, in bytes without its last line end: senders have not been
/// allowed to fold since RFC 7230.
const MAX_FOLDED: usize = 8 * 1024;

impl Sealed for Response {}

impl Response {
    /// Decodes the head of a response whose body may have up to `max` bytes.
    pub(crate) fn decode_head_up_to(
        head: &[u8],
        to_head: bool,
        max: Option<usize>,
    ) -> Result<Head<Self>, BadMessage> {
        let mut fields = uninit_fields();
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        match config.parse_response_with_uninit_headers(&mut parsed, head, &mut fields) {
            Ok(Status::Complete(length)) if length == head.len() => {}
            Ok(_) => return Err(BadMessage::StatusLine),
            Err(error) => {
                let readable = match error {
                    httparse::Error::Version => read_as_http11(head),
                    httparse::Error::HeaderName => unfold(head)?,
                    _ => None,
                };
                return match readable {
                    Some(head) => Self::decode_head_up_to(&head, to_head, max),
                    None => Err(head_error(error, status_line_error(head))),
                };
            }
        }
        let status = StatusCode::from_u16(parsed.code.unwrap_or_default())
            .map_err(|_| BadMessage::StatusLine)?;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(BadMessage::ProtocolSwitched);
        }
        let version = version_of(parsed.version);
        let headers = headers_of(parsed.headers)?;
        let framing = match to_head || is_bodiless(status) {
            true => Framing::Length(0),
            false => {
                let length = content_length(parsed.headers)?;
                match announced_framing(version, parsed.headers, length, max) {
                    Ok(framing) => framing.unwrap_or(Framing::UntilClose),
                    Err(bad) => return Err(coding_of_response(bad)),
                }
            }
        };
        let message = response::Parts { status, version, headers, body: Bytes::new() }.into();
        Ok(Head { message, framing, expects_continue: false })
    }
}

impl Message for Response {
    /// Responses may be larger than requests, since a client cannot choose what a server sends.
    const MAX_BODY: Option<usize> = Some(64 * 1024 * 1024);

    fn decode_head(head: &[u8], to_head: bool) -> Result<Head<Self>, BadMessage> {
        Self::decode_head_up_to(head, to_head, Self::MAX_BODY)
    }

    fn check_start_line(line: &[u8]) -> Result<(), BadMessage> {
        let mut parsed = httparse::Response::new(&mut []);
        match parsed.parse(line) {
            Err(httparse::Error::Version) if read_as_http11(line).is_some() => Ok(()),
            Err(error) => Err(head_error(error, status_line_error(line))),
            Ok(_) => Ok(()),
        }
    }

    fn too_long(_: &[u8]) -> BadMessage {
        BadMessage::HeadTooLong
    }

    fn set_body(&mut self, body: Bytes) {
        self.set_body(body);
    }
}

impl ResponseLike for Response {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn retry_after(&self) -> Option<u64> {
        retry_after(self.headers().get(header::RETRY_AFTER)?.as_bytes())
    }

    fn is_interim(&self) -> bool {
        self.status().is_informational()
    }

    fn persists(&self) -> bool {
        persists(
            self.version(),
            self.headers().get_all(header::CONNECTION).iter().map(HeaderValue::as_bytes),
        )
    }
}

/// Why this is not a status line, of which at least the first byte is there.
fn status_line_error(line: &[u8]) -> BadMessage {
    let start = &line[..line.len().min(b"HTTP/".len())];
    if b"HTTP/".starts_with(start) { BadMessage::StatusLine } else { BadMessage::NotHttp }
}

/// The same head with HTTP/1.1 in place of a later minor version, which is how it must be read (RFC
/// 9110 §2.5); `None` if it has none.
fn read_as_http11(head: &[u8]) -> Option<Vec<u8>> {
    let minor = head.strip_prefix(b"HTTP/1.")?.first()?;
    matches!(minor, b'2'..=b'9').then(|| {
        let mut head = head.to_vec();
        head[b"HTTP/1.".len()] = b'1';
        head
    })
}

/// The same head with each folded field on one line: a client replaces the line ends of a fold by
/// spaces (RFC 9112 §5.2). `None` if no field is folded.
fn unfold(head: &[u8]) -> Result<Option<Vec<u8>>, BadMessage> {
    let fields = start_line(head).len(); // a fold directly after it continues no field (§2.2)
    let (mut unfolded, mut line) = (head.to_vec(), fields);
    for at in fields..head.len() {
        if head[at] != b'\n' {
            continue;
        }
        if !matches!(head.get(at + 1), Some(b' ' | b'\t')) {
            let end = if head[at - 1] == b'\r' { at - 1 } else { at };
            if end - line > MAX_FOLDED && unfolded[line..end] != head[line..end] {
                return Err(BadMessage::FoldedTooLong);
            }
            line = at + 1;
            continue;
        }
        unfolded[at] = b' ';
        if head[at - 1] == b'\r' {
            unfolded[at - 1] = b' ';
        }
    }
    Ok((unfolded != head).then_some(unfolded))
}

/// The length; a list of equal ones, such as `2, 2`, is read as one (RFC 9110 §8.6).
fn content_length(fields: &[httparse::Header<'_>]) -> Result<Option<u64>, BadMessage> {
    let mut length = None;
    for field in fields.iter().filter(|field| has_name(field, "content-length")) {
        for member in field.value.split(|&byte| byte == b',') {
            let number = parse_number(member.trim_ascii())
                .ok_or_else(|| BadMessage::ContentLength(quote(field.value)))?;
            if length.replace(number).is_some_and(|other| other != number) {
                return Err(BadMessage::ContentLengthsDiffer);
            }
        }
    }
    Ok(length)
}

/// What is wrong with a response's coding is not that the sender should have sent another request.
fn coding_of_response(bad: BadMessage) -> BadMessage {
    match bad {
        BadMessage::Coding(codings) | BadMessage::CodingUnknown(codings) => {
            BadMessage::ResponseCoding(codings)
        }
        bad => bad,
    }
}

fn headers_of(fields: &[httparse::Header<'_>]) -> Result<HeaderMap, BadMessage> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name =
            HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| BadMessage::FieldName)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| BadMessage::FieldValue)?;
        headers.append(name, value);
    }
    Ok(headers)
}
