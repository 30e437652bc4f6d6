//! Stage 5 among hostile peers: the scenes of `testkit::hostile`, and the bounds that it alone has.

use http1::MAX_LINGERING;
use std::time::{Duration, Instant};
use testkit::hostile::{
    descriptors, padded_event, resident, waiting_events_do_not_keep_their_requests,
};
use testkit::{
    PATIENCE, Peer, ask, event, get, must_have_status, needs_descriptors, start, wait_until,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stage5-backpressure");

testkit::hostile_scenes!(BINARY, &["--max-connections", "6000"]);

#[test]
fn events_that_wait_for_a_place_do_not_keep_their_requests() {
    waiting_events_do_not_keep_their_requests(BINARY, &["--when-full", "wait", "--queue", "1"]);
}

#[test]
fn all_bodies_together_hold_no_more_than_the_bound() {
    let server = start(BINARY, &["--body-memory", "16", "--timeout", "1m", "--queue", "100"]);
    must_have_status(&ask(server.addr(), event("alice", 1)), 202, "a first event");
    let before = resident(&server);
    let request = padded_event();
    let (almost, end) = request.split_at(request.len() - 1);
    let mut receiving: Vec<_> = (0..60).map(|_| Peer::connect(server.addr())).collect();
    for peer in &mut receiving {
        peer.send(almost);
    }
    let began = Instant::now();
    while receiving.len() > 16 {
        receiving.retain_mut(|peer| match peer.response_within(Duration::from_millis(10)) {
            None => true,
            Some(response) => {
                must_have_status(&response, 503, "a body beyond the bound");
                assert_eq!(response.headers()["retry-after"], "1");
                false
            }
        });
        must_have_status(&ask(server.addr(), event("bob", 1)), 202, "a small event");
        assert!(began.elapsed() < PATIENCE, "{} bodies have room", receiving.len());
    }
    let grown = resident(&server) - before;
    // http1 keeps the pages of eight bodies for the next ones
    assert!((15 * 1024..28 * 1024).contains(&grown), "sixteen mebibytes cost {grown} KiB");
    for peer in &mut receiving {
        must_have_status(&peer.send(end).response(), 202, "a body that had room");
    }
    must_have_status(&ask(server.addr(), request), 202, "a body once there is room again");
}

#[test]
fn a_body_costs_only_what_has_arrived_of_it() {
    let server = start(BINARY, &["--body-memory", "1", "--timeout", "1m", "--work", "0s"]);
    let (event, mut begun) = (padded_event(), Vec::new());
    must_have_status(&ask(server.addr(), &event), 202, "a first event");
    let before = resident(&server);
    for _ in 0..100 {
        // its pages are used again, but not by a body of which only a byte arrives
        must_have_status(&ask(server.addr(), &event), 202, "a whole event");
        let mut peer = Peer::connect(server.addr());
        peer.send("POST /events HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1048576\r\n\r\n");
        peer.expect_continue();
        peer.send("{");
        begun.push(peer);
    }
    let grown = resident(&server) - before;
    assert!(grown < 16 * 1024, "a hundred bytes cost {grown} KiB");
}

#[test]
fn responses_that_are_not_read_hold_no_more_than_the_bound() {
    let server = start(BINARY, &["--body-memory", "1", "--work", "0s", "--queue", "3000"]);
    for number in 0..3000 {
        let user = format!("{number:\u{1f980}>64}"); // 64 characters, 250 bytes and more
        must_have_status(&ask(server.addr(), event(&user, 1)), 202, &user);
    }
    wait_until(server.addr(), "/stats", |stats| stats["processed"] == 3000);
    // three quarters of a mebibyte each, of which the buffers of the sockets hold a part
    let mut unread: Vec<_> = (0..3).map(|_| Peer::connect_narrow(server.addr())).collect();
    for peer in &mut unread {
        peer.send(get("/balances")).expect_partial_response();
    }
    let statuses: Vec<_> =
        unread.iter_mut().map(|peer| peer.response().status().as_u16()).collect();
    assert_eq!(statuses, [200, 503, 503]);
    must_have_status(&ask(server.addr(), get("/balances")), 200, "the responses are read");
}

#[test]
fn a_flood_of_refused_connections_holds_a_bounded_number_of_descriptors() {
    needs_descriptors(2200);
    let server = start(BINARY, &["--max-connections", "1"]);
    let mut first = Peer::connect(server.addr());
    first.send(get("/stats")).response();
    let before = descriptors(&server);
    // they send nothing, and stay
    let mut refused: Vec<_> = (0..2000).map(|_| Peer::connect(server.addr())).collect();
    for peer in &mut refused {
        must_have_status(&peer.response(), 503, "a connection beyond the limit");
    }
    let held = descriptors(&server) - before;
    assert!(held <= MAX_LINGERING + 10, "{held} refused connections are still open");
    must_have_status(&first.send(get("/stats")).response(), 200, "the connection within the limit");
}
