//! The result of decoding does not depend on how the bytes were split.

use http1::{Decoded, Decoder, MAX_HEAD, Message, Request, Response};
use std::fmt::Debug;

/// Decodes these pieces. The result describes each step, with all parts of each message.
fn decode<'a, M: Message + Debug>(
    decoder: &mut Decoder<M>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Vec<String> {
    let mut steps = Vec::new();
    for (number, piece) in pieces.enumerate() {
        match number % 2 {
            0 => decoder.push(piece),
            _ => decoder.buffer(1).extend_from_slice(piece),
        }
        loop {
            match decoder.decode() {
                Ok(Decoded::NeedMore) => break,
                Ok(step) => steps.push(format!("{step:?}")),
                Err(bad) => {
                    steps.push(format!("{bad:?}"));
                    return steps;
                }
            }
        }
    }
    steps.push(if decoder.has_begun() { "begun".into() } else { "between messages".into() });
    steps
}

fn requests<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    decode(&mut Decoder::<Request>::new(), pieces)
}

fn responses<'a>(pieces: impl Iterator<Item = &'a [u8]>, to_head: bool) -> Vec<String> {
    let mut decoder = Decoder::<Response>::new();
    decoder.answers_head(to_head);
    let mut steps = decode(&mut decoder, pieces);
    if let Some(last) = decoder.end() {
        steps.push(format!("{last:?}"));
    }
    steps
}

/// Splits the bytes in two at every position, and then into pieces of each of these lengths.
fn split_everywhere(
    bytes: &[u8],
    lengths: &[usize],
    decode: impl Fn(&mut dyn Iterator<Item = &[u8]>) -> Vec<String>,
) {
    let whole = decode(&mut [bytes].into_iter());
    for at in 0..=bytes.len() {
        let (one, two) = bytes.split_at(at);
        assert_eq!(decode(&mut [one, two].into_iter()), whole, "at {at}: {}", bytes.escape_ascii());
    }
    split_evenly(bytes, lengths, decode);
}

fn split_evenly(
    bytes: &[u8],
    lengths: &[usize],
    decode: impl Fn(&mut dyn Iterator<Item = &[u8]>) -> Vec<String>,
) {
    let whole = decode(&mut [bytes].into_iter());
    for &length in lengths {
        let in_pieces = decode(&mut bytes.chunks(length));
        assert_eq!(
            in_pieces,
            whole,
            "in pieces of {length}: {}",
            bytes[..bytes.len().min(500)].escape_ascii()
        );
    }
}

/// The lengths of the pieces, in bytes.
const LENGTHS: [usize; 4] = [1, 2, 3, 7];

macro_rules! chunked {
    ($body:literal) => {
        concat!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", $body)
            .as_bytes()
    };
}

const REQUESTS: &[&[u8]] = &[
    // accepted
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    b"GET / HTTP/1.1\nHost: a\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.0\n\n",
    b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    b"\r\n\n\r\nGET /events?a=b HTTP/1.1\r\nHost: a\r\nX: \xff\tz\r\nX:\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://a:80?query HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
    b"POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    chunked!("0\r\n\r\n"),
    chunked!("1\r\nh\r\n4 ;a=\"b\"\r\nello\r\n000;c\r\nX: y\r\nZ:\r\n\r\n"),
    chunked!("A\r\n\r\n0\r\n\r\n\r\n\r\n\r\n0\r\n\r\n"),
    // several requests
    b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n\r\nGET /2 HTTP/1.0\n\n\n\n",
    chunked!("5\r\nhello\r\n0\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworldGET /3 HTTP/1.0\n\n"),
    chunked!("2\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
    // incomplete
    b"",
    b"\r",
    b"\r\n\r",
    b"G",
    b"GET / HTTP/1.1\r\nHost: a\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell",
    chunked!("5\r\nhello\r"),
    chunked!("5\r\nhello\r\n0\r\nX: y\r\n"),
    // rejected for the start line
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost : a\r\n\r\n",
    b"GET / HTTP/1.x\r\nHost : a\r\n\r\n",
    b"GET / HTTP/1.2 \r\nHost : a\r\n\r\n",
    b"GET / HTTP/1.2\r\nHost : a\r\n\r\n",
    b"GET / HTTP/0.9 HTTP/1.2\r\nHost : a\r\n\r\n",
    b"G(T / HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost : a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\r\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\n\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    // rejected for a field
    b"CONNECT a:80 HTTP/1.1\r\n\r\n",
    b"GET events HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: more\r\n\r\nhello",
    // rejected for a chunk; the last one is in a second request
    chunked!("5\nhello\r\n0\r\n\r\n"),
    chunked!("5 \r\nhello\r\n0\r\n\r\n"),
    chunked!("5;\r\nhello\r\n0\r\n\r\n"),
    chunked!("4\r\nhello\r\n0\r\n\r\n"),
    chunked!("6\r\nhello\r\n0\r\n\r\n"),
    chunked!("5\r\nhello\r\r0\r\n\r\n"),
    chunked!("10000000000000000\r\nhello\r\n0\r\n\r\n"),
    chunked!("5\r\nhello\r\n0\r\n\n"),
    chunked!("5\r\nhello\r\n0\r\nX : y\r\n\r\n"),
    chunked!("5\r\nhello\r\n0\r\nX: y\n\r\n"),
    chunked!("0\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n"),
];

const RESPONSES: &[&[u8]] = &[
    // with a length
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    b"\r\nHTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 \xff\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 999 X\nContent-Length: 1\n\n!",
    // in chunks
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1;a\r\nh\r\n4\r\nello\r\n0\r\nX: y\r\n\r\nHTTP/1.1 204 X\n\n",
    // until the connection ends
    b"HTTP/1.1 200 OK\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.0 200 OK\n\nhello\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    // interim
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 103 X\nLink: </a>\n\nHTTP/1.1 100 X\nContent-Length: 5\n\nHTTP/1.1 200 OK\r\n\r\nhello",
    // without a body
    b"HTTP/1.1 204 X\r\n\r\nHTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    // incomplete
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    // rejected
    b"hello",
    b"HTTP/2 200 OK\r\n\r\n",
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 099 OK\r\nX : y\r\n\r\n",
    b"HTTP/1.1  200 OK\r\n\r\n",
    b"HTTP/1.1 200 \0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
];

#[test]
fn a_request_split_at_any_byte_is_the_same_request() {
    for bytes in REQUESTS {
        split_everywhere(bytes, &LENGTHS, |pieces| requests(pieces));
    }
}

#[test]
fn a_response_split_at_any_byte_is_the_same_response() {
    for bytes in RESPONSES {
        split_everywhere(bytes, &LENGTHS, |pieces| responses(pieces, false));
    }
}

#[test]
fn a_response_to_head_split_at_any_byte_is_the_same_response() {
    for bytes in RESPONSES {
        split_everywhere(bytes, &LENGTHS, |pieces| responses(pieces, true));
    }
}

#[test]
fn every_pair_of_requests_is_two_requests_wherever_it_is_split() {
    let whole = |bytes: &&&[u8]| {
        requests([**bytes].into_iter()).last().is_some_and(|last| last == "between messages")
    };
    for one in REQUESTS.iter().filter(whole) {
        for two in REQUESTS {
            let both = [*one, *two].concat();
            let mut expected = requests([*one].into_iter());
            expected.pop();
            expected.extend(requests([*two].into_iter()));
            assert_eq!(requests([&both[..]].into_iter()), expected, "{}", both.escape_ascii());
            split_evenly(&both, &LENGTHS, |pieces| requests(pieces));
        }
    }
}

#[test]
fn a_message_near_a_limit_is_the_same_in_pieces_of_any_length() {
    let lengths = [1, 2, 3, 7, 100, 1023, 1024, 1025, 4096, MAX_HEAD - 1, MAX_HEAD, MAX_HEAD + 1];
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for excess in [0, 1, 2, 3, 1000, 2 * MAX_HEAD] {
        let near = |rest: usize| "y".repeat(MAX_HEAD + excess - rest);
        let split =
            |message: String| split_evenly(message.as_bytes(), &lengths, |pieces| requests(pieces));
        split(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\nnext", near(32)));
        split(format!("GET / HTTP/1.1\r\nHost : a\r\nX: {}\r\n\r\nnext", near(33)));
        split(format!("GET / HTTP/2.0\r\nHost: a\r\nX: {}\r\n\r\nnext", near(32)));
        split(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\nnext", near(28)));
        split(format!("GET /{} HTTP/2.0\r\nHost: a\r\n\r\nnext", near(18)));
        split(format!("GET /{} HTTP/2.0\r\nHost: a\r\n\r\nnext", near(16)));
        split(format!("GET /{} HTTP/2.0\r\nHost: a\r\n\r\nnext", near(15)));
        split(format!("GET /{}\r\n\r\nnext", near(9)));
        split(format!("G{} / HTTP/2.0\r\n\r\nnext", near(16)));
        split(format!("(GET /{} HTTP/1.1\r\nHost: a\r\n\r\nnext", near(28)));
        split(format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\nnext", near(27).replace('y', "\n")));
        split(format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\nnext", near(2).replace('y', "\n")));
        split(format!("{}(GET / HTTP/1.1\r\nHost: a\r\n\r\nnext", near(1).replace('y', "\n")));
        split(format!("{chunked}0\r\nX: {}\r\n\r\nnext", near(7)));
        split(format!("{chunked}0\r\nX: {}\r\nY : z\r\n\r\nnext", near(5)));
        split(format!("{chunked}0\r\nX: {}\n\r\nnext", near(6)));
        split(format!("{chunked}5;{}\r\nhello\r\n0\r\n\r\nnext", &near(0)[MAX_HEAD - 1022..]));
        split(format!("{chunked}5 {}\r\nhello\r\n0\r\n\r\nnext", &near(0)[MAX_HEAD - 1022..]));
        split(format!("{chunked}5;{}\nhello\r\n0\r\n\r\nnext", &near(0)[MAX_HEAD - 1023..]));
    }
}

#[test]
fn a_response_without_a_length_ends_with_the_connection() {
    let mut decoder = Decoder::<Response>::new();
    decoder.push(b"HTTP/1.1 200 OK\r\n\r\nhel");
    assert!(matches!(decoder.decode(), Ok(Decoded::NeedMore)));
    decoder.push(b"lo");
    assert!(matches!(decoder.decode(), Ok(Decoded::NeedMore)));
    assert_eq!(decoder.end().unwrap().body(), "hello");
    assert!(decoder.end().is_none() && !decoder.has_begun());
}

#[test]
fn a_truncated_response_is_not_returned() {
    for bytes in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"] {
        let mut decoder = Decoder::<Response>::new();
        decoder.push(bytes.as_bytes());
        assert!(matches!(decoder.decode(), Ok(Decoded::NeedMore)));
        assert!(decoder.end().is_none(), "{bytes:?}");
    }
}
