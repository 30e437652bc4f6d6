//! The exact bytes of encoded messages, and that they decode to the same messages.

use http1::{
    Bytes, ClientRequest, Decoded, Decoder, HeaderMap, KeepAlive, Message, Method, Request,
    Response, StatusCode, Version, header,
};
use http1::{encode_request, encode_response};
use std::thread;
use std::time::{Duration, SystemTime};

/// The encoded head of a response, with `<date>` in place of the date.
fn head(response: &Response, keep_alive: KeepAlive) -> String {
    let mut bytes = Vec::new();
    encode_response(response, keep_alive, &mut bytes);
    let head = String::from_utf8(bytes).expect("these heads are text");
    let date = date(&head).to_owned();
    head.replacen(&date, "<date>", 1)
}

fn date(head: &str) -> &str {
    let dates: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("Date: ")).collect();
    assert_eq!(dates.len(), 1, "one date in {head:?}");
    dates[0]
}

fn encoded(request: &ClientRequest) -> String {
    let mut bytes = Vec::new();
    encode_request(request, "localhost:8080", &mut bytes);
    String::from_utf8(bytes).expect("these requests are text")
}

fn request(
    method: Method,
    target: &str,
    fields: &[(&str, &str)],
    body: &'static str,
) -> ClientRequest {
    let mut request = ClientRequest::new(method, target.parse().expect("a target"));
    request.headers = headers(fields);
    request.body = Bytes::from_static(body.as_bytes());
    request
}

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let field = |(name, value): &(&str, &str)| {
        (name.parse().expect("a name"), value.parse().expect("a value"))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter().map(field) {
        headers.append::<http1::HeaderName>(name, value);
    }
    headers
}

/// Decodes bytes that are exactly one message.
fn decoded<M: Message>(bytes: &[u8]) -> M {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    let Ok(Decoded::Complete(message)) = decoder.decode() else {
        panic!("not a message: {}", bytes.escape_ascii())
    };
    assert!(!decoder.has_begun(), "more than a message: {}", bytes.escape_ascii());
    message
}

#[test]
fn a_response_has_its_fields_its_length_the_date_and_the_connection_option() {
    let response = Response::text("hello".into());
    let fields = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\
        Content-Length: 5\r\nDate: <date>\r\n";
    assert_eq!(head(&response, KeepAlive::Implied), format!("{fields}\r\n"));
    assert_eq!(
        head(&response, KeepAlive::Stated),
        format!("{fields}Connection: keep-alive\r\n\r\n")
    );
    assert_eq!(head(&response, KeepAlive::Close), format!("{fields}Connection: close\r\n\r\n"));
}

#[test]
fn an_empty_response_has_a_content_length_of_0() {
    let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: <date>\r\n\r\n";
    assert_eq!(head(&Response::new(StatusCode::OK), KeepAlive::Implied), empty);
    // an empty body has no type
    assert_eq!(head(&Response::text(Bytes::new()), KeepAlive::Implied), empty);
}

#[test]
fn a_response_that_cannot_have_a_body_has_no_content_length() {
    for code in [100, 103, 204, 304] {
        let mut response = Response::new(StatusCode::from_u16(code).unwrap());
        response.set_body(Bytes::from_static(b"hello"));
        let head = head(&response, KeepAlive::Implied);
        // RFC 9110 §8.6
        assert!(head.ends_with("\r\nDate: <date>\r\n\r\n") && !head.contains("Length"), "{head:?}");
    }
}

#[test]
fn a_status_without_a_reason_phrase_keeps_its_space() {
    let head = head(&Response::new(StatusCode::from_u16(299).unwrap()), KeepAlive::Implied);
    assert!(head.starts_with("HTTP/1.1 299 \r\n"), "{head:?}"); // RFC 9112 §4
}

#[test]
fn field_names_are_capitalised() {
    let mut response = Response::new(StatusCode::OK);
    *response.headers_mut() =
        headers(&[("retry-after", "1"), ("x-b3-traceid", "A-b"), ("ALLOW", "get"), ("a--b_c", "")]);
    let expected =
        "HTTP/1.1 200 OK\r\nRetry-After: 1\r\nX-B3-Traceid: A-b\r\nAllow: get\r\nA--B_c: \r\n";
    assert!(
        head(&response, KeepAlive::Implied).starts_with(expected),
        "{}",
        head(&response, KeepAlive::Implied)
    );
}

#[test]
fn a_repeated_field_is_written_once_for_each_value() {
    let mut response = Response::new(StatusCode::OK);
    *response.headers_mut() = headers(&[("set-cookie", "a=b"), ("set-cookie", "c=d")]);
    let head = head(&response, KeepAlive::Implied);
    assert!(head.contains("\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n"), "{head:?}");
}

#[test]
fn fields_that_the_encoder_sets_are_not_written_twice() {
    let reserved = [
        ("content-length", "7"),
        ("content-length", "8"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
        ("date", "yesterday"),
    ];
    let mut response = Response::new(StatusCode::OK);
    *response.headers_mut() = headers(&reserved);
    let expected =
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: <date>\r\nConnection: close\r\n\r\n";
    assert_eq!(head(&response, KeepAlive::Close), expected);
    let post = encoded(&request(Method::POST, "/", &reserved[..3], "hello"));
    assert_eq!(post, "POST / HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: 5\r\n\r\nhello");
}

#[test]
fn the_date_is_current_and_changes_every_second() {
    let dates = [(), ()].map(|()| {
        let begin = SystemTime::now();
        let mut bytes = Vec::new();
        encode_response(&Response::new(StatusCode::OK), KeepAlive::Implied, &mut bytes);
        let date = httpdate::parse_http_date(date(&String::from_utf8(bytes).unwrap())).unwrap();
        // in whole seconds
        assert!(begin - Duration::from_secs(1) <= date && date <= SystemTime::now());
        while SystemTime::now() < date + Duration::from_secs(1) {
            thread::sleep(Duration::from_millis(10));
        }
        date
    });
    assert_ne!(dates[0], dates[1]);
}

#[test]
fn encoding_appends_to_the_buffer() {
    let mut bytes = b"before".to_vec();
    encode_response(&Response::new(StatusCode::OK), KeepAlive::Implied, &mut bytes);
    assert!(bytes.starts_with(b"beforeHTTP/1.1 200 OK\r\n"));
    let mut bytes = b"before".to_vec();
    encode_request(&request(Method::GET, "/", &[], ""), "a", &mut bytes);
    assert_eq!(bytes, b"beforeGET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

#[test]
fn a_request_has_its_target_its_host_its_fields_and_its_length() {
    let get = request(Method::GET, "/events?a=b", &[("accept", "*/*")], "");
    assert_eq!(
        encoded(&get),
        "GET /events?a=b HTTP/1.1\r\nHost: localhost:8080\r\nAccept: */*\r\n\r\n"
    );
    let post = request(
        Method::POST,
        "/events",
        &[("content-type", "a/b"), ("connection", "close")],
        "hello",
    );
    let expected = "POST /events HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\nContent-Type: a/b\r\n\
        Content-Length: 5\r\n\r\nhello";
    assert_eq!(encoded(&post), expected);
}

#[test]
fn a_request_with_a_host_keeps_it() {
    let get = request(Method::GET, "/", &[("host", "b")], "");
    assert_eq!(encoded(&get), "GET / HTTP/1.1\r\nHost: b\r\n\r\n");
}

#[test]
fn a_method_that_expects_a_body_announces_an_empty_one() {
    for method in ["POST", "PUT", "PATCH"] {
        let empty = encoded(&request(method.parse().unwrap(), "/", &[], ""));
        assert!(empty.ends_with("\r\nContent-Length: 0\r\n\r\n"), "{empty:?}"); // RFC 9110 §8.6
    }
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        let empty = encoded(&request(method.parse().unwrap(), "/", &[], ""));
        assert!(!empty.contains("Length"), "{empty:?}");
        let full = encoded(&request(method.parse().unwrap(), "/", &[], "hello"));
        assert!(full.ends_with("\r\nContent-Length: 5\r\n\r\nhello"), "{full:?}");
    }
}

#[test]
fn the_target_is_sent_in_origin_form() {
    let target = |target: &str, sent: &str| {
        let line = encoded(&request(Method::GET, target, &[], ""));
        // RFC 9112 §3.2.1
        assert!(line.starts_with(&format!("GET {sent} HTTP/1.1\r\n")), "{line:?}");
    };
    target("/", "/");
    target("/events?a", "/events?a");
    target("/?", "/?");
    target("*", "*");
    target("http://a", "/");
    target("http://a:80/events?b", "/events?b");
    target("http://a?b", "/?b");
    target("a:80", "/"); // not a target
}

#[test]
fn every_connection_option_of_a_request_is_sent() {
    let get = request(
        Method::GET,
        "/",
        &[("connection", "te"), ("te", "trailers"), ("connection", "close")],
        "",
    );
    let expected = "GET / HTTP/1.1\r\nHost: localhost:8080\r\nConnection: te\r\nConnection: close\r\nTe: trailers\r\n\r\n";
    assert_eq!(encoded(&get), expected);
}

#[test]
fn a_request_is_the_same_after_encoding_and_decoding() {
    let long = "x".repeat(100_000);
    for method in ["GET", "POST", "HEAD", "OPTIONS", "BREW"] {
        for target in ["/", "/events?a=b", "//a//", "/%00?%ff", "/~!$&'()*+,;=:@?/?"] {
            for body in ["", "hello", "\r\n\r\n\0", "GET / HTTP/1.1\r\n\r\n", &long] {
                let mut sent = request(
                    method.parse().unwrap(),
                    target,
                    &[("x", "y"), ("x", "é"), ("z", "")],
                    "",
                );
                sent.body = Bytes::copy_from_slice(body.as_bytes());
                let mut bytes = Vec::new();
                encode_request(&sent, "a:80", &mut bytes);
                let received: Request = decoded(&bytes);
                assert_eq!((received.method(), received.target()), (&sent.method, target));
                assert_eq!(
                    (received.version(), received.header(header::HOST)),
                    (Version::HTTP_11, Some("a:80"))
                );
                let framing: [&[u8]; 2] = [b"Host", b"Content-Length"];
                let fields = received.fields().filter(|(name, _)| !framing.contains(name));
                let sent_fields: [(&[u8], &[u8]); 3] =
                    [(b"X", b"y"), (b"X", "é".as_bytes()), (b"Z", b"")];
                assert!(fields.eq(sent_fields), "{received:?}");
                assert_eq!(received.body(), &sent.body);
            }
        }
    }
}

#[test]
fn a_response_is_the_same_after_encoding_and_decoding() {
    let long = "x".repeat(100_000);
    for status in [200, 201, 299, 404, 503, 999] {
        for body in ["", "hello", "\r\n\r\n\0", "HTTP/1.1 200 OK\r\n\r\n", &long] {
            let mut sent = Response::new(StatusCode::from_u16(status).unwrap());
            *sent.headers_mut() = headers(&[("x", "y"), ("x", "é"), ("z", "")]);
            sent.set_body(Bytes::copy_from_slice(body.as_bytes()));
            let mut bytes = Vec::new();
            encode_response(&sent, KeepAlive::Implied, &mut bytes);
            bytes.extend_from_slice(sent.body());
            let mut received: Response = decoded(&bytes);
            assert_eq!(
                received.headers_mut().remove(header::CONTENT_LENGTH).unwrap(),
                &*body.len().to_string()
            );
            assert!(received.headers_mut().remove(header::DATE).is_some());
            assert_eq!((received.status(), received.version()), (sent.status(), sent.version()));
            assert_eq!((received.headers(), received.body()), (sent.headers(), sent.body()));
        }
    }
}
