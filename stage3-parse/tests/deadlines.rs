//! Proves what the lesson of stage 3 says about deadlines: a late client gets 408 and is disconnected, and no other client
//! notices.

use http1::header;
use std::thread;
use std::time::{Duration, Instant};
use testkit::{Peer, Server, ask, event, get, must_have_status};

/// The default deadline of these tests: so short that a test can wait for it, so long that normal clients, which send
/// at once, meet it on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(1);

fn start() -> Server {
    start_with_timeout("1s")
}

fn start_with_timeout(timeout: &str) -> Server {
    testkit::start(env!("CARGO_BIN_EXE_stage3-parse"), &["--timeout", timeout])
}

/// Fails unless the next client is served.
fn must_serve(server: &Server) {
    must_have_status(&ask(server.addr(), event("alice", 5)), 200, "a normal event");
}

/// Fails unless a client that began to wait at `began` gets 408, not too early, and the end of the connection.
fn must_be_late(client: &mut Peer, began: Instant, of: &str) {
    let response = client.response();
    assert!(began.elapsed() >= TIMEOUT, "{of}: after {:?}", began.elapsed());
    must_have_status(&response, 408, of);
    assert_eq!(response.header(header::CONNECTION), Some("close"), "{of}");
    client.expect_eof();
}

#[test]
fn half_a_request_gets_408() {
    let server = start();
    let whole = String::from_utf8(event("alice", 55)).unwrap();
    let body = whole.find('{').unwrap();
    let began = Instant::now();
    let mut clients = [1, 4, 20, body - 2, body, body + 10, whole.len() - 1].map(|cut| {
        let mut client = Peer::connect(server.addr());
        client.send(&whole[..cut]);
        (client, &whole[..cut])
    });
    must_serve(&server);
    for (client, sent) in &mut clients {
        must_be_late(client, began, sent);
    }
    must_serve(&server);
}

#[test]
fn a_request_that_drips_gets_408_however_it_drips() {
    let server = start();
    let head = "POST /events HTTP/1.1\r\nHost: test\r\n";
    let kinds = [
        ("X: ", "x"),
        ("", "X: y\r\n"),
        ("Content-Length: 100000\r\n\r\n", "["),
        ("Transfer-Encoding: chunked\r\n\r\nFFFF\r\n", "["),
        ("Transfer-Encoding: chunked\r\n\r\n", "1\r\n[\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", "x"),
    ];
    let drip = |fields: &str, drops: &str| {
        let mut slow = Peer::connect(server.addr());
        let began = Instant::now();
        // less than the deadline between two bytes, and far more in all if nothing stops it
        let drops = drops.bytes().cycle().take(500);
        let response =
            slow.send(head).send(fields).drip_until_response(drops, Duration::from_millis(20));
        assert!(began.elapsed() >= TIMEOUT, "{fields}: after {:?}", began.elapsed());
        must_have_status(&response, 408, fields);
        slow.expect_eof();
    };
    thread::scope(|scope| {
        for (fields, drops) in kinds {
            scope.spawn(move || drip(fields, drops));
        }
    });
    must_serve(&server);
}

#[test]
fn an_idle_connection_is_closed_without_a_response() {
    let server = start();
    let (mut silent, began) = (Peer::connect(server.addr()), Instant::now());
    silent.expect_eof(); // a browser that connects ahead of time must not be shown a 408
    assert!(began.elapsed() >= TIMEOUT);
    // some clients end a body with an empty line, which does not begin a request (RFC 9112 §2.2)
    for after in ["", "\r\n"] {
        let mut idle = Peer::connect(server.addr());
        let began = Instant::now();
        must_have_status(
            &idle.send([&event("alice", 5), after.as_bytes()].concat()).response(),
            200,
            "an event",
        );
        idle.expect_eof();
        assert!(began.elapsed() >= TIMEOUT);
    }
    must_serve(&server);
}

#[test]
fn half_a_request_after_a_complete_one_gets_408() {
    let server = start();
    let mut client = Peer::connect(server.addr());
    let began = Instant::now();
    // in one write, so that the second part cannot be late
    client.send([&event("alice", 5)[..], b"POST /events"].concat());
    must_have_status(&client.response(), 200, "the whole one");
    must_be_late(&mut client, began, "the half one");
    must_serve(&server);
}

#[test]
fn each_request_has_the_deadline_to_itself() {
    let server = start_with_timeout("2s");
    let mut client = Peer::connect(server.addr());
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(2500) {
        must_have_status(&client.send(event("alice", 5)).response(), 200, "one of many");
        client.expect_nothing_for(Duration::from_millis(50));
    }
}

#[test]
fn a_client_that_does_not_read_its_responses_is_disconnected() {
    let server = start();
    let mut greedy = Peer::connect(server.addr());
    let requests = get("/").repeat(1000);
    // they are read until the buffers of both sides are full of responses; then the server must close
    while greedy.try_send(&requests) {}
    must_serve(&server);
}

#[test]
fn empty_lines_without_end_are_a_head_that_is_too_long() {
    // with the default deadline: the rejection here is immediate
    let server = testkit::start(env!("CARGO_BIN_EXE_stage3-parse"), &[]);
    let mut peer = Peer::connect(server.addr());
    peer.send("\r\n".repeat(10_000));
    must_have_status(&peer.response(), 431, "ten thousand empty lines");
    peer.expect_eof();
}

#[test]
fn a_rejected_head_request_has_no_body() {
    let server = start();
    for (head, status) in
        [("Host: a\r\nExpect: x", 417), ("Host: a\r\nContent-Length: 9999999", 413), ("Host:", 400)]
    {
        let mut peer = Peer::connect(server.addr());
        let response = peer.send(format!("HEAD / HTTP/1.1\r\n{head}\r\n\r\n")).response_to_head();
        assert_eq!(response.status().as_u16(), status);
        peer.expect_eof();
    }
}

#[test]
fn the_drain_after_a_rejection_does_not_outlast_the_deadline() {
    let server = start_with_timeout("1900ms");
    let mut client = Peer::connect(server.addr());
    let began = Instant::now();
    client.send("nonsense\r\n");
    must_have_status(&client.response(), 400, "nonsense");
    // the drain alone would last for two seconds, and one after the other almost four
    while client.try_send("x") {
        assert!(began.elapsed() < testkit::PATIENCE, "it is still read");
        thread::sleep(Duration::from_millis(5));
    }
    let closed = began.elapsed();
    assert!(closed < http1::DRAIN_TIME + TIMEOUT, "closed after {closed:?}");
}
