//! Which buffers a decoder owns, and when.

use http1::{Decoded, Decoder, MAX_BODY, Request};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn complete(decoder: &mut Decoder<Request>) -> Request {
    match decoder.decode() {
        Ok(Decoded::Complete(request)) => request,
        other => panic!("not a complete request: {other:?}"),
    }
}

#[track_caller]
fn needs_more(decoder: &mut Decoder<Request>) {
    let decoded = decoder.decode();
    assert!(matches!(decoded, Ok(Decoded::NeedMore)), "{decoded:?}");
}

#[test]
fn between_messages_a_decoder_owns_no_buffer() {
    let post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let chunked =
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for message in [GET, post, chunked] {
        let mut decoder = Decoder::<Request>::new();
        for piece in [message, message, &message[..9], &message[9..]] {
            decoder.push(piece);
            assert!(decoder.has_begun());
            if piece.len() != 9 {
                complete(&mut decoder);
                assert!(!decoder.has_begun());
            }
        }
        assert_eq!(decoder.buffer(0).capacity(), 0);
    }
    let mut decoder = Decoder::<Request>::new();
    decoder.push(b"\r\n\r\n\r\n\r\n");
    needs_more(&mut decoder);
    assert!(!decoder.has_begun());
    assert_eq!(decoder.buffer(0).capacity(), 0);
}

#[test]
fn bytes_pushed_before_a_message_is_decoded_are_kept_in_order() {
    let mut decoder = Decoder::<Request>::new();
    decoder.push(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    decoder.push(b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    decoder.buffer(1).extend_from_slice(b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!([1, 2, 3].map(|_| complete(&mut decoder).path().to_owned()), ["/1", "/2", "/3"]);
    needs_more(&mut decoder);
}

#[test]
fn the_beginning_of_the_next_message_is_kept() {
    let mut decoder = Decoder::<Request>::new();
    decoder.push(&[GET, &GET[..10]].concat());
    complete(&mut decoder);
    assert!(decoder.has_begun());
    needs_more(&mut decoder);
    decoder.push(&GET[10..]);
    complete(&mut decoder);
    assert!(!decoder.has_begun());
}

#[test]
fn a_body_is_read_into_one_buffer() {
    for framing in [
        format!("Content-Length: {MAX_BODY}\r\n\r\n"),
        "Transfer-Encoding: chunked\r\n\r\n100000\r\n".into(),
    ] {
        let mut decoder = Decoder::<Request>::new();
        decoder.push(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}").as_bytes());
        needs_more(&mut decoder);
        let begin = decoder.buffer(4096).as_ptr();
        let mut remaining = MAX_BODY;
        for piece in (1..10_000).cycle() {
            if remaining == 0 {
                break;
            }
            let buffer = decoder.buffer(4096);
            assert!(buffer.capacity() - buffer.len() >= remaining, "{remaining} bytes are missing");
            let piece = piece.min(remaining);
            buffer.extend_from_slice(&vec![b'x'; piece]);
            remaining -= piece;
            if remaining > 0 {
                needs_more(&mut decoder);
            }
        }
        decoder.push(if framing.starts_with('T') { b"\r\n0\r\n\r\n" } else { b"" });
        let request = complete(&mut decoder);
        assert_eq!(
            (request.body().as_ptr(), request.body().len()),
            (begin, MAX_BODY),
            "the body was copied: {framing:?}"
        );
    }
}

#[test]
fn no_buffer_is_reserved_for_an_announced_body_over_the_limit() {
    let mut decoder = Decoder::<Request>::new();
    decoder
        .push(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n");
    assert!(decoder.decode().is_err());
    assert!(decoder.buffer(1).capacity() < 1000);
}
