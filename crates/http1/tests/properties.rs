//! Properties that hold for all messages and all bytes, tested on random ones.

use http1::{
    BadMessage, Bytes, ClientRequest, Decoded, Decoder, HeaderMap, HeaderName, HeaderValue,
    KeepAlive, MAX_BODY, MAX_FIELDS, Message, Method, Request, Response, ResponseLike,
    ResponseSummary, StatusCode, encode_request, encode_response, header,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Decodes `bytes` in pieces that end at `cuts`: the messages, the error if there is one, and the
/// decoder.
fn decode<M: Message>(bytes: &[u8], cuts: &[Index]) -> (Vec<M>, Option<BadMessage>, Decoder<M>) {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort();
    let (mut decoder, mut messages, mut start) = (Decoder::new(), Vec::new(), 0);
    for end in ends {
        decoder.push(&bytes[start..end]);
        start = end;
        loop {
            match decoder.decode() {
                Ok(Decoded::Complete(message)) => messages.push(message),
                Ok(Decoded::Continue) => {}
                Ok(Decoded::NeedMore) => break,
                Err(error) => return (messages, Some(error), decoder),
            }
        }
    }
    (messages, None, decoder)
}

fn fields() -> impl Strategy<Value = HeaderMap> {
    // names without a meaning for framing; values without white space around them, which would be
    // lost (RFC 9110 §5.5)
    let name = "x-[a-z0-9!#$%&'*+.^_`|~-]{1,12}"
        .prop_map(|name| name.parse::<HeaderName>().expect("a name"));
    let value = "([!-~]([ -~\t]{0,30}[!-~])?)?"
        .prop_map(|value| value.parse::<HeaderValue>().expect("a value"));
    vec((name, value), 0..8).prop_map(|fields| fields.into_iter().collect())
}

fn body() -> impl Strategy<Value = Bytes> {
    prop_oneof![vec(any::<u8>(), 0..200), vec(any::<u8>(), 4000..20_000)].prop_map(Bytes::from)
}

fn request() -> impl Strategy<Value = ClientRequest> {
    let method = select(&["GET", "POST", "PUT", "DELETE", "OPTIONS", "ODD!"][..]);
    let target = "/[a-zA-Z0-9/._~!$&'()*+,;=:@%-]{0,40}(\\?[a-zA-Z0-9/?&=%]{0,20})?";
    (method, target, fields(), body()).prop_map(|(method, target, headers, body)| {
        let mut request = ClientRequest::new(
            Method::from_bytes(method.as_bytes()).expect("a method"),
            target.parse().expect("a target"),
        );
        request.headers = headers;
        request.body = body;
        request
    })
}

fn response() -> impl Strategy<Value = Response> {
    (200u16..600, fields(), body()).prop_map(|(status, headers, body)| {
        let mut response = Response::new(StatusCode::from_u16(status).expect("a status"));
        *response.headers_mut() = headers;
        response.set_body(if [204, 304].contains(&status) { Bytes::new() } else { body });
        response
    })
}

/// Encodes a request; its body is chunked by `sizes` if there are any.
fn bytes_of(request: &ClientRequest, sizes: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if sizes.is_empty() {
        encode_request(request, "a", &mut bytes);
        return bytes;
    }
    let mut head = request.clone();
    head.body = Bytes::new();
    encode_request(&head, "a", &mut bytes);
    let length: &[u8] = b"Content-Length: 0\r\n";
    if let Some(at) = bytes.windows(length.len()).position(|window| window == length) {
        bytes.drain(at..at + length.len());
    }
    bytes.truncate(bytes.len() - 2);
    bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    let mut rest = &request.body[..];
    for size in sizes.iter().cycle() {
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
        rest = after;
        if chunk.is_empty() {
            return bytes;
        }
    }
    bytes
}

fn without_framing(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::DATE] {
        headers.remove(name);
    }
    headers
}

fn assert_same(sent: &ClientRequest, got: &Request) {
    assert_eq!(
        (got.method(), got.target(), got.body()),
        (&sent.method, &*sent.uri.to_string(), &sent.body)
    );
    let field = |(name, value)| {
        Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
    };
    let fields: Option<HeaderMap> = got.fields().map(field).collect();
    assert_eq!(without_framing(&fields.expect("valid fields")), sent.headers);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_requests_split_anywhere_decode_to_the_same_requests(
        requests in vec((request(), vec(1usize..3000, 0..4)), 1..5),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let bytes: Vec<u8> = requests.iter().flat_map(|(request, sizes)| bytes_of(request, sizes)).collect();
        let (decoded, error, decoder) = decode::<Request>(&bytes, &cuts);
        prop_assert_eq!((error, decoder.has_begun(), decoded.len()), (None, false, requests.len()));
        for ((sent, _), got) in requests.iter().zip(&decoded) {
            assert_same(sent, got);
        }
    }

    #[test]
    fn a_response_is_the_same_after_encoding_and_decoding(response in response(), cuts in vec(any::<Index>(), 0..10)) {
        let mut bytes = Vec::new();
        encode_response(&response, KeepAlive::Implied, &mut bytes);
        bytes.extend_from_slice(response.body());
        let (decoded, error, decoder) = decode::<Response>(&bytes, &cuts);
        prop_assert_eq!((error, decoder.has_begun(), decoded.len()), (None, false, 1));
        prop_assert_eq!((decoded[0].status(), decoded[0].body()), (response.status(), response.body()));
        prop_assert_eq!(&without_framing(decoded[0].headers()), response.headers());
    }

    #[test]
    fn decoding_any_bytes_ends_and_keeps_the_limits(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..3000),
            // fragments of real messages in any order, which get past more of the checks
            vec(select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat().into_bytes()),
        ],
        cuts in vec(any::<Index>(), 0..10),
    ) {
        let (whole, error, decoder) = decode::<Request>(&bytes, &[]);
        for request in &whole {
            prop_assert!(request.body().len() <= MAX_BODY && request.fields().count() <= MAX_FIELDS);
        }
        let (pieces, same_error, same_decoder) = decode::<Request>(&bytes, &cuts);
        prop_assert_eq!((whole.len(), &error), (pieces.len(), &same_error));
        // after an error the state of a decoder does not matter
        prop_assert!(error.is_some() || decoder.has_begun() == same_decoder.has_begun());
        for (one, other) in whole.iter().zip(&pieces) {
            prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
        }
    }

    #[test]
    fn a_summary_agrees_with_the_complete_response(
        pieces in vec(select(&RESPONSE_PIECES[..]), 0..30),
        cuts in vec(any::<Index>(), 0..10),
    ) {
        let bytes = pieces.concat().into_bytes();
        let (whole, error, decoder) = decode::<Response>(&bytes, &[]);
        for cuts in [&cuts[..], &[]] {
            let (summaries, same_error, same_decoder) = decode::<ResponseSummary>(&bytes, cuts);
            prop_assert_eq!((whole.len(), &error), (summaries.len(), &same_error));
            prop_assert!(error.is_some() || decoder.has_begun() == same_decoder.has_begun());
            for (response, summary) in whole.iter().zip(&summaries) {
                let seen = (response.status(), response.retry_after(), response.persists());
                prop_assert_eq!(seen, (summary.status(), summary.retry_after(), summary.persists()));
            }
        }
    }
}

const RESPONSE_PIECES: [&str; 26] = [
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 503 \r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/2.0 200 OK\r\n",
    "HTTP/1.1 2000 OK\r\n",
    "content-length: 3\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 3, 3\r\n",
    "Content-Length: +3\r\n",
    "Content-Length:\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Retry-After: 120\r\n",
    "Retry-After: soon\r\n",
    "Retry-After: 1 \r\n",
    "X-a: é\r\n",
    "X a: b\r\n",
    "\r\n",
    "abc",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "\n",
];

const PIECES: [&str; 32] = [
    "GET ",
    "POST ",
    "/",
    "/a?b",
    "http://a/",
    " HTTP/1.1",
    " HTTP/1.0",
    " HTTP/2.0",
    "\r\n",
    "\n",
    "\r",
    "Host: a\r\n",
    "Host:",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n",
    "Content-Length:",
    " 3",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Expect: 100-continue\r\n",
    "Connection: close\r\n",
    "\r\n\r\n",
    "abc",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "0\r\nA: b\r\n\r\n",
    "3;x\r\n",
    " ",
    "\t",
    ":",
    "\0",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
];
