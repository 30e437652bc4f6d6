//! Proves the lesson of stage 5 about the queue; `stopping.rs` is about the signal.

use claims::Verdict;
use http1::header::RETRY_AFTER;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use testkit::{
    OnDrop, Peer, Server, ask, ask_at_once, event, get, json, must_be, must_be_kept_in_time,
    must_have_status, post, wait_until,
};

fn start(args: &[&str]) -> Server {
    testkit::start(env!("CARGO_BIN_EXE_stage5-backpressure"), args)
}

fn events(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| event(&format!("user{}", number % 10), 1)).collect()
}

fn stats(server: &Server) -> serde_json::Value {
    json(&ask(server.addr(), get("/stats")))
}

#[test]
fn a_burst_gets_its_responses_before_one_event_is_done_and_what_does_not_fit_is_rejected() {
    let server = start(&["--work", "1h"]);
    let answers = ask_at_once(server.addr(), &events(200));
    let after = stats(&server);
    assert_eq!(after["processed"], 0, "all 200 were answered before that");
    let taken = answers.iter().filter(|(response, _)| response.status().as_u16() == 202).count();
    // the queue, and one more if the worker had it in hand by then
    assert!((16..=17).contains(&taken), "{taken} taken");
    for (response, _) in answers.iter().filter(|(response, _)| response.status().as_u16() != 202) {
        must_have_status(response, 503, "one too many");
        // (queued + 1) × 1h, 15 or 16 being queued
        assert!(
            ["57600", "61200"].contains(&response.header(RETRY_AFTER).unwrap()),
            "{response:?}"
        );
    }
    assert_eq!((&after["accepted"], &after["rejected"]), (&taken.into(), &(200 - taken).into()));
    assert_eq!(after["capacity"], 16);
}

#[test]
fn an_accepted_event_comes_back_as_parsed() {
    let server = start(&["--work", "1h"]);
    let response =
        ask(server.addr(), post("/events", " {\"amount\": -5, \"user\": \"Zo\\u00eb\"} "));
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (202, &"application/json".parse().unwrap())
    );
    assert_eq!(response.body(), r#"{"user":"Zoë","amount":-5}"#.as_bytes());
}

#[test]
fn retry_after_is_when_the_queue_is_done_and_at_least_one_second() {
    let server = start(&["--work", "1ms", "--queue", "1"]);
    let mut refused = 0;
    while refused == 0 {
        for (response, _) in ask_at_once(server.addr(), &events(50)) {
            if response.status().as_u16() == 503 {
                assert_eq!(response.headers()["retry-after"], "1");
                refused += 1;
            }
        }
    }
}

#[test]
fn while_the_worker_works_everything_else_is_served_immediately() {
    let server = start(&["--work", "1h"]);
    for (response, _) in ask_at_once(server.addr(), &events(3)) {
        assert_eq!(response.status().as_u16(), 202);
    }
    // any response comes before the hour is over
    assert_eq!(json(&ask(server.addr(), get("/balances"))), serde_json::json!({}));
    assert_eq!(stats(&server)["accepted"], 3);
    let head = Peer::connect(server.addr())
        .send("HEAD /stats HTTP/1.1\r\nHost: test\r\n\r\n")
        .response_to_head();
    assert_eq!(head.status().as_u16(), 200);
}

#[test]
fn events_are_applied_in_the_order_in_which_they_were_accepted() {
    let server = start(&["--work", "20ms"]);
    let mut peer = Peer::connect(server.addr());
    let users = ["e", "b", "d", "a", "c"];
    for user in users {
        assert_eq!(peer.send(event(user, 1)).response().status().as_u16(), 202);
    }
    // at every moment the users that came first have a balance
    wait_until(server.addr(), "/balances", |balances| {
        let applied = balances.as_object().map_or(0, |balances| balances.len());
        for (user, place) in users.iter().zip(0..) {
            assert_eq!(balances.get(user).is_some(), place < applied, "out of order: {balances}");
        }
        applied == users.len()
    });
}

#[test]
fn balances_are_exact() {
    let server = start(&["--work", "0s", "--queue", "1000"]);
    for (response, _) in ask_at_once(server.addr(), &events(100)) {
        assert_eq!(response.status().as_u16(), 202);
    }
    let stats = wait_until(server.addr(), "/stats", |stats| stats["processed"] == 100);
    assert_eq!((&stats["queued"], &stats["failed"]), (&0.into(), &0.into()));
    let balances = json(&ask(server.addr(), get("/balances")));
    assert!((0..10).all(|user| balances[format!("user{user}")] == 10), "{balances}");
}

#[test]
fn an_overflow_is_counted_changes_nothing_and_the_worker_goes_on() {
    let server = start(&["--work", "1ms"]);
    let mut peer = Peer::connect(server.addr());
    for amount in [i64::MAX, 1, -1, 1] {
        assert_eq!(peer.send(event("alice", amount)).response().status().as_u16(), 202);
    }
    let stats = wait_until(server.addr(), "/stats", |stats| {
        stats["queued"] == 0 && stats["processed"] == 3
    });
    assert_eq!((&stats["accepted"], &stats["failed"]), (&4.into(), &1.into()));
    assert_eq!(json(&ask(server.addr(), get("/balances"))), serde_json::json!({"alice": i64::MAX}));
}

#[test]
fn the_figures_add_up_at_every_moment_under_load() {
    for policy in ["reject", "wait"] {
        let server = start(&["--work", "1ms", "--queue", "4", "--when-full", policy]);
        let (addr, done) = (server.addr(), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut peer = Peer::connect(addr);
                    while !done.load(Ordering::Relaxed) {
                        peer.send(event("alice", 1)).response();
                    }
                });
            }
            let _enough = OnDrop(|| done.store(true, Ordering::Relaxed));
            let mut peer = Peer::connect(addr);
            let mut highest = 0;
            for _ in 0..2000 {
                let stats = json(&peer.send(get("/stats")).response());
                let figure = |name: &str| stats[name].as_u64().expect("a whole number");
                let [accepted, queued] = ["accepted", "queued"].map(figure);
                let in_hand = accepted.checked_sub(queued + figure("processed") + figure("failed"));
                assert!(matches!(in_hand, Some(0 | 1)), "in hand {in_hand:?}: {stats}");
                assert!(queued <= figure("capacity"), "{stats}");
                assert!(accepted >= highest, "{stats}");
                highest = accepted;
            }
            assert!(highest > 0, "there was load");
        });
    }
}

#[test]
fn with_when_full_wait_no_event_is_rejected_and_clients_wait() {
    let work = Duration::from_millis(50);
    let server =
        start(&["--work", "50ms", "--queue", "1", "--when-full", "wait", "--timeout", "100ms"]);
    let mut times = Vec::new();
    for (response, took) in ask_at_once(server.addr(), &events(12)) {
        assert_eq!(response.status().as_u16(), 202);
        times.push(took);
    }
    times.sort();
    // the worker has one in hand, one is queued: each further one waits until another is done
    for (took, before) in times[2..].iter().zip(1..) {
        assert!(*took >= work * before, "number {} was taken after {took:?}", before + 2);
    }
    assert_eq!(stats(&server)["rejected"], 0);
}

#[test]
fn a_queue_of_a_thousand_rejects_nothing_and_hides_an_overload() {
    let server = start(&["--work", "5ms", "--queue", "1000"]);
    let began = Instant::now();
    for (response, _) in ask_at_once(server.addr(), &events(500)) {
        assert_eq!(response.status().as_u16(), 202);
    }
    wait_until(server.addr(), "/stats", |stats| stats["processed"] == 500);
    // 500 × work: with half a second for each it would be more than four minutes
    assert!(began.elapsed() >= Duration::from_millis(2500));
}

#[test]
fn a_connection_over_the_limit_is_rejected_and_the_others_are_served() {
    let server = start(&["--max-connections", "2"]);
    let mut first = Peer::connect(server.addr());
    let mut second = Peer::connect(server.addr());
    for peer in [&mut first, &mut second] {
        peer.send(get("/stats")).response();
    }
    for _ in 0..5 {
        let mut third = Peer::connect(server.addr());
        let response = third.response();
        must_have_status(&response, 503, "one connection too many");
        assert_eq!(
            (&response.headers()["connection"], &response.headers()["retry-after"]),
            (&"close".parse().unwrap(), &"1".parse().unwrap())
        );
        third.expect_eof();
        assert_eq!(first.send(get("/stats")).response().status().as_u16(), 200);
    }
    drop(second);
    // its place is free as soon as the server has seen it leave
    while Peer::connect(server.addr()).send(get("/stats")).response().status().as_u16() != 200 {}
    assert_eq!(first.send(get("/stats")).response().status().as_u16(), 200);
}

#[test]
fn the_boundary_is_stage_3s() {
    let server = start(&[]);
    let mut peer = Peer::connect(server.addr());
    must_have_status(&peer.send(post("/events", "{")).response(), 400, "no JSON");
    must_have_status(&peer.send(post("/events", "{}")).response(), 422, "no event");
    must_have_status(&peer.send(get("/elsewhere")).response(), 404, "another path");
    for (path, allowed) in
        [("/events", "POST"), ("/balances", "GET, HEAD"), ("/stats", "GET, HEAD")]
    {
        let response =
            peer.send(format!("DELETE {path} HTTP/1.1\r\nHost: test\r\n\r\n")).response();
        must_have_status(&response, 405, path);
        assert_eq!(response.headers()["allow"], allowed);
    }
    assert_eq!(stats(&server)["accepted"], 0, "none of these was taken");
}

#[test]
fn it_keeps_every_claim() {
    let server = start(&["--work", "100ms"]);
    for claim in ["slow-client", "slow-request", "concurrent"] {
        must_be_kept_in_time(claim, server.addr());
    }
    for claim in ["garbage", "burst"] {
        must_be(Verdict::Kept, claim, server.addr());
    }
}

#[test]
fn a_bad_command_line_is_one_line_that_names_the_option() {
    for (option, value) in [
        ("--queue", "0"),
        ("--queue", "-1"),
        ("--queue", "18446744073709551615"),
        ("--work", "-1s"),
        ("--work", "500"),
        ("--work", "2h"),
        ("--timeout", "0s"),
        ("--when-full", "panic"),
        ("--max-connections", "0"),
        ("--addr", "nowhere"),
    ] {
        let binary = env!("CARGO_BIN_EXE_stage5-backpressure");
        let output = std::process::Command::new(binary).args([option, value]).output().unwrap();
        let (error, what) = (String::from_utf8_lossy(&output.stderr), format!("{option} {value}"));
        assert_eq!(output.status.code(), Some(2), "{what}");
        assert!(
            error.lines().next().is_some_and(|line| line.contains(option) && line.contains(value)),
            "{what}: {error}"
        );
        assert!(output.stdout.is_empty(), "{what}");
    }
}

#[test]
fn it_warns_when_other_machines_can_reach_it() {
    for (addr, said) in [("0.0.0.0:0", true), ("127.0.0.1:0", false), ("localhost:0", false)] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stage5-backpressure"));
        command.args(["--addr", addr]).env_remove("RUST_LOG");
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut banner = BufReader::new(server.stdout.take().unwrap()).lines();
        assert!(
            banner.next().is_some_and(|line| line.unwrap().starts_with("listening on http://"))
        );
        assert!(banner.by_ref().take(4).all(|line| line.is_ok()), "the whole banner");
        // the first signal is logged after everything else
        std::process::Command::new("sh")
            .args(["-c", "kill -s TERM $0", &server.id().to_string()])
            .status()
            .unwrap();
        let log = server.wait_with_output().unwrap().stderr;
        assert_eq!(
            String::from_utf8_lossy(&log).contains("can be reached from other machines"),
            said,
            "{addr}"
        );
    }
}
