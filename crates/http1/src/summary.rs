//! A response without its body, for load generators.

use crate::error::BadMessage;
use crate::fields::{parse_number, uninit_fields};
use crate::limits::MAX_HEAD;
use crate::message::{Framing, Head, Message, ResponseLike, sealed::Sealed};
use crate::response::{self, Response, is_bodiless};
use bytes::Bytes;
use http::StatusCode;
use httparse::Status;

/// The parts of a response that a load generator counts. The body may have any length and is
/// dropped as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct ResponseSummary {
    /// The status code.
    pub status: StatusCode,
    /// The `Retry-After` in seconds from now: 0 for a date in the past, `u64::MAX` for a number beyond
    /// that; `None` if it is missing or malformed (RFC 9110 §10.2.3).
    pub retry_after: Option<u64>,
    pub(crate) persists: bool,
}

impl Sealed for ResponseSummary {}

impl Message for ResponseSummary {
    const MAX_BODY: Option<usize> = None;

    fn decode_head(head: &[u8], to_head: bool) -> Result<Head<Self>, BadMessage> {
        if let Some((message, length, _)) =
            parse_plain(head, to_head).filter(|(.., end)| *end == head.len())
        {
            return Ok(Head { message, framing: Framing::Length(length), expects_continue: false });
        }
        // every other head is decoded as that of a complete response, but without a limit for its
        // body
        let Head { message, framing, expects_continue } =
            Response::decode_head_up_to(head, to_head, None)?;
        let summary = Self {
            status: message.status(),
            retry_after: message.retry_after(),
            persists: message.persists(),
        };
        Ok(Head { message: summary, framing, expects_continue })
    }

    fn check_start_line(line: &[u8]) -> Result<(), BadMessage> {
        Response::check_start_line(line)
    }

    fn too_long(head: &[u8]) -> BadMessage {
        Response::too_long(head)
    }

    fn set_body(&mut self, _: Bytes) {}

    fn whole(bytes: &[u8], to_head: bool) -> Option<Self> {
        let (message, length, head) = parse_plain(bytes, to_head)?;
        // the decoder handles other line ends and a head that is too long
        let is_complete =
            head <= MAX_HEAD && bytes.starts_with(b"HTTP/") && bytes[..head].ends_with(b"\r\n\r\n");
        (is_complete && (bytes.len() - head) as u64 == length).then_some(message)
    }
}

/// Parses a head without a copy if it is as simple as most are: HTTP/1.1, one `Content-Length`, no
/// `Connection`, no `Transfer-Encoding`. Returns the summary, the length of the body and the length
/// of the head.
fn parse_plain(bytes: &[u8], to_head: bool) -> Option<(ResponseSummary, u64, usize)> {
    let mut fields = uninit_fields();
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let end = match config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut fields) {
        Ok(Status::Complete(end)) if parsed.version == Some(1) => end,
        _ => return None,
    };
    let status = StatusCode::from_u16(parsed.code?).ok()?;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return None;
    }
    let (mut length, mut retry_after) = (None, None);
    for field in &*parsed.headers {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        match field.name.len() {
            14 if is("content-length") && length.is_none() => {
                length = Some(parse_number(field.value)?)
            }
            11 if is("retry-after") && retry_after.is_none() => {
                retry_after = Some(response::retry_after(field.value))
            }
            14 if is("content-length") => return None,
            11 if is("retry-after") => return None,
            10 if is("connection") => return None,
            17 if is("transfer-encoding") => return None,
            _ => {}
        }
    }
    let length = if to_head || is_bodiless(status) { 0 } else { length? };
    Some((
        ResponseSummary { status, retry_after: retry_after.flatten(), persists: true },
        length,
        end,
    ))
}

impl ResponseLike for ResponseSummary {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    fn is_interim(&self) -> bool {
        self.status.is_informational()
    }

    fn persists(&self) -> bool {
        self.persists
    }
}
