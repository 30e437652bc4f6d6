//! Unusual input that is accepted, and what it is decoded to.

mod decode;

use decode::requests_in;
use http1::{HeaderName, Method, Request, Version, header};

fn name(text: &'static str) -> HeaderName {
    HeaderName::from_static(text)
}

/// Decodes bytes that are exactly one request.
#[track_caller]
fn request_in(bytes: impl AsRef<[u8]>) -> Request {
    let mut requests = requests_in(&bytes);
    assert_eq!(requests.len(), 1, "requests in {}", bytes.as_ref().escape_ascii());
    requests.remove(0)
}

/// Decodes a GET request with these fields.
#[track_caller]
fn request_with(fields: impl AsRef<[u8]>) -> Request {
    request_in([b"GET / HTTP/1.1\r\nHost: a\r\n", fields.as_ref(), b"\r\n\r\n"].concat())
}

/// Decodes a chunked body, and checks that the next request is found after it.
#[track_caller]
fn chunked_content(body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let requests =
        requests_in([head, body.as_ref(), b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
    assert_eq!(requests.len(), 2, "requests in {}", body.as_ref().escape_ascii());
    assert_eq!(requests[1].path(), "/next");
    requests[0].body().to_vec()
}

#[test]
fn a_request_is_decoded_with_all_its_parts() {
    let request = request_in(
        "POST /events?a=b HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\nX-Y: z\r\n\r\nhello",
    );
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.target(), "/events?a=b");
    assert_eq!(request.path(), "/events");
    assert_eq!(request.version(), Version::HTTP_11);
    assert_eq!(request.fields().count(), 3);
    assert_eq!(request.header(header::HOST), Some("a:80"));
    assert_eq!(request.header(header::CONTENT_LENGTH), Some("5"));
    assert_eq!(request.header(name("x-y")), Some("z"));
    assert_eq!(request.body(), "hello");
}

#[test]
fn bare_line_feeds_are_accepted_in_the_head() {
    // RFC 9112 §2.2
    let request = request_in("POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello");
    assert_eq!((request.fields().count(), &request.body()[..]), (2, &b"hello"[..]));
    assert_eq!(request_in("GET / HTTP/1.1\r\nHost: a\n\r\n").header(header::HOST), Some("a"));
    assert_eq!(request_in("GET / HTTP/1.1\nHost: a\r\n\n").header(header::HOST), Some("a"));
    assert_eq!(request_in("GET / HTTP/1.0\n\n").version(), Version::HTTP_10);
    assert_eq!(request_in("GET / HTTP/1.0\n\r\n").version(), Version::HTTP_10);
    assert_eq!(request_in("GET / HTTP/1.2\nHost: a\n\n").version(), Version::HTTP_11);
}

#[test]
fn empty_lines_before_a_request_are_dropped() {
    assert_eq!(request_in("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").path(), "/"); // RFC 9112 §2.2
    assert_eq!(request_in("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").path(), "/");
    assert_eq!(request_in("\r\n\n\r\n\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").path(), "/");
    assert_eq!(
        request_in(["\r\n".repeat(1000).as_str(), "GET / HTTP/1.0\r\n\r\n"].concat()).path(),
        "/"
    );
    let with_trailing_crlf = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n";
    assert_eq!(requests_in(with_trailing_crlf.repeat(3)).len(), 3); // as some old clients send them
    assert_eq!(requests_in("\r\n\r\n\n\r").len(), 0);
}

#[test]
fn a_method_is_any_token() {
    let method = |method: &str| {
        let request = request_in(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(request.method().as_str(), method);
    };
    method("GET"); // RFC 9110 §9.1
    method("get"); // case-sensitive, so another method
    method("HEAD");
    method("DELETE");
    method("TRACE");
    method("PROPFIND");
    method("BREW");
    method("G");
    method("GETS");
    method("POSTS");
    method("PRI");
    method("connect");
    method("!#$%&'*+-.^_`|~09azAZ"); // RFC 9110 §5.6.2
    method(&"X".repeat(1000));
}

#[test]
fn a_later_minor_version_is_treated_as_http_11() {
    for minor in 2..=9 {
        // RFC 9110 §2.5
        let request = request_in(format!("GET / HTTP/1.{minor}\r\nHost: a\r\n\r\n"));
        assert_eq!(request.version(), Version::HTTP_11);
    }
    let chunked =
        "POST / HTTP/1.2\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(request_in(chunked).body(), "hello");
}

#[test]
fn http_10_does_not_need_a_host() {
    assert_eq!(request_in("GET / HTTP/1.0\r\n\r\n").version(), Version::HTTP_10);
    assert_eq!(request_in("GET / HTTP/1.0\r\nHost: a\r\n\r\n").header(header::HOST), Some("a"));
    assert_eq!(request_in("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello").body(), "hello");
    assert_eq!(
        request_in("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").version(),
        Version::HTTP_10
    );
}

#[test]
fn a_target_is_split_into_path_and_query() {
    let target = |target: &str, path: &str, query: Option<&str>| {
        let request = request_in(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!((request.path(), request.query()), (path, query), "{target}");
    };
    target("/", "/", None);
    target("/events", "/events", None);
    target("/events/", "/events/", None);
    target("/events?", "/events", Some(""));
    target("/events?a=b&c", "/events", Some("a=b&c"));
    target("/events?a?b/c:d@e", "/events", Some("a?b/c:d@e"));
    target("/?a", "/", Some("a"));
    target("//", "//", None); // not an authority: the origin form has none
    target("//a/events", "//a/events", None);
    target("/../events", "/../events", None); // not normalised: no route contains dots
    target("/http://a/", "/http://a/", None);
    target("/a:80", "/a:80", None);
    target("/;a=b,c", "/;a=b,c", None);
    target("/~!$&'()*+,;=:@-._", "/~!$&'()*+,;=:@-._", None); // RFC 3986 §3.3
    // some clients do not encode these
    target("/{a}|^[b]`\\?{a}|^[b]`\\", "/{a}|^[b]`\\", Some("{a}|^[b]`\\"));
}

#[test]
fn percent_encoded_unreserved_characters_equal_the_plain_ones() {
    let path = |sent: &str, path: &str| {
        let request = request_in(format!("GET {sent}?%61 HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!((request.path(), request.query()), (path, Some("%61")), "{sent}");
        assert_eq!(request.target(), format!("{sent}?%61"));
    };
    path("/%65vents", "/events"); // RFC 9110 §4.2.3
    path("/%65%76%65%6e%74%73", "/events");
    path("/%65%76%65%6E%74%73", "/events");
    path("/%2D%2e%5f%7E%30%41", "/-._~0A");
    path("http://a/%65vents", "/events");
    // reserved and other characters do not
    path("/a%2fb", "/a%2fb");
    path("/%00%20%25%3f%7f%c3%bc", "/%00%20%25%3f%7f%c3%bc");
    path("/%2565vents", "/%2565vents"); // not decoded twice
    // a malformed encoding is left as it is
    path("/%", "/%");
    path("/%6", "/%6");
    path("/%6g%g6%+5%-1", "/%6g%g6%+5%-1");
    path("/%%65", "/%e");
}

#[test]
fn the_path_of_an_absolute_target_starts_after_its_host() {
    let target = |target: &str, path: &str| {
        assert_eq!(
            request_in(format!("GET {target} HTTP/1.1\r\nHost: b\r\n\r\n")).path(),
            path,
            "{target}"
        );
    };
    target("http://a/events", "/events"); // RFC 9112 §3.2.2
    target("http://a/events?query", "/events");
    target("http://a", "/");
    target("http://a/", "/");
    target("http://a?query", "/");
    target("http://a:8080/events", "/events");
    target("http://a:/events", "/events");
    target("http://127.0.0.1:8080/events", "/events");
    target("http://[::1]:8080/events", "/events");
    target("https://a/events", "/events");
    target("HTTP://a/events", "/events"); // RFC 3986 §3.1: any case
    target("Https://A/events", "/events");
    assert_eq!(request_in("GET http://a/events HTTP/1.0\r\n\r\n").path(), "/events");
    assert_eq!(request_in("OPTIONS http://a/events HTTP/1.1\r\nHost: a\r\n\r\n").path(), "/events");
}

#[test]
fn an_absolute_target_keeps_its_query() {
    let request = request_in("GET HTTP://a:80/{x}`?y=`? HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_eq!(
        (request.path(), request.query(), request.target()),
        ("/{x}`", Some("y=`?"), "HTTP://a:80/{x}`?y=`?")
    );
    let request = request_in("GET http://a?y HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_eq!((request.path(), request.query(), request.target()), ("/", Some("y"), "http://a?y"));
}

#[test]
fn options_accepts_the_asterisk_target() {
    let request = request_in("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"); // RFC 9112 §3.2.4
    assert_eq!((request.method().as_str(), request.path()), ("OPTIONS", "*"));
    assert_eq!(request_in("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n").path(), "/");
}

#[test]
fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
    let host = |host: &str| {
        let request = request_in(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(request.header(header::HOST), Some(host));
    };
    host("a"); // RFC 9110 §7.2
    host("localhost");
    host("LOCALHOST:80");
    host("a.b.c");
    host("a.b.c.");
    host("a-b_c~d");
    host("xn--nxasmq6b");
    host("a:");
    host("a:0");
    host("a:80");
    host("a:080");
    host("a:65535");
    host("127.0.0.1");
    host("127.0.0.1:8080");
    host("0.0.0.0");
    host("[::]");
    host("[::1]");
    host("[::1]:");
    host("[::1]:8080");
    host("[2001:db8::1]");
    host("[2001:DB8:0:0:0:0:0:1]:80");
    host("[::ffff:127.0.0.1]");
    host("!$&'()*+,;="); // RFC 3986 §3.2.2 allows it
    host("H%4fSt:80"); // and percent-encoding
}

#[test]
fn a_host_may_be_empty_beside_an_absolute_target() {
    let request = request_in("GET http://a/events HTTP/1.1\r\nHost:\r\n\r\n"); // RFC 9112 §3.2.2
    assert_eq!((request.path(), request.header(header::HOST)), ("/events", Some("")));
}

#[test]
fn a_value_may_be_empty_or_contain_spaces_tabs_and_non_ascii_bytes() {
    let value = |field: &[u8], value: &[u8]| {
        assert_eq!(
            request_with(field).values(&name("x")).next(),
            Some(value),
            "{}",
            field.escape_ascii()
        );
    };
    value(b"X:", b""); // RFC 9110 §5.5
    value(b"X: ", b"");
    value(b"X: \t \t", b"");
    value(b"X:y", b"y");
    value(b"X:  y\t ", b"y"); // white space around a value is not part of it
    value(b"X: y  z", b"y  z");
    value(b"X: y\tz", b"y\tz");
    value(b"X: :", b":");
    value(b"X: y: z", b"y: z");
    value(b"X: \xff\x80", b"\xff\x80"); // obs-text
    value("X: é".as_bytes(), "é".as_bytes());
    value(b"X: \"(),/:;<=>?@[\\]{}", b"\"(),/:;<=>?@[\\]{}");
    value(b"x: y", b"y");
}

#[test]
fn a_field_name_is_any_token() {
    let request = request_with("!#$%&'*+-.^_`|~09azAZ: y\r\nX_Y: z"); // RFC 9110 §5.6.2
    assert_eq!(request.header(name("!#$%&'*+-.^_`|~09azaz")), Some("y"));
    assert_eq!(request.header(name("x_y")), Some("z"));
}

#[test]
fn a_repeated_field_keeps_each_value() {
    let request = request_with("X: 1\r\nY: 2\r\nx: 3");
    let values: Vec<_> = request.values(&name("x")).collect();
    assert_eq!(values, [b"1", b"3"]);
}

#[test]
fn a_field_is_found_only_by_its_full_name() {
    let request = request_with("X-Y: 1\r\nXX: 2\r\nX:3");
    assert_eq!(request.values(&name("x")).collect::<Vec<_>>(), [b"3"]);
    assert_eq!((request.header(name("xx")), request.header(name("y"))), (Some("2"), None));
}

#[test]
fn a_body_may_have_any_type_unless_a_content_type_says_otherwise() {
    // RFC 9110 §8.3
    let content_type_is = |fields: &str| request_with(fields).content_type_is("application/json");
    assert!(content_type_is("X: y"));
    assert!(content_type_is("Content-Type: application/json"));
    assert!(content_type_is("content-type:Application/JSON"));
    assert!(content_type_is("Content-Type: application/json ; charset=utf-8"));
    assert!(content_type_is("Content-Type: application/json; a=é"));
    assert!(content_type_is("Content-Type: application/json\r\nContent-Type: application/json"));
    assert!(!content_type_is("Content-Type:"));
    assert!(!content_type_is("Content-Type: text/plain"));
    assert!(!content_type_is("Content-Type: application/jsonl"));
    assert!(!content_type_is("Content-Type: application/json, text/plain"));
    assert!(!content_type_is("Content-Type: application/json\r\nContent-Type: text/plain"));
}

#[test]
fn a_content_coding_other_than_identity_is_found() {
    let is_encoded = |fields: &str| request_with(fields).is_encoded();
    for fields in ["X: gzip", "Content-Encoding: identity", "content-encoding: Identity, ,"] {
        assert!(!is_encoded(fields), "{fields}");
    }
    for fields in [
        "Content-Encoding: gzip",
        "Content-Encoding: identity, br",
        "Content-Encoding: identity\r\nContent-Encoding: x",
    ] {
        assert!(is_encoded(fields), "{fields}");
    }
}

#[test]
fn a_content_length_may_be_repeated_with_the_same_value() {
    let body = |fields: &str| {
        request_in(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\nhello")).into_body()
    };
    assert_eq!(body("Content-Length: 5"), "hello");
    assert_eq!(body("content-length:5"), "hello");
    assert_eq!(body("Content-Length: \t5 "), "hello");
    assert_eq!(body("Content-Length: 005"), "hello");
    assert_eq!(body("Content-Length: 00000000000000000000000000000005"), "hello");
    assert_eq!(body("Content-Length: 5\r\nContent-Length: 5"), "hello"); // RFC 9112 §6.3
    assert_eq!(body("Content-Length: 5\r\ncontent-length: 5\r\nCONTENT-LENGTH: 5"), "hello");
    assert_eq!(body("Content-Length: 5\r\nContent-Length: 05"), "hello");
}

#[test]
fn a_request_without_content_length_or_transfer_encoding_has_no_body() {
    // RFC 9112 §6.3
    let two = requests_in("POST /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(two.iter().map(|request| request.path()).collect::<Vec<_>>(), ["/1", "/2"]);
    assert!(two[0].body().is_empty());
    let two = requests_in(
        "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(two.len(), 2);
}

#[test]
fn any_method_may_have_a_body() {
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let request =
            request_in(format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"));
        assert_eq!(request.body(), "hello", "{method}"); // RFC 9110 §9.3.1
    }
}

#[test]
fn chunks_are_joined_into_one_body() {
    assert_eq!(chunked_content("0\r\n\r\n"), b""); // RFC 9112 §7.1
    assert_eq!(chunked_content("5\r\nhello\r\n0\r\n\r\n"), b"hello");
    assert_eq!(chunked_content("1\r\nh\r\n1\r\ne\r\n3\r\nllo\r\n0\r\n\r\n"), b"hello");
    assert_eq!(chunked_content("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"), b"helloworld");
    // data, not the last chunk
    assert_eq!(chunked_content("5\r\n0\r\n\r\n\r\n0\r\n\r\n"), b"0\r\n\r\n");
    assert_eq!(chunked_content("2\r\n\r\n\r\n0\r\n\r\n"), b"\r\n");
    assert_eq!(chunked_content(b"3\r\n\0\xff\r\r\n0\r\n\r\n"), b"\0\xff\r");
}

#[test]
fn a_chunk_size_may_be_in_either_case_and_begin_with_zeros() {
    let data = "x".repeat(0xab);
    assert_eq!(chunked_content(format!("ab\r\n{data}\r\n0\r\n\r\n")).len(), 0xab);
    assert_eq!(chunked_content(format!("AB\r\n{data}\r\n0\r\n\r\n")).len(), 0xab);
    assert_eq!(chunked_content(format!("aB\r\n{data}\r\n0\r\n\r\n")).len(), 0xab);
    assert_eq!(chunked_content(format!("000000AB\r\n{data}\r\n00000000\r\n\r\n")).len(), 0xab);
    assert_eq!(chunked_content("000000000000000000000000005\r\nhello\r\n000\r\n\r\n"), b"hello");
}

#[test]
fn chunk_extensions_are_read_and_dropped() {
    let extension = |text: &str| {
        assert_eq!(chunked_content(format!("5{text}\r\nhello\r\n0{text}\r\n\r\n")), b"hello")
    };
    extension(";a"); // RFC 9112 §7.1.1
    extension(";a=b");
    extension(";a=\"b c; d\"");
    extension(";a;b=c;d=\"e\"");
    extension(" ;a");
    extension("\t;\ta\t=\tb");
    extension(" ; a = b ; c");
    extension(";!#$%&'*+-.^_`|~=b");
    extension(";a=\"é\"");
}

#[test]
fn trailers_are_read_and_dropped() {
    let trailers = |text: &str| {
        assert_eq!(chunked_content(format!("5\r\nhello\r\n0\r\n{text}\r\n")), b"hello")
    };
    trailers("X: y\r\n"); // RFC 9112 §7.1.2
    trailers("X: y\r\nZ:\r\n");
    trailers("Content-Length: 3\r\n"); // RFC 9110 §6.5.1: no effect
    trailers("Transfer-Encoding: chunked\r\n");
    trailers("Host: b\r\n");
    let request = request_in(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\nX: y\r\nHost: b\r\n\r\n",
    );
    assert_eq!((request.header(name("x")), request.header(header::HOST)), (None, Some("a")));
}

#[test]
fn chunked_is_accepted_in_any_case() {
    for value in ["chunked", "CHUNKED", "Chunked", "cHuNkEd", " chunked ", "\tchunked\t"] {
        let request = request_in(format!(
            "POST / HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING:{value}\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        ));
        assert_eq!(request.body(), "hello", "{value:?}"); // RFC 9112 §7: case-insensitive
    }
}

#[test]
fn pipelined_requests_are_separated() {
    let bytes = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
        POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\nX: y\r\n\r\n\r\n\
        HEAD /4 HTTP/1.0\n\n\
        POST /5 HTTP/1.1\r\nHost: a\r\nContent-Length: 29\r\n\r\nGET /not HTTP/1.1\r\nHost: a\r\n\r\n";
    let requests = requests_in(bytes);
    assert_eq!(
        requests.iter().map(|request| request.path()).collect::<Vec<_>>(),
        ["/1", "/2", "/3", "/4", "/5"]
    );
    assert_eq!(
        requests.iter().map(|request| request.body().len()).collect::<Vec<_>>(),
        [0, 5, 5, 0, 29]
    );
}
