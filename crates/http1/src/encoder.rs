//! Messages in, bytes out.

use crate::request::ClientRequest;
use crate::response::{Response, is_bodiless};
use bytes::{Buf, Bytes};
use http::{HeaderName, Method, header};
use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a response says about the connection after it (RFC 9112 §9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// The connection stays open, which HTTP/1.1 implies: no field is sent.
    Implied,
    /// The connection stays open for an HTTP/1.0 client that asked for it: `Connection: keep-alive`.
    Stated,
    /// This is the last response on the connection: `Connection: close`.
    Close,
}

/// The bodies up to this size, in bytes, leave copied behind their head: cheaper than a second buffer to the kernel.
const MAX_COPIED: usize = 4 * 1024;

/// The bytes of a message that are still to be written: its head, and its body where that is too large to be copied
/// behind it.
#[derive(Debug)]
pub struct Encoded {
    head: Vec<u8>,
    written: usize,
    body: Bytes,
}

impl Encoded {
    fn new(mut head: Vec<u8>, body: Bytes) -> Self {
        if body.len() > MAX_COPIED {
            return Self { head, written: 0, body };
        }
        head.extend_from_slice(&body);
        Self { head, written: 0, body: Bytes::new() }
    }

    /// What is left to be written: of the head, and of the body that comes after it. Nothing of either at the end.
    pub fn remaining(&self) -> (&[u8], &[u8]) {
        (&self.head[self.written..], &self.body)
    }

    /// So much of it is written.
    pub fn advance(&mut self, count: usize) {
        let of_head = count.min(self.head.len() - self.written);
        self.written += of_head;
        self.body.advance(count - of_head);
    }
}

pub(crate) fn response(response: Response, to_head: bool, keep_alive: KeepAlive) -> Encoded {
    let mut head = Vec::with_capacity(
        256 + if response.body().len() > MAX_COPIED { 0 } else { response.body().len() },
    );
    encode_response(&response, keep_alive, &mut head);
    let body =
        if to_head || is_bodiless(response.status()) { Bytes::new() } else { response.into_body() };
    Encoded::new(head, body)
}

/// Appends the head of a response to `out`; the body, if the request was not HEAD, is to follow as it is.
pub fn encode_response(response: &Response, keep_alive: KeepAlive, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(response.status().as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(response.status().canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    fields(response.headers(), out);
    if !is_bodiless(response.status()) {
        content_length(response.body().len(), out);
    }
    out.extend_from_slice(b"Date: ");
    out.extend_from_slice(&date());
    out.extend_from_slice(match keep_alive {
        KeepAlive::Implied => b"\r\n\r\n",
        KeepAlive::Stated => b"\r\nConnection: keep-alive\r\n\r\n",
        KeepAlive::Close => b"\r\nConnection: close\r\n\r\n",
    });
}

/// Appends a request to `out`, with its body; `host` is used where the request has no `Host` of its own.
pub fn encode_request(request: &ClientRequest, host: &str, out: &mut Vec<u8>) {
    // as it is displayed, since then an empty path (http://host?query) gets its slash; a Vec cannot fail
    let _ = match request.uri.path_and_query() {
        Some(target) => write!(out, "{} {target} HTTP/1.1\r\n", request.method),
        None => write!(out, "{} / HTTP/1.1\r\n", request.method),
    };
    if !request.headers.contains_key(header::HOST) {
        out.extend_from_slice(b"Host: ");
        out.extend_from_slice(host.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    for connection in request.headers.get_all(header::CONNECTION) {
        field(&header::CONNECTION, connection.as_bytes(), out);
    }
    fields(&request.headers, out);
    let expects_body = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
    if expects_body || !request.body.is_empty() {
        content_length(request.body.len(), out);
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&request.body);
}

/// The fields but those that belong to the encoder.
fn fields(headers: &http::HeaderMap, out: &mut Vec<u8>) {
    static RESERVED: [HeaderName; 4] =
        [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::DATE];
    for (name, value) in headers {
        if !RESERVED.contains(name) {
            field(name, value.as_bytes(), out);
        }
    }
}

fn field(name: &HeaderName, value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(name.as_str().as_bytes());
    // as people write them: Content-Type, Retry-After
    let name = &mut out[start..];
    for at in 0..name.len() {
        if at == 0 || name[at - 1] == b'-' {
            name[at].make_ascii_uppercase();
        }
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn content_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The time as RFC 9110 §5.6.7 wants it, written once a second and thread.
fn date() -> [u8; 29] {
    thread_local! {
        static WRITTEN: RefCell<(u64, [u8; 29])> = const { RefCell::new((u64::MAX, [b' '; 29])) };
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    WRITTEN.with_borrow_mut(|written| {
        if written.0 != now {
            let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now));
            written.1.copy_from_slice(&text.as_bytes()[..29]); // an IMF-fixdate has 29 characters
            written.0 = now;
        }
        written.1
    })
}
