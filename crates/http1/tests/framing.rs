//! Bodies that are rejected because their end is ambiguous, which would allow request smuggling.

mod decode;

use decode::bad;
use http1::BadMessage;

/// The error for a head with these fields.
#[track_caller]
fn bad_fields(fields: impl AsRef<[u8]>, status: u16) -> BadMessage {
    bad([b"GET / HTTP/1.1\r\nHost: a\r\n", fields.as_ref(), b"\r\n\r\n"].concat(), status)
}

/// The error for a chunked body. The request after it must not be decoded.
#[track_caller]
fn bad_chunks(body: impl AsRef<[u8]>, status: u16) -> BadMessage {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    bad([head, body.as_ref(), b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"].concat(), status)
}

#[test]
fn a_content_length_that_is_not_digits_is_rejected() {
    let bad = |value: &[u8]| {
        let bad = bad_fields([b"Content-Length:", value].concat(), 400);
        assert!(matches!(bad, BadMessage::ContentLength(_)), "{}: {bad:?}", value.escape_ascii());
    };
    bad(b""); // RFC 9110 §8.6
    bad(b" ");
    bad(b" +5");
    bad(b" -5");
    bad(b" -0");
    bad(b" 5 5");
    bad(b" 5\t5");
    bad(b" 5,");
    bad(b" ,5");
    bad(b" 5, 5"); // a list: a proxy has merged two fields
    bad(b" 5, 6");
    bad(b" 5;5");
    bad(b" 5.0");
    bad(b" 5e0");
    bad(b" 0x5");
    bad(b" 5h");
    bad(b" five");
    bad(b" \"5\"");
    bad(b" 1_000");
    bad(b" 1'000");
    bad(" ٥".as_bytes());
    bad(b" 5\xa0");
    bad(b" 18446744073709551616"); // 2^64
    bad(b" 99999999999999999999999999999999999999999999");
}

#[test]
fn two_content_lengths_that_differ_are_rejected() {
    let bad = |fields: &str| bad_fields(fields, 400);
    // RFC 9112 §6.3
    assert_eq!(bad("Content-Length: 5\r\nContent-Length: 6"), BadMessage::ContentLengthsDiffer);
    assert_eq!(bad("Content-Length: 6\r\nContent-Length: 5"), BadMessage::ContentLengthsDiffer);
    assert_eq!(bad("Content-Length: 0\r\ncontent-length: 5"), BadMessage::ContentLengthsDiffer);
    assert_eq!(
        bad("Content-Length: 5\r\nX: y\r\nCONTENT-LENGTH: 0"),
        BadMessage::ContentLengthsDiffer
    );
    assert_eq!(
        bad("Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 6"),
        BadMessage::ContentLengthsDiffer
    );
    assert!(matches!(bad("Content-Length: 5\r\nContent-Length:"), BadMessage::ContentLength(_)));
    assert!(matches!(bad("Content-Length: 5\r\nContent-Length: x"), BadMessage::ContentLength(_)));
}

#[test]
fn content_length_together_with_transfer_encoding_is_rejected() {
    let bad = |fields: &str| assert_eq!(bad_fields(fields, 400), BadMessage::LengthAndCoding);
    bad("Content-Length: 5\r\nTransfer-Encoding: chunked"); // RFC 9112 §6.3
    bad("Transfer-Encoding: chunked\r\nContent-Length: 5");
    bad("Transfer-Encoding: chunked\r\nContent-Length: 0");
    bad("Transfer-Encoding: gzip\r\nContent-Length: 5");
    bad("Transfer-Encoding:\r\nContent-Length: 5");
    bad("Transfer-Encoding: identity\r\nContent-Length: 5");
    bad("TRANSFER-ENCODING: CHUNKED\r\nCONTENT-LENGTH: 5");
    bad("Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked");
}

#[test]
fn transfer_encoding_in_http_10_is_rejected() {
    // RFC 9112 §6.1
    let chunked = bad("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    assert_eq!(chunked, BadMessage::CodingInHttp10);
    let kept =
        "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(bad(kept, 400), BadMessage::CodingInHttp10);
    assert_eq!(
        bad("GET / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        BadMessage::CodingInHttp10
    );
    let both =
        "POST / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(bad(both, 400), BadMessage::LengthAndCoding);
}

#[test]
fn a_transfer_encoding_that_does_not_end_in_one_chunked_is_rejected() {
    let bad = |value: &[u8]| {
        let bad = bad_fields([b"Transfer-Encoding:", value].concat(), 400);
        assert!(matches!(bad, BadMessage::Coding(_)), "{}: {bad:?}", value.escape_ascii());
    };
    bad(b""); // RFC 9112 §6.3
    bad(b" ");
    bad(b" ,");
    bad(b" , ,");
    bad(b" gzip");
    bad(b" identity");
    bad(b" xchunked");
    bad(b" chunkedx");
    bad(b" chunke");
    bad(b" \"chunked\"");
    bad(b" 'chunked'");
    bad(b" chunked;q=1");
    bad(b" chunked; a=b");
    bad(b" chunked chunked");
    bad(b" gzip chunked");
    bad(b" chunked\tchunked");
    bad(b" chunked\xa0");
    bad(b" \xefchunked");
    bad(" сhunked".as_bytes()); // a Cyrillic с
    bad(b" chunked,");
    bad(b" ,chunked");
    bad(b" , chunked");
    bad(b" gzip,,chunked");
    bad(b" chunked, chunked");
    bad(b" chunked,chunked");
    bad(b" chunked, gzip");
    bad(b" chunked, identity");
    bad(b" chunked, gzip, chunked");
    bad(b" chunked\r\nTransfer-Encoding: chunked");
    bad(b" chunked\r\nTransfer-Encoding: gzip");
    bad(b" chunked\r\nTransfer-Encoding: identity");
    bad(b" chunked\r\nTransfer-Encoding:");
    bad(b"\r\nTransfer-Encoding: chunked");
    bad(b" chunked\r\nX: y\r\ntransfer-encoding: CHUNKED");
}

#[test]
fn another_coding_before_a_final_chunked_is_rejected_with_501() {
    let bad = |value: &str| {
        let bad = bad_fields(format!("Transfer-Encoding: {value}"), 501);
        assert!(matches!(bad, BadMessage::CodingUnknown(_)), "{value:?}: {bad:?}");
    };
    bad("gzip, chunked"); // RFC 9112 §6.1
    bad("gzip,chunked");
    bad("gzip ,\tCHUNKED");
    bad("identity, chunked");
    bad("gzip, deflate, chunked");
    bad("gzip;level=9, chunked");
    bad("gzip\r\nTransfer-Encoding: chunked");
    bad("gzip\r\nX: y\r\ntransfer-encoding: Chunked");
}

#[test]
fn a_chunk_size_must_be_hexadecimal_digits_only() {
    let bad = |line: &[u8]| {
        assert_eq!(
            bad_chunks([line, b"\r\nhello\r\n0\r\n\r\n"].concat(), 400),
            BadMessage::ChunkSize
        );
    };
    bad(b""); // RFC 9112 §7.1
    bad(b" ");
    bad(b" 5");
    bad(b"\t5");
    bad(b"5 ");
    bad(b"5\t");
    bad(b"5 5");
    bad(b"+5");
    bad(b"-5");
    bad(b"-0");
    bad(b"0x5");
    bad(b"0X5");
    bad(b"x5");
    bad(b"5h");
    bad(b"5.0");
    bad(b"5_0");
    bad(b"5,5");
    bad(b"\"5\"");
    bad(b"g");
    bad(b"G");
    bad(b"5\0");
    bad(b"\x005");
    bad(b"5\x0b");
    bad(b"5\x0c;a");
    bad(b"5\x7f");
    bad(b"5\xa0");
    bad("٥".as_bytes());
    bad(b"5\r"); // bare CR
    bad(b"\r5");
    bad(b"5\r;a");
}

#[test]
fn a_chunk_extension_must_have_a_name_and_no_control_character() {
    let bad = |line: &[u8]| {
        assert_eq!(
            bad_chunks([line, b"\r\nhello\r\n0\r\n\r\n"].concat(), 400),
            BadMessage::ChunkSize
        );
    };
    bad(b"5;"); // RFC 9112 §7.1.1
    bad(b"5; ");
    bad(b"5 ;");
    bad(b"5;;");
    bad(b"5;;a");
    bad(b"5;=b");
    bad(b"5; =b");
    bad(b"5;\"a\"");
    bad(b"5 a");
    bad(b"5=a");
    bad(b"5,a");
    bad(b"5;a\0");
    bad(b"5;a\r");
    bad(b"5;a\rb");
    bad(b"5;a=\"\x01\"");
    bad(b"5;a\x7f");
}

#[test]
fn a_bare_line_feed_in_chunk_framing_is_rejected() {
    assert_eq!(bad_chunks("5\nhello\r\n0\r\n\r\n", 400), BadMessage::ChunkSize);
    assert_eq!(bad_chunks("5;a\nhello\r\n0\r\n\r\n", 400), BadMessage::ChunkSize);
    assert_eq!(bad_chunks("5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", 400), BadMessage::ChunkSize);
    assert_eq!(bad_chunks("5\r\nhello\n0\r\n\r\n", 400), BadMessage::ChunkEnd);
    assert_eq!(bad_chunks("5\r\nhello\r0\r\n\r\n", 400), BadMessage::ChunkEnd);
    assert_eq!(bad_chunks("5\r\nhello\r\n0\n\r\n", 400), BadMessage::ChunkSize);
    assert_eq!(bad_chunks("5\r\nhello\r\n0\r\n\n", 400), BadMessage::Trailers);
    assert_eq!(bad_chunks("0\n\n", 400), BadMessage::ChunkSize);
    assert_eq!(bad_chunks("0\r\n\n", 400), BadMessage::Trailers);
    assert_eq!(bad_chunks("0\r\nX: y\n\r\n", 400), BadMessage::Trailers);
    assert_eq!(bad_chunks("0\r\nX: y\r\n\n", 400), BadMessage::Trailers);
    assert_eq!(bad_chunks("0\r\nX: y\n\n", 400), BadMessage::Trailers);
}

#[test]
fn a_chunk_that_is_longer_or_shorter_than_its_size_is_rejected() {
    assert_eq!(bad_chunks("4\r\nhello\r\n0\r\n\r\n", 400), BadMessage::ChunkEnd);
    assert_eq!(bad_chunks("6\r\nhello\r\n0\r\n\r\n", 400), BadMessage::ChunkEnd);
    assert_eq!(bad_chunks("7\r\nhello\r\n0\r\n\r\n", 400), BadMessage::ChunkEnd);
    assert_eq!(bad_chunks("5\r\nhello0\r\n\r\n", 400), BadMessage::ChunkEnd);
    assert_eq!(bad_chunks("5\r\nhello\r\r\n0\r\n\r\n", 400), BadMessage::ChunkEnd);
    assert_eq!(bad_chunks("5\r\nhelloXX0\r\n\r\n", 400), BadMessage::ChunkEnd);
    assert_eq!(bad_chunks("5\r\nhello\r\n\r\n0\r\n\r\n", 400), BadMessage::ChunkSize);
    assert_eq!(bad_chunks("1\r\nhello\r\n0\r\n\r\n", 400), BadMessage::ChunkEnd);
    assert_eq!(bad_chunks("5\r\nhello\r\nX", 400), BadMessage::ChunkSize);
}

#[test]
fn a_chunk_size_that_overflows_is_rejected_with_413() {
    let bad = |size: &str| {
        assert!(matches!(bad_chunks(format!("{size}\r\n"), 413), BadMessage::BodyTooLong(_)))
    };
    bad("7fffffffffffffff");
    bad("ffffffffffffffff");
    bad("FFFFFFFFFFFFFFFF");
    bad("10000000000000000"); // 2^64: would overflow to 0
    bad("10000000000000005");
    bad("fffffffffffffffff");
    bad("100000000"); // 2^32
    bad("100000005");
    bad(&"f".repeat(1000));
}

#[test]
fn trailers_must_be_fields() {
    let bad =
        |trailers: &[u8]| bad_chunks([b"5\r\nhello\r\n0\r\n", trailers, b"\r\n\r\n"].concat(), 400);
    assert_eq!(bad(b"X : y"), BadMessage::FieldName); // RFC 9112 §7.1.2
    assert_eq!(bad(b" X: y"), BadMessage::FieldName);
    assert_eq!(bad(b"X"), BadMessage::FieldName);
    assert_eq!(bad(b": y"), BadMessage::FieldName);
    assert_eq!(bad(b"X: y\r\n z"), BadMessage::FieldName);
    assert_eq!(bad(b"GET / HTTP/1.1\r\nHost: a"), BadMessage::FieldName);
    assert_eq!(bad(b"X: \0"), BadMessage::FieldValue);
    assert_eq!(bad(b"X: y\rz"), BadMessage::FieldValue);
    assert_eq!(bad(b"X: y\r"), BadMessage::FieldValue);
    assert_eq!(bad(b"\rX: y"), BadMessage::Trailers);
}
