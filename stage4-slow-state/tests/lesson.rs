//! Proves the lesson of stage 4: async is not parallel.

use claims::Verdict;
use std::time::Duration;
use testkit::{
    Peer, Server, ask, ask_at_once, event, get, json, must_be, must_be_kept_in_time,
    must_have_status, post, start_with, wait_until,
};

const WORK: Duration = Duration::from_millis(100);

fn start(args: &[&str]) -> Server {
    testkit::start(env!("CARGO_BIN_EXE_stage4-slow-state"), args)
}

#[test]
fn the_response_to_an_event_is_the_balance_after_it() {
    let server = start(&["--work", "1ms"]);
    let mut peer = Peer::connect(server.addr());
    for (amount, balance) in [(5, 5), (7, 12), (-20, -8)] {
        let response = peer.send(event("alice", amount)).response();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(
            &response.body()[..],
            format!(r#"{{"user":"alice","balance":{balance}}}"#).as_bytes()
        );
    }
}

#[test]
fn no_update_is_lost() {
    let server = start(&["--work", "2ms"]);
    let users = ["alice", "bob", "carol", "dave", "erin"];
    let events: Vec<_> = (0..50).map(|number| event(users[number % 5], number as i64)).collect();
    for (response, _) in ask_at_once(server.addr(), &events) {
        assert_eq!(response.status().as_u16(), 200);
    }
    // 0 + 5 + … + 45, and for each further user 10 more; users in order
    let balances = ask(server.addr(), get("/balances"));
    assert_eq!(
        &balances.body()[..],
        br#"{"alice":225,"bob":235,"carol":245,"dave":255,"erin":265}"#
    );
}

#[test]
fn ten_concurrent_events_are_served_one_after_another_on_any_number_of_cores() {
    for threads in ["1", "4"] {
        let binary = env!("CARGO_BIN_EXE_stage4-slow-state");
        let server = start_with(binary, &["--work", "100ms"], &[("TOKIO_WORKER_THREADS", threads)]);
        let events: Vec<_> = (0..10).map(|number| event(&format!("user{number}"), 1)).collect();
        let mut times: Vec<_> =
            ask_at_once(server.addr(), &events).into_iter().map(|(_, took)| took).collect();
        times.sort();
        for (took, k) in times.iter().zip(1..) {
            assert!(
                *took >= WORK * k,
                "with {threads} threads the answer number {k} came after {took:?}"
            );
        }
    }
}

/// Sends an event and waits until the server works on it: from then on, reads of the balances wait.
fn occupy(server: &Server) -> Peer {
    let mut busy = Peer::connect(server.addr());
    busy.send(event("alice", 1));
    loop {
        let mut asking = Peer::connect(server.addr());
        asking.send(get("/balances"));
        if asking.response_within(Duration::from_millis(100)).is_none() {
            return busy;
        }
    }
}

#[test]
fn reads_wait_in_the_same_queue() {
    let server = start(&["--work", "3s"]);
    let mut busy = occupy(&server);
    let mut asking = Peer::connect(server.addr());
    asking.send(get("/balances")).expect_nothing_for(Duration::from_millis(100));
    // the response includes the event that came before it
    assert_eq!(json(&asking.response()), serde_json::json!({"alice": 1}));
    assert_eq!(busy.response().status().as_u16(), 200);
}

#[test]
fn the_event_of_a_client_that_gave_up_still_counts() {
    let server = start(&["--work", "1s"]);
    let gone = occupy(&server);
    drop(gone);
    wait_until(server.addr(), "/balances", |balances| balances["alice"] == 1);
}

#[test]
fn a_deadline_does_not_cover_the_work() {
    let server = start(&["--work", "150ms", "--timeout", "200ms"]);
    let events: Vec<_> = (0..4).map(|_| event("alice", 1)).collect();
    for (response, _) in ask_at_once(server.addr(), &events) {
        assert_eq!(response.status().as_u16(), 200); // the last one waited three times the deadline
    }
}

#[test]
fn an_overflow_is_rejected_and_nothing_changes() {
    let server = start(&["--work", "1ms"]);
    for (amount, status) in [(i64::MAX, 200), (1, 422), (-1, 200), (1, 200)] {
        must_have_status(&ask(server.addr(), event("alice", amount)), status, &amount.to_string());
    }
    for (amount, status) in [(i64::MIN, 200), (-1, 422)] {
        must_have_status(&ask(server.addr(), event("bob", amount)), status, &amount.to_string());
    }
    let balances = ask(server.addr(), get("/balances"));
    assert_eq!(json(&balances), serde_json::json!({"alice": i64::MAX, "bob": i64::MIN}));
}

#[test]
fn users_are_listed_in_order() {
    let server = start(&["--work", "1ms"]);
    for user in ["Zoë", "bob", "alice", "😀"] {
        ask(server.addr(), event(user, 1));
    }
    let balances = ask(server.addr(), get("/balances"));
    assert_eq!(balances.body(), r#"{"Zoë":1,"alice":1,"bob":1,"😀":1}"#.as_bytes());
}

#[test]
fn the_boundary_is_stage_3s() {
    let server = start(&["--work", "1ms"]);
    let mut peer = Peer::connect(server.addr());
    must_have_status(&peer.send(post("/events", "{")).response(), 400, "no JSON");
    must_have_status(&peer.send(post("/events", "{}")).response(), 422, "no event");
    must_have_status(&peer.send(get("/elsewhere")).response(), 404, "another path");
    for (path, allowed) in [("/events", "POST"), ("/balances", "GET, HEAD")] {
        let response =
            peer.send(format!("DELETE {path} HTTP/1.1\r\nHost: test\r\n\r\n")).response();
        must_have_status(&response, 405, path);
        assert_eq!(response.headers()["allow"], allowed);
    }
    let head = peer.send("HEAD /balances HTTP/1.1\r\nHost: test\r\n\r\n").response_to_head();
    assert_eq!(
        (head.status().as_u16(), &head.headers()["content-length"]),
        (200, &"2".parse().unwrap())
    );
    for claim in ["slow-client", "slow-request"] {
        must_be_kept_in_time(claim, server.addr());
    }
    must_be(Verdict::Kept, "garbage", server.addr());
}

#[test]
fn ten_events_wait_for_each_other_and_a_burst_is_not_bounded() {
    let server = start(&["--work", "200ms"]);
    must_be(Verdict::Broken, "concurrent", server.addr());
    must_be(Verdict::Broken, "burst", server.addr());
}
