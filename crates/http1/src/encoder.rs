//! Encodes messages as bytes.

use crate::request::ClientRequest;
use crate::response::{Response, is_bodiless};
use bytes::{Buf, Bytes};
use http::{HeaderName, Method, header};
use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a response tells the client about the connection (RFC 9112 §9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// The connection stays open, which HTTP/1.1 implies: no field is sent.
    Implied,
    /// The connection stays open, as an HTTP/1.0 client has asked: `Connection: keep-alive`.
    Stated,
    /// This is the last response on the connection: `Connection: close`.
    Close,
}

/// The largest body, in bytes, that is copied behind its head. For a small one, the copy is cheaper
/// than passing a second buffer to the kernel.
const MAX_COPIED: usize = 4 * 1024;

/// An encoded response, and how much of it has been written. A large body is not copied: it stays
/// in a separate buffer.
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

    /// The bytes that are still to be written: first those of the head, then those of the body.
    /// Both are empty at the end.
    pub fn remaining(&self) -> (&[u8], &[u8]) {
        (&self.head[self.written..], &self.body)
    }

    /// Records that `count` more bytes have been written.
    ///
    /// # Panics
    /// If fewer bytes remain.
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

/// Appends the head of a response to `out`. The caller sends the body after it, unchanged, unless
/// the request was HEAD.
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

/// Appends a request and its body to `out`. `host` becomes the `Host` field if the request has
/// none.
pub fn encode_request(request: &ClientRequest, host: &str, out: &mut Vec<u8>) {
    // displayed, since that adds the slash of an empty path (http://host?query); writing to a Vec
    // cannot fail
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

/// Appends all fields except those that the encoder sets.
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
    // capitalised as usual: Content-Type, Retry-After
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

/// The current time in the format of RFC 9110 §5.6.7, formatted once per second on each thread.
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
