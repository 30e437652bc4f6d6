//! Proves the lesson of stage 3: input is an event, or it is rejected. `deadlines.rs` is about deadlines.

use claims::{GARBAGE, Verdict};
use http1::{MAX_BODY, header};
use testkit::contract::{self, must_reject};
use testkit::{
    Peer, Server, ask, event, get, must_be, must_be_kept_in_time, must_have_status, post,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stage3-parse");

fn start() -> Server {
    testkit::start(BINARY, &[])
}

/// A POST request to /events with these lines in its head.
fn post_with(fields: &str, body: &str) -> String {
    let length = body.len();
    format!("POST /events HTTP/1.1\r\nHost: test\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

/// A POST request to /events whose body is in chunks.
fn post_chunks(chunks: &str) -> String {
    format!("POST /events HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")
}

/// Fails unless the next client is served.
fn must_serve(server: &Server) {
    must_have_status(&ask(server.addr(), event("alice", 5)), 200, "a normal event");
}

// --- events

#[test]
fn an_event_comes_back_as_parsed() {
    let server = start();
    let mut peer = Peer::connect(server.addr());
    let mut parsed = |sent: &str, back: &str| {
        let response = peer.send(post("/events", sent)).response();
        must_have_status(&response, 200, sent);
        assert_eq!(response.header(header::CONTENT_TYPE), Some("application/json"));
        assert_eq!(response.body(), back.as_bytes(), "{sent}");
    };
    let (most, é) = ("é".repeat(64), r"\u00e9".repeat(64));
    parsed(r#"{"user": "alice", "amount": 5}"#, r#"{"user":"alice","amount":5}"#);
    parsed("\r\n\t{ \"amount\" :5 ,\"user\" :\"alice\"}\n", r#"{"user":"alice","amount":5}"#);
    parsed(r#"{"\u0075ser": "\u0061l\"ice\\", "amount": 0}"#, r#"{"user":"al\"ice\\","amount":0}"#);
    parsed(r#"{"user": "alice", "amount": -0}"#, r#"{"user":"alice","amount":0}"#);
    parsed(r#"{"user": " ", "amount": -1}"#, r#"{"user":" ","amount":-1}"#);
    parsed(r#"{"user": "\ud83d\ude00", "amount": 1}"#, r#"{"user":"😀","amount":1}"#);
    parsed(
        &format!(r#"{{"user": "{é}", "amount": 1}}"#),
        &format!(r#"{{"user":"{most}","amount":1}}"#),
    );
    for amount in [i64::MAX, i64::MIN] {
        let back = format!(r#"{{"user":"alice","amount":{amount}}}"#);
        parsed(&back, &back);
    }
}

#[test]
fn application_json_is_accepted_in_any_case_and_when_absent() {
    let server = start();
    let mut peer = Peer::connect(server.addr());
    let mut typed = |field: &str, status| {
        let response = peer.send(post_with(field, r#"{"user": "alice", "amount": 5}"#)).response();
        must_have_status(&response, status, field);
    };
    typed("", 200);
    typed("Content-Type: application/json\r\n", 200);
    typed("Content-Type: application/json; charset=utf-8\r\n", 200);
    typed("content-type:APPLICATION/Json ;a=b;c\r\n", 200);
    typed("Content-Type:\r\n", 415);
    typed("Content-Type: json\r\n", 415);
    typed("Content-Type: text/plain\r\n", 415);
    typed("Content-Type: text/plain; application/json\r\n", 415);
    typed("Content-Type: application/json-seq\r\n", 415);
    typed("Content-Type: application/problem+json\r\n", 415);
    typed("Content-Type: application/x-www-form-urlencoded\r\n", 415); // curl -d
    typed("Content-Type: application/jso\u{f1}\r\n", 415);
    typed("Content-Type: application/json\r\nContent-Type: text/plain\r\n", 415);
}

#[test]
fn a_body_with_a_content_coding_is_rejected() {
    let server = start();
    let mut peer = Peer::connect(server.addr());
    let mut coded = |field: &str, status| {
        let response = peer.send(post_with(field, r#"{"user": "alice", "amount": 5}"#)).response();
        must_have_status(&response, status, field);
        response
    };
    coded("Content-Encoding: identity\r\n", 200);
    coded("Content-Encoding:\r\n", 200);
    for field in [
        "Content-Encoding: gzip\r\n",
        "content-encoding: Br\r\n",
        "Content-Encoding: identity, gzip\r\n",
        "Content-Encoding: identity\r\nContent-Encoding: x\r\n",
    ] {
        let response = coded(field, 415); // RFC 9110 §8.4, §15.5.16
        assert_eq!(response.header(header::ACCEPT_ENCODING), Some("identity"));
    }
}

#[test]
fn input_that_is_not_an_event_is_rejected_and_the_connection_stays_open() {
    let server = start();
    let mut peer = Peer::connect(server.addr());
    for garbage in &GARBAGE {
        let head = post_with(&format!("Content-Type: {}\r\n", garbage.content_type), "");
        let head = head.replace("Length: 0", &format!("Length: {}", garbage.body.len()));
        must_have_status(
            &peer.send(head).send(garbage.body).response(),
            garbage.status,
            garbage.what,
        );
    }
    let mut bad = |body: &str, status| {
        let of = &body[..body.len().min(80)];
        must_have_status(&peer.send(post("/events", body)).response(), status, of);
    };
    // not JSON
    bad(" ", 400);
    bad("{", 400);
    bad("{'user': 'alice', 'amount': 5}", 400);
    bad("user=alice&amount=5", 400);
    bad(r#"{"user": "alice", "amount": 5"#, 400);
    bad(r#"{"user": "alice", "amount": 5,}"#, 400);
    bad(r#"{"user": "alice", "amount": 05}"#, 400);
    bad(r#"{"user": "alice", "amount": +5}"#, 400);
    bad(r#"{"user": "alice", "amount": NaN}"#, 400);
    bad(r#"{"user": "alice", "amount": 5} // five"#, 400);
    bad(r#"{"user": "alice", "amount": 5}{"user": "alice", "amount": 5}"#, 400);
    bad("{\"user\": \"alice\", \"amount\": 5}\0", 400);
    bad("{\"user\": \"al\nice\", \"amount\": 5}", 400); // a control character must be escaped
    bad("\u{feff}{\"user\": \"alice\", \"amount\": 5}", 400);
    bad(r#"{"user": "alice", "amount": "five}"#, 400); // no end, though its first fault is the type
    bad(&"[".repeat(100_000), 400);
    bad(&format!("{{\"user\": {}", "[".repeat(100_000)), 400);
    bad(&r#"{"user":"#.repeat(100_000), 400);
    // not an event
    bad(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), 422);
    bad(&format!("{}5{}", r#"{"user":"#.repeat(100_000), "}".repeat(100_000)), 422);
    for body in
        ["5", "null", "true", "\"alice\"", "[]", "{}", r#"[{"user": "alice", "amount": 5}]"#]
    {
        bad(body, 422);
    }
    bad(r#"{"amount": 5}"#, 422);
    bad(r#"{"User": "alice", "amount": 5}"#, 422);
    bad(r#"{"user": "alice", "amount": 5, "": 0}"#, 422);
    bad(r#"{"admin": {"deep": [true]}, "user": "alice", "amount": 5}"#, 422);
    bad(r#"{"user": "alice", "user": "alice", "amount": 5}"#, 422);
    bad(r#"{"user": "alice", "amount": 5, "\u0075ser": "alice"}"#, 422);
    let long = "é".repeat(65);
    for user in [
        r#""""#,
        r#""\u0000""#,
        r#""al\nice""#,
        "\"\u{7f}\"",
        r#""\u0085""#,
        &format!("\"{long}\""),
    ] {
        bad(&format!(r#"{{"user": {user}, "amount": 5}}"#), 422);
    }
    for user in ["5", "null", "true", "[]", r#"["alice"]"#, "{}", r#""\ud800""#] {
        bad(&format!(r#"{{"user": {user}, "amount": 5}}"#), 422);
    }
    for amount in [
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "1e400",
        "5.0",
        "5.5",
        "5e0",
    ] {
        bad(&format!(r#"{{"user": "alice", "amount": {amount}}}"#), 422);
    }
    for amount in ["\"5\"", "\"\"", "null", "true", "[]", "[5]", "{}"] {
        bad(&format!(r#"{{"user": "alice", "amount": {amount}}}"#), 422);
    }
    must_have_status(&peer.send(event("alice", 5)).response(), 200, "an event after all of that");
}

#[test]
fn only_post_to_events_is_accepted() {
    let server = start();
    let mut peer = Peer::connect(server.addr());
    let mut ask = |method: &str, target: &str| {
        let event = r#"{"user": "alice", "amount": 5}"#;
        let request =
            post_with("", event).replacen("POST /events", &format!("{method} {target}"), 1);
        peer.send(request).response()
    };
    for target in [
        "/events",
        "/events?a=b",
        "/events?",
        "http://elsewhere/events",
        "HTTP://elsewhere:1/events?a",
        "/%65vents", // RFC 9110 §4.2.3
    ] {
        must_have_status(&ask("POST", target), 200, target);
    }
    for target in [
        "/",
        "/event",
        "/events/",
        "/events/1",
        "/Events",
        "//events",
        "/%2565vents",
        "/events%2f",
        "/balances",
        "/stats",
    ] {
        must_have_status(&ask("POST", target), 404, target);
        must_have_status(&ask("GET", target), 404, target);
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post", "EVENT!"] {
        let response = ask(method, "/events");
        must_have_status(&response, 405, method);
        assert_eq!(response.header(header::ALLOW), Some("POST"), "{method}");
    }
    for (target, status, allowed) in [("/events", 405, Some("POST")), ("/", 404, None)] {
        let head =
            peer.send(format!("HEAD {target} HTTP/1.1\r\nHost: test\r\n\r\n")).response_to_head();
        assert_eq!((head.status().as_u16(), head.header(header::ALLOW)), (status, allowed));
        assert_eq!(head.header(header::CONTENT_TYPE), Some("application/problem+json"));
        assert_ne!(head.header(header::CONTENT_LENGTH), Some("0"));
    }
    // a body in the response to HEAD would be read as this response
    must_have_status(&peer.send(event("alice", 5)).response(), 200, "an event after HEAD");
}

// --- messages

#[test]
fn malformed_messages_are_rejected_and_the_next_client_is_served() {
    let server = start();
    let bad = |status, message: &str| must_reject(server.addr(), status, message);
    let fields = |fields: &str| post_with(&format!("{fields}\r\n"), "{}");
    bad(400, "hello\r\n\r\n");
    bad(400, "\x16\x03\x01"); // TLS
    bad(400, "POST  /events HTTP/1.1\r\nHost: test\r\n\r\n");
    bad(400, "POST events HTTP/1.1\r\nHost: test\r\n\r\n");
    bad(400, "POST /events HTTP/1.1\r\n\r\n");
    bad(400, "POST /events HTTP/1.1\r\nHost: a b\r\n\r\n");
    bad(400, "POST /events HTTP/1.0\r\nHost: test\r\nHost: test\r\n\r\n");
    bad(400, "POST /events HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    bad(400, &fields("Host: test"));
    bad(400, &fields("X : y"));
    bad(400, &fields("X: y\r\n z"));
    bad(400, &fields("X: \0"));
    bad(400, &fields("X: y\rz"));
    bad(400, &fields("Content-Length: 3"));
    bad(400, &fields("Content-Length: 2, 2"));
    bad(400, &fields("Content-Length: two"));
    bad(400, &fields("Content-Length: 18446744073709551616"));
    bad(400, &fields("Transfer-Encoding: chunked"));
    bad(400, "POST /events HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip\r\n\r\n");
    bad(
        400,
        "POST /events HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    );
    bad(400, &post_chunks("two\r\n{}\r\n0\r\n\r\n"));
    bad(400, &post_chunks("1\r\n{}\r\n0\r\n\r\n"));
    bad(400, &post_chunks("2\n{}\n0\n\n"));
    bad(400, &post_chunks(&format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(1024))));
    bad(413, &post_with("", &"[".repeat(MAX_BODY + 1)));
    bad(413, &post_with("", "").replace("Length: 0", "Length: 18446744073709551615"));
    bad(413, &post_chunks("100001\r\n"));
    bad(413, &post_chunks(&format!("100000\r\n{}\r\n1\r\n", "[".repeat(MAX_BODY))));
    bad(414, &get(&format!("/events?{}", "x".repeat(8 * 1024))));
    bad(417, &fields("Expect: more"));
    bad(431, &fields(&format!("X: {}", "x".repeat(16 * 1024))));
    bad(431, &fields(&vec!["X: y"; 101].join("\r\n")));
    bad(431, &post_chunks(&format!("0\r\nX: {}\r\n\r\n", "x".repeat(16 * 1024))));
    bad(501, "CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n");
    bad(501, "POST /events HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
    bad(505, "POST /events HTTP/2.0\r\nHost: test\r\n\r\n");
    contract::must_let_a_rejected_sender_finish(server.addr());
}

#[test]
fn keep_alive_chunks_and_100_continue_work() {
    let server = start();
    contract::must_keep_connections_as_asked(server.addr());
    contract::must_send_continue(server.addr());
    contract::must_survive_clients_that_disconnect(server.addr());
    let mut peer = Peer::connect(server.addr());
    let requests: Vec<_> = (0..100).map(|amount| event("alice", amount)).collect();
    peer.send(requests.concat()).end_input();
    for amount in 0..100 {
        assert_eq!(peer.response().into_body(), format!(r#"{{"user":"alice","amount":{amount}}}"#));
    }
    peer.expect_eof();
}

#[test]
fn a_request_cut_anywhere_is_not_an_event_and_does_no_harm() {
    let server = start();
    let chunks = "1B\r\n{\"user\":\"alice\",\"amount\":55\r\n1;last\r\n}\r\n0\r\nX: y\r\n\r\n";
    for whole in [post_with("", r#"{"user":"alice","amount":55}"#), post_chunks(chunks)] {
        for cut in 0..whole.len() {
            Peer::connect(server.addr()).send(&whole[..cut]).end_input().expect_eof();
            must_serve(&server);
        }
        let mut peer = Peer::connect(server.addr());
        must_have_status(&peer.send(&whole).end_input().response(), 200, "the whole request");
        peer.expect_eof();
    }
}

// --- the claims, and the start

#[test]
fn the_claims_it_must_keep_are_kept() {
    for claim in ["slow-client", "slow-request", "concurrent"] {
        must_be_kept_in_time(claim, start().addr());
    }
    must_be(Verdict::Kept, "garbage", start().addr());
}

#[test]
fn nothing_limits_the_work() {
    let server = start();
    assert_eq!(
        must_be(Verdict::Broken, "burst", server.addr()).figure,
        "accepted 100, rejected none"
    );
    let mut peers: Vec<_> = (0..50).map(|_| Peer::connect(server.addr())).collect();
    for peer in &mut peers {
        peer.send(event("alice", 1).repeat(20));
    }
    for peer in &mut peers {
        for _ in 0..20 {
            must_have_status(&peer.response(), 200, "one of a thousand");
        }
    }
}

#[test]
fn the_banner_says_where_it_listens_and_what_to_try() {
    contract::must_print_its_banner(BINARY, 3, "stage3-parse");
    contract::must_list_its_options(BINARY, &[("--addr", "127.0.0.1:8080"), ("--timeout", "10s")]);
    contract::must_report_an_address_in_use(BINARY);
}

#[test]
fn invalid_arguments_are_rejected() {
    let bad = ["", "x", "0s", "0", "5", "-1s", "s", "1 parsec", "61m"]
        .map(|timeout| ["--timeout", timeout]);
    let bad: Vec<&[&str]> = bad.iter().map(|case| &case[..]).collect();
    contract::must_reject_arguments(BINARY, &bad);
    contract::must_reject_arguments(BINARY, &[&["--timeout"], &["--addr", "8080"]]);
}
