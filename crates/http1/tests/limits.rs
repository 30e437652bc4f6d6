//! Each limit is exact: a message at the limit is accepted, and one over it is rejected.

mod decode;

use decode::{bad, requests_in};
use http1::{BadMessage, MAX_BODY, MAX_CHUNK_LINE, MAX_FIELDS, MAX_HEAD, MAX_TARGET};

const START: &str = "GET / HTTP/1.1\r\nHost: a\r\n";
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A head of this length in bytes.
fn head(length: usize) -> String {
    let value = "y".repeat(length - START.len() - "X: \r\n\r\n".len());
    format!("{START}X: {value}\r\n\r\n")
}

fn fields(count: usize) -> String {
    (0..count).map(|number| format!("X{number}: y\r\n")).collect()
}

#[test]
fn a_head_may_be_16_kib_long() {
    assert_eq!(MAX_HEAD, 16 * 1024);
    assert_eq!(head(MAX_HEAD).len(), MAX_HEAD);
    assert_eq!(requests_in(head(MAX_HEAD)).len(), 1);
    assert_eq!(bad(head(MAX_HEAD + 1), 431), BadMessage::HeadTooLong);
    assert_eq!(bad(head(2 * MAX_HEAD), 431), BadMessage::HeadTooLong);
    assert_eq!(bad(head(100 * MAX_HEAD), 431), BadMessage::HeadTooLong);
    let many: String =
        (0..50).map(|number| format!("X{number}: {}\r\n", "y".repeat(500))).collect();
    assert_eq!(bad(format!("{START}{many}\r\n"), 431), BadMessage::HeadTooLong);
}

#[test]
fn a_body_and_another_request_may_follow_a_head_of_16_kib() {
    let message = head(MAX_HEAD).replacen("GET", "PUT", 1).replacen(
        "X: yyyyyyyyyyyyyyyyyy",
        "Content-Length: 5\r\nX:",
        1,
    );
    assert_eq!(message.len(), MAX_HEAD);
    let requests = requests_in(format!("{message}hello{message}world"));
    assert_eq!(requests.len(), 2);
    assert_eq!((&requests[0].body()[..], &requests[1].body()[..]), (&b"hello"[..], &b"world"[..]));
}

#[test]
fn a_head_over_the_limit_is_rejected_before_it_ends() {
    let endless = format!("{START}X: {}", "y".repeat(MAX_HEAD));
    requests_in(&endless[..MAX_HEAD]); // the end may still follow
    assert_eq!(bad(&endless[..MAX_HEAD + 1], 431), BadMessage::HeadTooLong);
    let line_feeds = format!("{START}{}", "X: y\n".repeat(4000));
    assert_eq!(bad(&line_feeds[..MAX_HEAD + 1], 431), BadMessage::HeadTooLong);
}

#[test]
fn empty_lines_before_a_request_count_as_head() {
    let empty_lines = |count: usize| "\r\n".repeat(count);
    let request = head(MAX_HEAD / 2);
    assert_eq!(requests_in(format!("{}{request}", empty_lines(MAX_HEAD / 4))).len(), 1);
    assert_eq!(
        bad(format!("{}{request}", empty_lines(MAX_HEAD / 4 + 1)), 431),
        BadMessage::HeadTooLong
    );
    assert_eq!(
        bad(format!("{}{START}\r\n", empty_lines(MAX_HEAD / 2)), 431),
        BadMessage::HeadTooLong
    );
    assert_eq!(
        bad(format!("{}\r", empty_lines(MAX_HEAD / 2)) + "GET", 431),
        BadMessage::HeadTooLong
    );
    assert_eq!(bad("\n".repeat(MAX_HEAD) + "G", 431), BadMessage::HeadTooLong);
}

#[test]
fn endless_empty_lines_are_rejected() {
    assert_eq!(requests_in("\r\n".repeat(MAX_HEAD / 2)).len(), 0);
    assert_eq!(bad("\r\n".repeat(MAX_HEAD / 2 + 1), 431), BadMessage::HeadTooLong);
    assert_eq!(bad("\n".repeat(MAX_HEAD + 1), 431), BadMessage::HeadTooLong);
    assert_eq!(bad("\n".repeat(100 * MAX_HEAD), 431), BadMessage::HeadTooLong);
}

#[test]
fn empty_lines_are_counted_separately_for_each_request() {
    let message = format!("{}{START}\r\n", "\r\n".repeat(MAX_HEAD / 4));
    assert_eq!(requests_in(message.repeat(5)).len(), 5);
}

#[test]
fn a_head_may_have_100_fields() {
    assert_eq!(MAX_FIELDS, 100);
    let requests = requests_in(format!("{START}{}\r\n", fields(99))); // and Host
    assert_eq!(requests[0].fields().count(), 100);
    assert_eq!(bad(format!("{START}{}\r\n", fields(100)), 431), BadMessage::TooManyFields);
    assert_eq!(bad(format!("{START}{}\r\n", fields(1000)), 431), BadMessage::TooManyFields);
    assert_eq!(
        requests_in(format!("{START}{}\r\n", "X: y\r\n".repeat(99)))[0].fields().count(),
        100
    );
    assert_eq!(
        bad(format!("{START}{}\r\n", "X: y\r\n".repeat(100)), 431),
        BadMessage::TooManyFields
    );
    assert_eq!(bad(format!("{START}{}\r\n", "a:\n".repeat(5000)), 431), BadMessage::TooManyFields);
}

#[test]
fn a_target_may_be_8_kib_long() {
    assert_eq!(MAX_TARGET, 8 * 1024);
    let request =
        |target: &str, version: &str| format!("GET {target} {version}\r\nHost: a\r\n\r\n");
    let path = |length: usize| format!("/{}", "x".repeat(length - 1));
    assert_eq!(requests_in(request(&path(MAX_TARGET), "HTTP/1.1"))[0].path().len(), MAX_TARGET);
    assert_eq!(bad(request(&path(MAX_TARGET + 1), "HTTP/1.1"), 414), BadMessage::TargetTooLong);
    assert_eq!(requests_in(request(&path(MAX_TARGET), "HTTP/1.2"))[0].path().len(), MAX_TARGET);
    assert_eq!(bad(request(&path(MAX_TARGET + 1), "HTTP/1.2"), 414), BadMessage::TargetTooLong);
    assert_eq!(bad(request(&path(2 * MAX_TARGET), "HTTP/1.0"), 414), BadMessage::TargetTooLong);
    assert_eq!(bad(request(&path(100 * MAX_TARGET), "HTTP/1.1"), 414), BadMessage::TargetTooLong);
    let absolute = format!("http://a{}", path(MAX_TARGET - 8));
    assert_eq!(requests_in(request(&absolute, "HTTP/1.1")).len(), 1);
    assert_eq!(bad(request(&(absolute + "x"), "HTTP/1.1"), 414), BadMessage::TargetTooLong);
    let query = format!("/?{}", "x".repeat(MAX_TARGET - 1));
    assert_eq!(bad(request(&query, "HTTP/1.1"), 414), BadMessage::TargetTooLong);
}

#[test]
fn a_target_over_the_limit_is_rejected_at_the_end_of_its_line() {
    let line = format!("GET /{} HTTP/1.1\r\n", "x".repeat(MAX_TARGET));
    assert_eq!(bad(&line, 414), BadMessage::TargetTooLong);
    // the start line is checked first
    assert_eq!(bad(line + "X : y\r\n\r\n", 414), BadMessage::TargetTooLong);
}

#[test]
fn an_endless_start_line_is_rejected_for_the_part_that_is_too_long() {
    assert_eq!(bad(format!("GET /{}", "x".repeat(MAX_HEAD)), 414), BadMessage::TargetTooLong);
    assert_eq!(bad("G".repeat(MAX_HEAD + 1), 431), BadMessage::HeadTooLong);
    assert_eq!(
        bad(format!("{} / HTTP/1.1\r\n\r\n", "G".repeat(MAX_HEAD)), 431),
        BadMessage::HeadTooLong
    );
}

#[test]
fn bytes_after_the_limit_do_not_change_the_error() {
    let target = "x".repeat(MAX_HEAD);
    assert_eq!(bad(format!("GET /{target} HTTP/2.0\r\n\r\n"), 414), BadMessage::TargetTooLong);
    assert_eq!(bad(format!("GET /{target} nonsense\r\n\r\n"), 414), BadMessage::TargetTooLong);
    assert_eq!(bad(format!("GET /{target}\r\n\r\n"), 414), BadMessage::TargetTooLong);
    assert_eq!(bad(format!("{}\r\n\r\n", "G".repeat(MAX_HEAD)), 431), BadMessage::HeadTooLong);
}

#[test]
fn a_body_with_a_content_length_may_be_1_mib_long() {
    assert_eq!(MAX_BODY, 1024 * 1024);
    let head =
        |length: &str| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    let body = "x".repeat(MAX_BODY);
    assert_eq!(requests_in(head("1048576") + &body)[0].body().len(), MAX_BODY);
    // before its first byte
    assert_eq!(bad(head("1048577"), 413), BadMessage::BodyTooLong(MAX_BODY));
    assert_eq!(bad(head("1048577") + &body, 413), BadMessage::BodyTooLong(MAX_BODY));
    bad(head("4294967296"), 413); // 2^32
    bad(head("4294967301"), 413);
    bad(head("9223372036854775808"), 413); // 2^63
    bad(head("18446744073709551615"), 413); // 2^64 - 1
}

#[test]
fn a_body_may_be_1_mib_long_in_one_chunk() {
    let body = "x".repeat(MAX_BODY);
    assert_eq!(
        requests_in(format!("{CHUNKED}100000\r\n{body}\r\n0\r\n\r\n"))[0].body().len(),
        MAX_BODY
    );
    // before its data
    assert_eq!(bad(format!("{CHUNKED}100001\r\n"), 413), BadMessage::BodyTooLong(MAX_BODY));
    assert_eq!(
        bad(format!("{CHUNKED}100000\r\n{body}\r\n1\r\n"), 413),
        BadMessage::BodyTooLong(MAX_BODY)
    );
}

#[test]
fn a_body_may_be_1_mib_long_in_many_chunks() {
    let chunks =
        |size: usize, count: usize| format!("{size:x}\r\n{}\r\n", "x".repeat(size)).repeat(count);
    assert_eq!(
        requests_in(format!("{CHUNKED}{}0\r\n\r\n", chunks(64, MAX_BODY / 64)))[0].body().len(),
        MAX_BODY
    );
    let over = format!("{CHUNKED}{}1\r\n", chunks(64, MAX_BODY / 64));
    assert_eq!(bad(over, 413), BadMessage::BodyTooLong(MAX_BODY));
    let over = format!("{CHUNKED}{}21\r\n", chunks(32, MAX_BODY / 32 - 1)); // 32 bytes remain
    assert_eq!(bad(over, 413), BadMessage::BodyTooLong(MAX_BODY));
}

#[test]
fn the_size_line_of_a_chunk_may_be_1_kib_long() {
    assert_eq!(MAX_CHUNK_LINE, 1024);
    let line = |length: usize| format!("5;{}", "x".repeat(length - 2));
    let message = |line: String| format!("{CHUNKED}{line}\r\nhello\r\n0\r\n\r\n");
    assert_eq!(requests_in(message(line(MAX_CHUNK_LINE)))[0].body(), "hello");
    assert_eq!(bad(message(line(MAX_CHUNK_LINE + 1)), 400), BadMessage::ChunkLineTooLong);
    assert_eq!(bad(message(line(100 * MAX_CHUNK_LINE)), 400), BadMessage::ChunkLineTooLong);
    assert_eq!(requests_in(message("0".repeat(MAX_CHUNK_LINE - 1) + "5"))[0].body(), "hello");
    assert_eq!(bad(message("0".repeat(MAX_CHUNK_LINE) + "5"), 400), BadMessage::ChunkLineTooLong);
    assert_eq!(
        bad(message(format!("5\r\nhello\r\n{}", line(MAX_CHUNK_LINE + 1))), 400),
        BadMessage::ChunkLineTooLong
    );
    let endless = format!("{CHUNKED}5;{}", "x".repeat(MAX_CHUNK_LINE));
    assert_eq!(bad(endless, 400), BadMessage::ChunkLineTooLong);
}

#[test]
fn trailers_may_be_16_kib_long() {
    let trailers = |length: usize| format!("X: {}\r\n\r\n", "y".repeat(length - 7));
    let message = |trailers: String| format!("{CHUNKED}5\r\nhello\r\n0\r\n{trailers}");
    assert_eq!(trailers(MAX_HEAD).len(), MAX_HEAD);
    assert_eq!(requests_in(message(trailers(MAX_HEAD)).repeat(2)).len(), 2);
    assert_eq!(bad(message(trailers(MAX_HEAD + 1)), 431), BadMessage::HeadTooLong);
    assert_eq!(bad(message(trailers(100 * MAX_HEAD)), 431), BadMessage::HeadTooLong);
    assert_eq!(bad(message("X: y\r\n".repeat(MAX_HEAD)), 431), BadMessage::HeadTooLong);
    let endless = message(format!("X: {}", "y".repeat(MAX_HEAD)));
    assert_eq!(bad(endless, 431), BadMessage::HeadTooLong);
}

#[test]
fn there_may_be_100_trailers() {
    let message = |count: usize| format!("{CHUNKED}5\r\nhello\r\n0\r\n{}\r\n", fields(count));
    assert_eq!(requests_in(message(100))[0].body(), "hello");
    assert_eq!(bad(message(101), 431), BadMessage::TooManyFields);
}
