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

/// Reads a body of `length` bytes in pieces of up to `most` bytes, as there is room for them.
fn read_body(
    length: usize,
    framing: &str,
    most: usize,
    mut check: impl FnMut(&[u8], usize),
) -> Request {
    let mut decoder = Decoder::<Request>::new();
    decoder.push(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}").as_bytes());
    needs_more(&mut decoder);
    let mut remaining = length;
    for piece in (1..=most).cycle() {
        if remaining == 0 {
            break;
        }
        let buffer = decoder.buffer(4096);
        check(buffer, buffer.capacity());
        let piece = piece.min(remaining).min(buffer.capacity() - buffer.len());
        buffer.extend_from_slice(&vec![b'x'; piece]);
        remaining -= piece;
        if remaining > 0 {
            needs_more(&mut decoder);
        }
    }
    decoder.push(if framing.starts_with('T') { b"\r\n0\r\n\r\n" } else { b"" });
    let request = complete(&mut decoder);
    assert!(*request.body() == "x".repeat(length));
    request
}

#[test]
fn a_body_is_read_into_one_buffer() {
    for framing in ["Content-Length: 60000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nea60\r\n"] {
        let mut begin = None;
        let request = read_body(60_000, framing, 1000, |buffer, _| {
            assert_eq!(*begin.get_or_insert(buffer.as_ptr()), buffer.as_ptr());
        });
        assert_eq!(Some(request.body().as_ptr()), begin, "the body was copied: {framing:?}");
    }
}

#[test]
fn a_large_body_is_read_through_a_small_buffer() {
    for framing in [
        format!("Content-Length: {MAX_BODY}\r\n\r\n"),
        "Transfer-Encoding: chunked\r\n\r\n100000\r\n".into(),
    ] {
        read_body(MAX_BODY, &framing, 20_000, |_, capacity| {
            assert!(capacity <= 32 * 1024, "{capacity}");
        });
    }
}

#[test]
fn a_body_in_many_chunks_costs_its_size_once() {
    for size in [1, 2, 16, 1000, 4096, 100_000] {
        let chunk = [format!("{size:x}\r\n"), "x".repeat(size), "\r\n".into()].concat();
        let chunks = chunk.repeat(MAX_BODY / size / 4);
        let mut decoder = Decoder::<Request>::new();
        decoder.push(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut content = 0;
        for piece in chunks.as_bytes().chunks(16_000) {
            needs_more(&mut decoder);
            decoder.buffer(4096).extend_from_slice(piece);
            needs_more(&mut decoder);
            content += piece.iter().filter(|&&byte| byte == b'x').count();
            // beside the content there is a part of a size line at most
            let buffered = decoder.buffer(0).len();
            assert!(buffered < content + 10, "{buffered} bytes buffered for {content} of content");
            assert!(
                content < 70_000 || buffered < 10,
                "{buffered} bytes of content are held twice"
            );
        }
        decoder.push(b"0\r\n\r\n");
        assert_eq!(complete(&mut decoder).body().len(), content);
    }
}

#[test]
fn the_next_message_does_not_keep_a_body_in_memory() {
    let body = "x".repeat(60_000);
    for message in [
        format!("Content-Length: {}\r\n\r\n{body}", body.len()),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
    ] {
        let mut decoder = Decoder::<Request>::new();
        decoder.push(format!("POST / HTTP/1.1\r\nHost: a\r\n{message}G").as_bytes());
        let request = complete(&mut decoder);
        assert_eq!(request.body().len(), body.len());
        let distance = (decoder.buffer(0).as_ptr() as usize)
            .wrapping_sub(request.body().as_ptr_range().end as usize);
        // right behind it is the end of its framing, and then the next message
        assert!(distance > 10, "the next message is in the allocation of this body");
        decoder.push(&GET[1..]);
        complete(&mut decoder);
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
