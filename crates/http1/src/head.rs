//! Decodes the head of a request: the start line, the fields, and how the end of the body is found.
//!
//! httparse splits the bytes into tokens. The rules beyond the grammar are here, each as strict as
//! its RFC allows. Responses share those of the framing.

use crate::error::{BadMessage, quote};
use crate::fields::{has_name, parse_number, uninit_fields};
use crate::limits::{MAX_BODY, MAX_HEAD, MAX_TARGET};
use crate::message::{Framing, Head, Message, sealed::Sealed};
use crate::request::{self, Request};
use crate::response::persists;
use crate::target::{Path, check_host, path_in};
use bytes::Bytes;
use http::{Method, Version};
use httparse::Status;

impl Sealed for Request {}

impl Message for Request {
    const MAX_BODY: Option<usize> = Some(MAX_BODY);

    fn decode_head(head: &[u8], _: bool) -> Result<Head<Self>, BadMessage> {
        let mut fields = uninit_fields();
        let mut parsed = httparse::Request::new(&mut []);
        match parsed.parse_with_uninit_headers(head, &mut fields) {
            Ok(Status::Complete(length)) if length == head.len() => {
                let mut decoded = validate(&parsed)?;
                decoded.message.set_head(head.into());
                Ok(decoded)
            }
            Ok(_) => Err(BadMessage::RequestLine),
            Err(httparse::Error::Version) => match read_as_http11(head) {
                Some(head) => Self::decode_head(&head, false),
                None => Err(version_error(head)),
            },
            Err(error) => {
                // an error in the start line comes first, as it does if the head arrives in pieces
                Self::check_start_line(start_line(head))?;
                Err(head_error(error, BadMessage::FieldName))
            }
        }
    }

    fn check_start_line(line: &[u8]) -> Result<(), BadMessage> {
        let mut parsed = httparse::Request::new(&mut []);
        match parsed.parse(line) {
            Ok(_) => {}
            Err(httparse::Error::Version) if ends_in_http1(line) => {}
            Err(httparse::Error::Version) => return Err(version_error(line)),
            Err(error) => return Err(head_error(error, BadMessage::RequestLine)),
        }
        match parsed.path {
            Some(target) if target.len() > MAX_TARGET => Err(BadMessage::TargetTooLong),
            _ => Ok(()),
        }
    }

    fn too_long(head: &[u8]) -> BadMessage {
        let target = start_line(head).split(|&byte| byte == b' ').nth(1); // maybe only part of it
        let is_target = target.is_some_and(|target| target.len() > MAX_TARGET);
        if is_target { BadMessage::TargetTooLong } else { BadMessage::HeadTooLong }
    }

    fn set_body(&mut self, body: Bytes) {
        self.set_body(body);
    }

    fn whole(bytes: &[u8], _: bool) -> Option<Self> {
        let mut fields = uninit_fields();
        let mut parsed = httparse::Request::new(&mut []);
        // the decoder handles the rest: empty lines before it, malformed requests, and those over a
        // limit
        let length = match parsed.parse_with_uninit_headers(bytes, &mut fields) {
            Ok(Status::Complete(length)) if length <= MAX_HEAD && bytes[0].is_ascii_graphic() => {
                length
            }
            _ => return None,
        };
        let (head, body) = bytes.split_at(length);
        let Head { mut message, framing, expects_continue } = validate(&parsed).ok()?;
        if framing != Framing::Length(body.len() as u64) || expects_continue {
            return None;
        }
        message.set_head(head.into());
        if !body.is_empty() {
            message.set_body(Bytes::copy_from_slice(body));
        }
        Some(message)
    }
}

/// Checks the start line and the fields of a request. The caller adds the bytes of the head to the
/// message.
fn validate(parsed: &httparse::Request<'_, '_>) -> Result<Head<Request>, BadMessage> {
    let method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes());
    let method = method.map_err(|_| BadMessage::RequestLine)?;
    let version = version_of(parsed.version);
    let target = parsed.path.unwrap_or_default().as_bytes();
    if target.len() > MAX_TARGET {
        return Err(BadMessage::TargetTooLong);
    }
    if method == Method::CONNECT {
        return Err(BadMessage::Connect);
    }
    let Path { range: path, decoded: decoded_path } =
        path_in(target, &method).ok_or_else(|| BadMessage::Target(quote(target)))?;
    check_host(version, path.start > 0, parsed.headers)?;
    let length = content_length(parsed.headers)?;
    let framing = announced_framing(version, parsed.headers, length, Request::MAX_BODY)?
        .unwrap_or(Framing::Length(0));
    let expects_continue =
        expects_continue(version, parsed.headers)? && framing != Framing::Length(0);
    let connection = parsed.headers.iter().filter(|field| has_name(field, "connection"));
    let persists = persists(version, connection.map(|field| field.value));
    let start = method.as_str().len() + 1; // the head starts with the method, and one space follows
    let (path, target) = (start + path.start..start + path.end, start..start + target.len());
    let message = request::Parts {
        method,
        version,
        head: Box::default(),
        target,
        path,
        decoded_path,
        persists,
        body: Bytes::new(),
    };
    Ok(Head { message: message.into(), framing, expects_continue })
}

pub(crate) fn head_error(error: httparse::Error, start_line: BadMessage) -> BadMessage {
    match error {
        httparse::Error::HeaderName => BadMessage::FieldName,
        httparse::Error::HeaderValue => BadMessage::FieldValue,
        httparse::Error::TooManyHeaders => BadMessage::TooManyFields,
        _ => start_line,
    }
}

pub(crate) fn version_of(minor: Option<u8>) -> Version {
    if minor == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 }
}

pub(crate) fn start_line(head: &[u8]) -> &[u8] {
    head.split_inclusive(|&byte| byte == b'\n').next().unwrap_or(head)
}

/// What follows `HTTP/` in the last word of the start line; `None` if it starts differently.
fn written_version(head: &[u8]) -> Option<&[u8]> {
    start_line(head).trim_ascii_end().rsplit(|&byte| byte == b' ').next()?.strip_prefix(b"HTTP/")
}

/// Whether the start line ends in a version `HTTP/1.x`.
fn ends_in_http1(head: &[u8]) -> bool {
    matches!(written_version(head), Some([b'1', b'.', b'0'..=b'9']))
}

/// The same head with HTTP/1.1 in place of a later minor version, which is how a server must read
/// it (RFC 9110 §2.5).
fn read_as_http11(head: &[u8]) -> Option<Vec<u8>> {
    if !ends_in_http1(head) {
        return None;
    }
    let mut head = head.to_vec();
    let last = start_line(&head).trim_ascii_end().len().checked_sub(1)?;
    let minor = head.get_mut(last)?;
    let later = std::mem::replace(minor, b'1');
    (b'2'..=b'9').contains(&later).then_some(head)
}

fn version_error(head: &[u8]) -> BadMessage {
    match written_version(head) {
        Some([b'0', ..] | [b'2'..=b'9', ..]) => BadMessage::Version,
        _ => BadMessage::RequestLine,
    }
}

/// How the fields announce the end of the body, of which `length` is the `Content-Length`; `None` if
/// they do not.
pub(crate) fn announced_framing(
    version: Version,
    fields: &[httparse::Header<'_>],
    length: Option<u64>,
    max: Option<usize>,
) -> Result<Option<Framing>, BadMessage> {
    if !fields.iter().any(|field| has_name(field, "transfer-encoding")) {
        return match (length, max) {
            (Some(length), Some(max)) if length > max as u64 => Err(BadMessage::BodyTooLong(max)),
            (length, _) => Ok(length.map(Framing::Length)),
        };
    }
    if length.is_some() {
        return Err(BadMessage::LengthAndCoding);
    }
    if version == Version::HTTP_10 {
        return Err(BadMessage::CodingInHttp10);
    }
    check_codings(fields)?;
    Ok(Some(Framing::Chunked))
}

fn content_length(fields: &[httparse::Header<'_>]) -> Result<Option<u64>, BadMessage> {
    let mut length = None;
    for field in fields {
        if has_name(field, "content-length") {
            let number = parse_number(field.value)
                .ok_or_else(|| BadMessage::ContentLength(quote(field.value)))?;
            if length.replace(number).is_some_and(|other| other != number) {
                return Err(BadMessage::ContentLengthsDiffer);
            }
        }
    }
    Ok(length)
}

/// Checks that `chunked` is the only transfer coding; no other one is supported.
fn check_codings(fields: &[httparse::Header<'_>]) -> Result<(), BadMessage> {
    let codings = fields.iter().filter(|field| has_name(field, "transfer-encoding"));
    let lines: Vec<&[u8]> = codings.map(|field| field.value).collect();
    let written = lines.join(&b", "[..]);
    let codings: Vec<&[u8]> = written.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).collect();
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match codings.split_last() {
        Some((last, [])) if is_chunked(last) => Ok(()),
        Some((last, others))
            if is_chunked(last)
                && !others.iter().any(|other| other.is_empty() || is_chunked(other)) =>
        {
            Err(BadMessage::CodingUnknown(quote(&written)))
        }
        _ => Err(BadMessage::Coding(quote(&written))),
    }
}

fn expects_continue(version: Version, fields: &[httparse::Header<'_>]) -> Result<bool, BadMessage> {
    let mut expected = false;
    for field in fields {
        if has_name(field, "expect") {
            if !field.value.eq_ignore_ascii_case(b"100-continue") {
                return Err(BadMessage::Expectation(quote(field.value)));
            }
            expected = version == Version::HTTP_11; // HTTP/1.0 has no 100 (RFC 9110 §10.1.1)
        }
    }
    Ok(expected)
}
