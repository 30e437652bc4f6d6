//! Heads that are rejected, and with which status: one malformed head per line.

mod decode;

use decode::bad;
use http1::BadMessage;

/// The error for a GET request with these fields.
#[track_caller]
fn bad_fields(fields: impl AsRef<[u8]>, status: u16) -> BadMessage {
    bad([b"GET / HTTP/1.1\r\nHost: a\r\n", fields.as_ref(), b"\r\n\r\n"].concat(), status)
}

#[test]
fn a_malformed_request_line_is_rejected() {
    let bad = |line: &str| {
        let bad = bad([line, "\r\nHost: a\r\n\r\n"].concat(), 400);
        assert!(matches!(bad, BadMessage::RequestLine), "{line:?}: {bad:?}");
    };
    bad("GET"); // RFC 9112 §3
    bad("GET /");
    bad("GET HTTP/1.1");
    bad("/ HTTP/1.1");
    bad(" GET / HTTP/1.1");
    bad("\tGET / HTTP/1.1");
    bad("GET  / HTTP/1.1");
    bad("GET /  HTTP/1.1");
    bad("GET / HTTP/1.1 ");
    bad("GET / HTTP/1.1\t");
    bad("GET\t/ HTTP/1.1");
    bad("GET /\tHTTP/1.1");
    bad("GET\x0b/ HTTP/1.1");
    bad("GET / a HTTP/1.1"); // a space in the target
    bad("GET /\r HTTP/1.1"); // bare CR
    bad("\rGET / HTTP/1.1");
    bad("GET /\0 HTTP/1.1");
    bad("GET /\x7f HTTP/1.1");
    bad("GET / HTTP/1.1 HTTP/1.1");
    bad("GET / HTTP/0.9 HTTP/1.1");
    bad("GET / HTTP/1.3 HTTP/1.3");
    bad("GET / HTTP/1.2 ");
    bad("Host: a");
}

#[test]
fn a_method_must_be_a_token() {
    for byte in b"\"(),/:;<=>?@[\\]{}\x00\x01\x1f\x7f\x80\xff" {
        // RFC 9110 §5.6.2
        bad([b"G", &[*byte][..], b"T / HTTP/1.1\r\nHost: a\r\n\r\n"].concat(), 400);
        bad([&[*byte][..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat(), 400);
    }
}

#[test]
fn a_version_must_be_http_slash_digit_dot_digit() {
    let bad_version =
        |version: &str, status| bad(format!("GET / {version}\r\nHost: a\r\n\r\n"), status);
    bad_version("http/1.1", 400); // RFC 9112 §2.3: case-sensitive
    bad_version("Http/1.1", 400);
    bad_version("HTTP", 400);
    bad_version("HTTP/", 400);
    bad_version("HTTP/1", 400);
    bad_version("HTTP/1.", 400);
    bad_version("HTTP/.1", 400);
    bad_version("HTTP/1,1", 400);
    bad_version("HTTP/1.x", 400);
    bad_version("HTTP/1.10", 400);
    bad_version("HTTP/1.11", 400);
    bad_version("HTTP/11.1", 400);
    bad_version("HTTP/-1.1", 400);
    bad_version("HTTP/+1.1", 400);
    bad_version("HTTP /1.1", 400);
    bad_version("HTTPS/1.1", 400);
    bad_version("XTTP/1.1", 400);
    bad_version("SIP/2.0", 400);
}

#[test]
fn another_major_version_is_rejected_with_505() {
    let other = |version: &str| {
        assert_eq!(bad(format!("GET / {version}\r\nHost: a\r\n\r\n"), 505), BadMessage::Version);
        // at the end of the line
        assert_eq!(bad(format!("GET / {version}\r\n"), 505), BadMessage::Version);
    };
    other("HTTP/0.9"); // RFC 9110 §15.6.6
    other("HTTP/2.0");
    other("HTTP/2");
    other("HTTP/3");
    other("HTTP/9.9");
    bad("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505); // RFC 9113 §3.4
}

#[test]
fn other_protocols_are_rejected_at_the_first_byte_or_line() {
    bad(b"\x16", 400); // TLS
    bad(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400);
    bad(b"\x80", 400); // SSL 2
    bad(b"\x00", 400);
    bad(b"{\"user\": \"alice\", \"amount\": 5}", 400);
    bad(b"<html>", 400);
    bad("hello\n", 400);
    bad("SSH-2.0-OpenSSH_9.6\r\n", 400);
    bad("EHLO a\r\n", 400);
    bad("GET /\r\n", 400); // HTTP/0.9: such a client never sends the end of a head
}

#[test]
fn connect_is_rejected_with_501() {
    bad("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501); // RFC 9110 §9.3.6
    bad("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 501);
    bad("CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 501);
    bad("CONNECT a:443 HTTP/1.0\r\n\r\n", 501);
}

#[test]
fn a_target_must_be_a_path_or_a_complete_http_uri() {
    let bad = |target: &str| {
        let bad = bad(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
        assert!(matches!(bad, BadMessage::Target(_)), "{target:?}: {bad:?}");
    };
    bad("events"); // RFC 9112 §3.2
    bad("a:80"); // only CONNECT has the authority form
    bad("a.b/events");
    bad("?query");
    bad("*"); // only OPTIONS has the asterisk form
    bad("*?query");
    bad("**");
    bad("#fragment");
    bad("/events#fragment");
    bad("/events?query#fragment");
    bad("http://a/#fragment");
    bad("/é");
    bad("/événements?é");
    bad("http://é/");
    bad("http:");
    bad("http:/");
    bad("http://");
    bad("http:///events");
    bad("http://:80/");
    bad("http://?query");
    bad("http:events");
    bad("http:/events");
    bad("http://user@a/"); // RFC 9110 §4.2.4
    bad("http://user:password@a/");
    bad("http://a@a:80/");
    bad("http://@a/");
    bad("http://a@/");
    bad("http://a:b/");
    bad("http://a:+80/");
    bad("http://a:65536/");
    bad("http://a:80:80/");
    bad("http://[::1/");
    bad("http://[]/");
    bad("http://[::1]x:80/");
    bad("http://a[::1]/");
    bad("ftp://a/");
    bad("ws://a/");
    bad("file:///etc/passwd");
    bad("mailto:a@b");
    bad("javascript:alert(1)");
    bad("\\events");
    bad("/<events>"); // RFC 3986 §2
    bad("/\"events\"");
    bad("/events?<query>");
    bad("/events?\"query\"");
}

#[test]
fn only_options_accepts_the_asterisk_target() {
    for method in ["GET", "HEAD", "POST", "options", "TRACE"] {
        bad(format!("{method} * HTTP/1.1\r\nHost: a\r\n\r\n"), 400); // RFC 9112 §3.2.4
    }
}

#[test]
fn a_target_that_is_not_utf8_is_rejected() {
    bad(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    bad(b"GET /\xc3 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

#[test]
fn a_field_that_is_not_a_name_a_colon_and_a_value_on_one_line_is_rejected() {
    let bad = |field: &[u8]| {
        assert_eq!(bad_fields(field, 400), BadMessage::FieldName, "{}", field.escape_ascii());
    };
    bad(b"X : y"); // RFC 9112 §5.1: no white space before the colon
    bad(b"X\t: y");
    bad(b" X: y");
    bad(b"\tX: y");
    bad(b": y");
    bad(b":");
    bad(b" : y");
    bad(b"X");
    bad(b"X y");
    bad(b"X y: z");
    bad(b"X: y\r\n z"); // RFC 9112 §5.2: folded
    bad(b"X: y\r\n\tz");
    bad(b"X: y\n z");
    bad(b"X: y\r\n z: folded, or a field with a space in front?");
    bad(b"X: y\r\n ");
    bad(b"X:\r\n y");
    bad(b"X\r\n: y");
    bad(b"\rX: y");
    bad(b"X\r: y");
    bad(b"X\0: y");
    bad("É: y".as_bytes());
    bad(b"X\xa0: y");
    bad(b"Content-Length : 5");
    bad(b"Transfer-Encoding : chunked");
    bad(b"Transfer-Encoding\x0b: chunked");
    bad(b"Transfer-Encoding\0: chunked");
    bad(b"\x0bTransfer-Encoding: chunked");
    bad(b"Transfer-Encoding\r\n: chunked");
    bad(b"Transfer-Encoding\r\n : chunked");
    for byte in b"\"(),/;<=>?@[\\]{}\x01\x1f\x7f\x80\xff" {
        bad(&[b"X", &[*byte][..], b"X: y"].concat()); // RFC 9110 §5.6.2
    }
}

#[test]
fn white_space_before_the_first_field_is_rejected() {
    bad("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400); // RFC 9112 §2.2
    bad("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", 400);
    bad("GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", 400);
}

#[test]
fn a_control_character_in_a_value_is_rejected() {
    for byte in (0..=0x1f).chain([0x7f]).filter(|byte| !b"\t\n".contains(byte)) {
        for field in [
            &[b'X', b':', byte][..],
            &[b'X', b':', b' ', byte, b'y'],
            &[b'X', b':', b'y', byte, b'y'],
        ] {
            assert_eq!(bad_fields(field, 400), BadMessage::FieldValue, "{byte}"); // RFC 9110 §5.5
        }
    }
    bad_fields("X: y\rContent-Length: 5", 400); // bare CR
    bad_fields("X: y\r\r", 400);
    bad_fields("Transfer-Encoding: \x0bchunked", 400);
    bad_fields("Transfer-Encoding: chunked\x0c", 400);
}

#[test]
fn http_11_without_exactly_one_host_is_rejected() {
    let bad = |fields: &str| bad(format!("GET / HTTP/1.1\r\n{fields}\r\n"), 400);
    assert_eq!(bad(""), BadMessage::HostMissing); // RFC 9112 §3.2
    assert_eq!(bad("Hosts: a\r\n"), BadMessage::HostMissing);
    assert_eq!(bad("Content-Length: 0\r\n"), BadMessage::HostMissing);
    assert_eq!(bad("Host: a\r\nHost: a\r\n"), BadMessage::HostTwice);
    assert_eq!(bad("Host: a\r\nHost: b\r\n"), BadMessage::HostTwice);
    assert_eq!(bad("host: a\r\nX: y\r\nHOST: a\r\n"), BadMessage::HostTwice);
    assert_eq!(bad("Host: a\r\nHost:\r\n"), BadMessage::HostTwice);
    assert_eq!(bad_fields("Host: a", 400), BadMessage::HostTwice);
}

#[test]
fn http_12_needs_a_host_as_http_11_does() {
    assert_eq!(bad("GET / HTTP/1.2\r\n\r\n", 400), BadMessage::HostMissing);
    // in absolute form, too
    assert_eq!(bad("GET http://a/ HTTP/1.1\r\n\r\n", 400), BadMessage::HostMissing);
}

#[test]
fn http_10_with_two_hosts_is_rejected() {
    assert_eq!(bad("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400), BadMessage::HostTwice);
    assert!(matches!(bad("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400), BadMessage::Host(_)));
}

#[test]
fn an_invalid_host_is_rejected() {
    let bad = |host: &[u8]| {
        let bad = bad([b"GET / HTTP/1.1\r\nHost: ", host, b"\r\n\r\n"].concat(), 400);
        assert!(matches!(bad, BadMessage::Host(_)), "{}: {bad:?}", host.escape_ascii());
    };
    bad(b""); // RFC 9110 §4.2.1
    bad(b" ");
    bad(b":");
    bad(b":80");
    bad(b"a b");
    bad(b"a, b"); // two fields, merged by a proxy
    bad(b"a:80 b");
    bad(b"a/");
    bad(b"a/events");
    bad(b"a?query");
    bad(b"a#fragment");
    bad(b"http://a");
    bad(b"a:b");
    bad(b"a:8o");
    bad(b"a:+80");
    bad(b"a:-80");
    bad(b"a: 80");
    bad(b"a:65536");
    bad(b"a:99999999999999999999");
    bad(b"a:80:80");
    bad(b"a:80:");
    bad(b"a::80");
    bad(b"user@a"); // RFC 9110 §4.2.4
    bad(b"user@a:80");
    bad(b"user:password@a");
    bad(b"@a");
    bad(b"a@");
    bad(b"a@a");
    bad(b"a@a:80");
    bad(b"a:80@a:80");
    bad(b"a@b@c");
    bad(b"::1"); // RFC 3986 §3.2.2: brackets are missing
    bad(b"[");
    bad(b"]");
    bad(b"[]");
    bad(b"[]:80");
    bad(b"[::1");
    bad(b"::1]");
    bad(b"[::1]80");
    bad(b"[::1]a");
    bad(b"[::1]a:80");
    bad(b"[::1]:x");
    bad(b"[::1]:+80");
    bad(b"[[::1]]");
    bad(b"[::1][::1]");
    bad(b"a[::1]");
    bad(b"[::1]@a");
    bad(b"[a]");
    bad(b"[127.0.0.1]");
    bad(b"[::1::1]");
    bad(b"[12345::1]");
    bad(b"[fe80::1%25eth0]"); // a zone is valid only on the sender's machine
    bad(b"a\\b");
    bad(b"a\tb");
    bad(b"\"a\"");
    bad(b"<a>");
    bad(b"a^b");
    bad(b"a%zz");
    bad(b"a%4");
    bad(b"%");
    bad(b"a%+4");
    bad("é".as_bytes());
    bad(b"a\xff");
}

#[test]
fn an_unknown_expectation_is_rejected_with_417() {
    let bad = |value: &str| {
        let bad = bad_fields(format!("Content-Length: 5\r\nExpect: {value}"), 417);
        assert!(matches!(bad, BadMessage::Expectation(_)), "{value:?}: {bad:?}");
    };
    bad("200-ok"); // RFC 9110 §10.1.1
    bad("");
    bad("100");
    bad("100-continue2");
    bad("100-continue=yes");
    bad("100-continue, more");
    bad("more\r\nExpect: 100-continue");
    bad("100-continue\r\nExpect: more");
    // without a body, too
    assert!(matches!(bad_fields("Expect: more", 417), BadMessage::Expectation(_)));
}

#[test]
fn quoted_bytes_are_escaped_and_cut() {
    let long = "é".repeat(1000);
    let BadMessage::Target(quoted) = bad(format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 400)
    else {
        panic!()
    };
    let quoted = quoted.to_string();
    assert!(quoted.starts_with(r#""/\xc3\xa9\xc3"#) && quoted.ends_with("\" and more"), "{quoted}");
    assert!(quoted.is_ascii() && quoted.len() < 200, "{quoted}");
}
