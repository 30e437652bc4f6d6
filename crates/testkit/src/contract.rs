//! Parts of the contract that several stages share, one check each.

use crate::{
    Peer, ask, event, get, log_of, must_have_status, post, run, start, start_with_jammed_log,
};
use http1::{MAX_BODY, Response, header};
use std::net::SocketAddr;

/// The banner: where it listens, on a first line that [`Server::start`](crate::Server::start)
/// requires; then its idea, what to try, what breaks it, and what to read.
pub fn must_print_its_banner(binary: &str, number: u8, name: &str) {
    let server = start(binary, &[]);
    let addr = server.addr().to_string();
    server.signal("KILL").expect("it runs");
    let banner = server.wait().expect("a child can be waited for").output;
    let lines: Vec<&str> = banner.lines().map(str::trim_start).collect();
    let [idea, try_it, break_it, read] = lines[..] else {
        panic!("four lines should follow the first: {banner}")
    };
    assert!(idea.len() > 20 && idea.starts_with(&format!("stage {number}: ")), "{idea}");
    assert!(try_it.starts_with("try it ") && try_it.contains(&addr), "{try_it}");
    assert!(break_it.starts_with("break it ") && break_it.contains(&addr), "{break_it}");
    assert!(read.starts_with("read ") && read.ends_with(&format!(" {name}/src/main.rs")), "{read}");
}

/// `--help` names these options with their defaults and exits with 0.
pub fn must_list_its_options(binary: &str, options: &[(&str, &str)]) {
    let output = run(binary, &["--help"], &[]);
    let help = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));
    for (option, default) in options {
        let text = help
            .split(&format!("{option} <"))
            .nth(1)
            .unwrap_or_else(|| panic!("no {option}: {help}"));
        let text = text.split("--").next().unwrap_or_default(); // up to the next option
        assert!(text.contains(&format!("[default: {default}]")), "{option}: {text}");
    }
}

/// Invalid arguments: exit code 2, nothing on stdout, and stderr names the option, the first of
/// each.
pub fn must_reject_arguments(binary: &str, cases: &[&[&str]]) {
    for case in cases {
        let output = run(binary, case, &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), &output.stdout[..]),
            (Some(2), &b""[..]),
            "{case:?}: {stderr}"
        );
        assert!(stderr.contains(case[0]), "{case:?}: {stderr}");
    }
}

/// An address in use: one line that names it, also if backtraces are enabled, and exit code 1.
pub fn must_report_an_address_in_use(binary: &str) {
    let server = start(binary, &[]);
    let addr = server.addr().to_string();
    for backtrace in ["0", "1", "full"] {
        let output = run(binary, &["--addr", &addr], &[("RUST_BACKTRACE", backtrace)]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(&addr) && stderr.contains("in use"), "{stderr}");
    }
    must_have_status(
        &ask(server.addr(), event("alice", 1)),
        200,
        "the server that has the address",
    );
}

/// The log: on stderr, a line per connection; requests if `RUST_LOG` enables them.
pub fn must_log_each_connection(binary: &str) {
    let two_requests = |addr| {
        let mut peer = Peer::connect(addr);
        for _ in 0..2 {
            peer.send(get("/logged?not=this")).response();
        }
    };
    let log = log_of(binary, None, 1, two_requests);
    assert_eq!((log.lines().count(), log.matches("connection accepted").count()), (1, 1), "{log}");
    let log = log_of(binary, Some("debug"), 5, two_requests);
    assert_eq!(
        (log.matches("connection accepted").count(), log.matches("path=\"/logged\"").count()),
        (1, 2),
        "{log}"
    );
    assert_eq!(log_of(binary, Some("off"), 0, two_requests), "");
}

/// A log that nothing reads costs its lines, never a response.
pub fn must_serve_while_its_log_is_not_read(binary: &str) {
    let server = start_with_jammed_log(binary, &[]);
    for _ in 0..100 {
        let mut peer = Peer::connect(server.addr());
        peer.send(get("/")).response();
        peer.send(get("/")).response();
    }
}

/// Connections last as long as their requests say (RFC 9112 §9.3).
pub fn must_keep_connections_as_asked(addr: SocketAddr) {
    for (version, asked, response_field) in [
        ("1.1", "", None),
        ("1.1", "Connection: keep-alive\r\n", None),
        ("1.1", "Connection: close\r\n", Some("close")),
        ("1.1", "Connection: other , CLOSE\r\n", Some("close")),
        ("1.1", "Connection: other\r\nConnection: Close\r\n", Some("close")),
        ("1.1", "Connection: closed\r\n", None),
        ("1.0", "", Some("close")),
        ("1.0", "Connection: Keep-Alive\r\n", Some("keep-alive")),
        ("1.0", "Connection: keep-alive, close\r\n", Some("close")),
    ] {
        let of = format!("HTTP/{version} {asked}");
        let event = r#"{"user": "alice", "amount": 5}"#;
        let head = format!(
            "POST /events HTTP/{version}\r\nHost: test\r\n{asked}Content-Length: 30\r\n\r\n"
        );
        let mut peer = Peer::connect(addr);
        for _ in 0..3 {
            let response = peer.send(format!("{head}{event}")).response();
            must_have_status(&response, 200, &of);
            assert_eq!(response.header(header::CONNECTION), response_field, "{of}");
            if response_field == Some("close") {
                peer.expect_eof();
                break;
            }
        }
    }
}

/// `100 Continue` comes once the head is accepted and before the body is sent; a rejection comes
/// instead of it.
pub fn must_send_continue(addr: SocketAddr) {
    let head = |length| {
        format!(
            "POST /events HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut peer = Peer::connect(addr);
    peer.send(head(30)).expect_continue();
    must_have_status(
        &peer.send(r#"{"user": "alice", "amount": 5}"#).response(),
        200,
        "a body that was waited for",
    );
    drop(peer); // stage 1 serves no other client before that
    must_reject(addr, 413, head(MAX_BODY + 1));
}

/// A message that is rejected before it is complete: its sender gets the whole response, and the
/// next client is
/// served.
#[track_caller]
pub fn must_reject(addr: SocketAddr, status: u16, message: impl AsRef<[u8]>) {
    let message = message.as_ref();
    let of = message[..message.len().min(100)].escape_ascii().to_string();
    let mut peer = Peer::connect(addr);
    let response = peer.send(message).response();
    must_have_status(&response, status, &of);
    assert_eq!(response.header(header::CONNECTION), Some("close"), "{of}");
    assert!(response.header(header::DATE).is_some(), "{of}");
    peer.expect_eof();
    drop(peer);
    must_have_status(&ask(addr, event("alice", 1)), 200, &format!("the client after {of}"));
}

/// A message that is rejected before it is complete: its sender may go on sending and can still
/// read the response.
pub fn must_let_a_rejected_sender_finish(addr: SocketAddr) {
    let body = vec![b'x'; 6 * MAX_BODY]; // more than buffers hold, less than the server discards
    let mut peer = Peer::connect(addr);
    let head =
        format!("POST /events HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", body.len());
    must_have_status(&peer.send(head).response(), 413, "the head alone");
    for piece in body.chunks(64 * 1024) {
        peer.send(piece); // if the server had closed, its reset would make this fail
    }
    peer.expect_eof();
}

/// Clients that disconnect in the middle of their responses: only their connections are lost.
pub fn must_survive_clients_that_disconnect(addr: SocketAddr) {
    let request = post("/events", vec![b'x'; MAX_BODY]);
    for _ in 0..20 {
        Peer::connect(addr).send(&request); // dropped here, so it disconnects
    }
    must_have_status(&ask(addr, event("alice", 1)), 200, "the client after them");
}

/// Stages 1 and 2: every body comes back, as text that no browser runs as a script.
pub fn must_echo_every_body(addr: SocketAddr) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let longest: Vec<u8> = every_byte.iter().copied().cycle().take(MAX_BODY).collect();
    for body in [&b""[..], b"x", b"hello", b"<script>alert(1)</script>", &every_byte, &longest] {
        must_be_echo(&ask(addr, post("/", body)), body);
        for size in [1, 1000, 65536, MAX_BODY] {
            if body.len() / size < 10_000 {
                must_be_echo(&ask(addr, chunked(body, size)), body);
            }
        }
    }
    must_be_echo(&ask(addr, get("/")), b"");
    must_be_echo(&ask(addr, "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"), b"hello");
    must_be_echo(
        &ask(addr, "POST / HTTP/1.1\nHost: typed-into-nc\nContent-Length: 5\n\nhello"),
        b"hello",
    );
}

/// Stages 1 and 2: a request that arrives byte by byte is read as one.
pub fn must_echo_a_request_sent_byte_by_byte(addr: SocketAddr) {
    for request in [post("/", "hello"), chunked(b"hello", 2)] {
        let mut peer = Peer::connect(addr);
        for byte in request {
            peer.send([byte]);
        }
        must_be_echo(&peer.response(), b"hello");
    }
}

/// Stages 1 and 2: any method and any target are accepted.
pub fn must_echo_any_method(addr: SocketAddr) {
    let targets = ["/", "/events", "/no/such/path?a=b", "http://elsewhere:80/x", "/%00"];
    for method in [
        "GET",
        "POST",
        "PUT",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "TRACE",
        "get",
        "M-SEARCH",
        "!#$%&'*+-.^_`|~0",
    ] {
        for target in targets {
            let request = format!(
                "{method} {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"
            );
            must_be_echo(&ask(addr, request), b"hello");
        }
    }
    must_be_echo(&ask(addr, "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n"), b"");
    // the response to HEAD has the fields; a body would be read as the next response
    let mut peer = Peer::connect(addr);
    let head = peer
        .send("HEAD / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello")
        .response_to_head();
    must_have_fields(&head, 5);
    must_be_echo(&peer.send(post("/", "next")).response(), b"next");
}

#[track_caller]
fn must_be_echo(response: &Response, body: &[u8]) {
    must_have_fields(response, body.len());
    // not assert_eq, which would print a megabyte
    assert!(response.body() == body, "another body of {} bytes came back", response.body().len());
}

#[track_caller]
fn must_have_fields(response: &Response, length: usize) {
    assert_eq!(response.status().as_u16(), 200, "{:?}", response.body());
    let kind = (length > 0).then_some(("text/plain; charset=utf-8", "nosniff"));
    assert_eq!(response.header(header::CONTENT_TYPE), kind.map(|(text, _)| text));
    assert_eq!(response.header(header::X_CONTENT_TYPE_OPTIONS), kind.map(|(_, nosniff)| nosniff));
    assert_eq!(response.header(header::CONTENT_LENGTH), Some(&*length.to_string()));
    assert!(response.header(header::DATE).is_some_and(|date| date.ends_with(" GMT")));
}

/// A POST request in chunks of this size, with an extension on each and trailers after them.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut request =
        b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(size) {
        request.extend(format!("{:X};of=\"{size}\"\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\nChecksum: none\r\n\r\n");
    request
}
