//! Proves the lesson of stage 6; `crash.rs` kills it, `stopping.rs` stops it, `disk_full.rs` fills its disk.

mod durable;

use durable::{Data, end_of, keyed};
use http1::Response;
use http1::header::RETRY_AFTER;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use testkit::{
    OnDrop, PATIENCE, Peer, Server, ask, ask_at_once, event, get, json, must_have_status, post,
    wait_until,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stage6-durable");

fn events(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| event(&format!("user{}", number % 10), 1)).collect()
}

#[track_caller]
fn must_get(status: u16, server: &Server, request: impl AsRef<[u8]>) -> Response {
    let response = ask(server.addr(), &request);
    must_have_status(&response, status, &String::from_utf8_lossy(request.as_ref()));
    response
}

fn stats(server: &Server) -> serde_json::Value {
    json(&must_get(200, server, get("/stats")))
}

fn balances(server: &Server) -> serde_json::Value {
    json(&must_get(200, server, get("/balances")))
}

fn kill(server: Server) {
    server.signal("KILL").expect("it runs");
    end_of(server);
}

#[test]
fn kill_9_keeps_every_accepted_event() {
    let data = Data::new();
    let server = data.start(&["--work", "1h"]);
    for (response, _) in ask_at_once(server.addr(), &events(10)) {
        assert_eq!(response.status().as_u16(), 202);
    }
    assert_eq!(stats(&server)["processed"], 0, "none of them is applied");
    kill(server);
    let server = data.start(&["--work", "0s"]);
    let after = wait_until(server.addr(), "/stats", |stats| stats["processed"] == 10);
    assert_eq!((&after["accepted"], &after["failed"]), (&10.into(), &0.into()), "{after}");
    let balances = balances(&server);
    assert!((0..10).all(|user| balances[format!("user{user}")] == 1), "{balances}");
}

#[test]
fn the_same_key_and_event_get_the_same_response_and_count_once() {
    let data = Data::new();
    let server = data.start(&["--work", "0s"]);
    let first = must_get(202, &server, keyed("k1", "alice", 5));
    let again = must_get(202, &server, keyed("k1", "alice", 5));
    assert_eq!(first.body(), again.body());
    assert_eq!(first.body(), r#"{"user":"alice","amount":5}"#.as_bytes());
    // another header, another spelling of the event: what counts is the key and the event
    let spelled = "POST /events HTTP/1.1\r\nHost: test\r\nIDEMPOTENCY-KEY:  k1 \r\nContent-Length: 38\r\n\r\n\
                   {  \"amount\": 5, \"user\": \"al\\u0069ce\" }";
    must_get(202, &server, spelled);
    let after = wait_until(server.addr(), "/stats", |stats| stats["processed"] == 1);
    assert_eq!((&after["accepted"], &after["rejected"]), (&1.into(), &0.into()));
    assert_eq!(balances(&server), serde_json::json!({"alice": 5}));
}

#[test]
fn a_key_counts_once_also_across_a_crash() {
    let data = Data::new();
    for work in ["1h", "0s", "1h"] {
        let server = data.start(&["--work", work]);
        must_get(202, &server, keyed("k1", "alice", 5));
        must_get(422, &server, keyed("k1", "alice", 6));
        if work == "0s" {
            wait_until(server.addr(), "/stats", |stats| stats["processed"] == 1);
        }
        assert_eq!(stats(&server)["accepted"], 1);
        kill(server);
    }
    assert_eq!(balances(&data.start(&[])), serde_json::json!({"alice": 5}));
}

#[test]
fn the_same_key_with_another_event_is_rejected() {
    let data = Data::new();
    let server = data.start(&["--work", "0s"]);
    must_get(202, &server, keyed("k1", "alice", 5));
    must_get(422, &server, keyed("k1", "alice", -5));
    must_get(202, &server, keyed("k1", "bob", 7)); // a key belongs to its user
    must_get(422, &server, keyed("k1", "bob", 5));
    wait_until(server.addr(), "/stats", |stats| stats["processed"] == 2);
    assert_eq!(balances(&server), serde_json::json!({"alice": 5, "bob": 7}));
}

#[test]
fn without_a_key_an_event_counts_as_often_as_it_arrives() {
    let data = Data::new();
    let server = data.start(&["--work", "0s"]);
    for _ in 0..3 {
        must_get(202, &server, event("alice", 5));
    }
    wait_until(server.addr(), "/stats", |stats| stats["processed"] == 3);
    assert_eq!(balances(&server), serde_json::json!({"alice": 15}));
}

#[test]
fn a_key_is_printable_ascii_of_1_to_255_characters_and_there_is_one() {
    let data = Data::new();
    let server = data.start(&["--work", "1h"]);
    let longest = "k".repeat(255);
    for key in ["k", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "a key, with: ~", &longest] {
        must_get(202, &server, keyed(key, "alice", 5));
    }
    for key in ["", "ключ", "a\tb", &format!("{longest}k"), "k1\r\nidempotency-key: k1"] {
        must_get(400, &server, keyed(key, "alice", 5));
    }
    assert_eq!(stats(&server)["accepted"], 4);
}

#[test]
fn while_an_event_is_being_stored_its_key_gets_503() {
    let data = Data::new();
    let server = data.start(&["--work", "0s", "--sync", "2s"]);
    let twice = [keyed("k1", "alice", 5), keyed("k1", "alice", 5)];
    let mut answers = ask_at_once(server.addr(), &twice);
    answers.sort_by_key(|(response, _)| response.status());
    let [(stored, _), (rejected, _)] = &answers[..] else { unreachable!("two were sent") };
    assert_eq!((stored.status().as_u16(), rejected.status().as_u16()), (202, 503));
    assert_eq!(rejected.header(RETRY_AFTER), Some("1"));
    must_get(202, &server, keyed("k1", "alice", 5)); // now it is known
    assert_eq!(stats(&server)["accepted"], 1);
}

#[test]
fn a_known_key_is_acknowledged_while_the_queue_is_full() {
    let data = Data::new();
    let server = data.start(&["--work", "1h", "--queue", "1"]);
    for key in ["k1", "k2"] {
        must_get(202, &server, keyed(key, "alice", 5)); // one is in hand, one is queued
    }
    must_get(503, &server, keyed("k3", "alice", 5));
    must_get(202, &server, keyed("k1", "alice", 5));
    must_get(202, &server, keyed("k2", "alice", 5));
    must_get(422, &server, keyed("k2", "alice", 6));
    must_get(503, &server, keyed("k3", "alice", 5));
    let after = stats(&server);
    assert_eq!((&after["accepted"], &after["rejected"]), (&2.into(), &2.into()), "{after}");
}

#[test]
fn a_rejected_key_can_be_retried() {
    let data = Data::new();
    let server = data.start(&["--work", "50ms", "--queue", "1"]);
    let event = |number: i64| keyed(&format!("k{number}"), "alice", 1 << number);
    let answers = ask_at_once(server.addr(), &(0..20).map(event).collect::<Vec<_>>());
    let rejected: Vec<_> =
        (0..).zip(&answers).filter(|(_, (response, _))| response.status() == 503).collect();
    assert!(!rejected.is_empty(), "there is place for two");
    let began = Instant::now();
    for (number, _) in rejected {
        while ask(server.addr(), event(number)).status() == 503 {
            assert!(began.elapsed() < PATIENCE, "k{number} is rejected again and again");
        }
        must_get(202, &server, event(number));
    }
    wait_until(server.addr(), "/stats", |stats| stats["processed"] == 20);
    assert_eq!(balances(&server), serde_json::json!({"alice": (1 << 20) - 1}));
}

#[test]
fn a_key_is_forgotten_when_enough_events_came_after_it() {
    let data = Data::new();
    let start = || data.start(&["--work", "0s", "--remember", "3"]);
    let mut server = start();
    let mut count = 0;
    let mut apply = |server: &Server, request: Vec<u8>| {
        must_get(202, server, request);
        count += 1;
        wait_until(server.addr(), "/stats", |stats| stats["processed"] == count);
    };
    apply(&server, keyed("k1", "alice", 5));
    for _ in 0..2 {
        apply(&server, event("bob", 1));
        must_get(422, &server, keyed("k1", "alice", 6));
    }
    kill(server); // memory and disk forget at the same moment
    server = start();
    must_get(422, &server, keyed("k1", "alice", 6));
    for _ in 0..2 {
        apply(&server, event("bob", 1));
    }
    apply(&server, keyed("k1", "alice", 6));
    kill(server);
    server = start();
    must_get(422, &server, keyed("k1", "alice", 5));
    assert_eq!(balances(&server), serde_json::json!({"alice": 11, "bob": 4}));
}

#[test]
fn a_burst_is_accepted_up_to_capacity_and_the_rest_is_rejected() {
    let data = Data::new();
    let server = data.start(&["--work", "1h"]);
    let answers = ask_at_once(server.addr(), &events(100));
    let accepted = answers.iter().filter(|(response, _)| response.status() == 202).count();
    assert_eq!(accepted, 17, "16 are queued, and one is in hand");
    for (response, _) in answers.iter().filter(|(response, _)| response.status() != 202) {
        must_have_status(response, 503, "one too many");
        assert_eq!(response.header(RETRY_AFTER), Some("61200")); // (16 queued + 1) × 1h
    }
    let after = stats(&server);
    assert_eq!(
        after,
        serde_json::json!({
            "capacity": 16, "queued": 16, "accepted": 17, "rejected": 83, "processed": 0, "failed": 0,
        })
    );
}

#[test]
fn after_a_restart_the_backlog_takes_its_places_first() {
    let data = Data::new();
    let server = data.start(&["--work", "1h", "--queue", "20"]);
    for number in 0..10 {
        must_get(202, &server, keyed(&format!("k{number}"), "alice", 1));
    }
    kill(server);
    // with a smaller queue
    let server = data.start(&["--work", "1h", "--queue", "2"]);
    must_get(503, &server, event("bob", 1));
    must_get(202, &server, keyed("k3", "alice", 1));
    let after = stats(&server);
    assert_eq!((&after["queued"], &after["capacity"]), (&9.into(), &2.into()), "{after}");
    kill(server);
    let server = data.start(&["--work", "1ms", "--queue", "2"]);
    wait_until(server.addr(), "/stats", |stats| {
        assert!(stats["queued"].as_u64() <= Some(9), "{stats}");
        stats["processed"] == 10
    });
    must_get(202, &server, event("bob", 1));
    wait_until(server.addr(), "/stats", |stats| stats["processed"] == 11);
    assert_eq!(balances(&server), serde_json::json!({"alice": 10, "bob": 1}));
}

#[test]
fn events_are_applied_in_the_order_in_which_they_were_accepted() {
    let data = Data::new();
    let server = data.start(&["--work", "20ms"]);
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
fn an_overflow_is_counted_changes_nothing_and_the_worker_goes_on() {
    let data = Data::new();
    let server = data.start(&["--work", "1ms"]);
    let mut peer = Peer::connect(server.addr());
    for amount in [i64::MAX, 1, -1, 1] {
        assert_eq!(peer.send(event("alice", amount)).response().status().as_u16(), 202);
    }
    let expected = |stats: &serde_json::Value| {
        stats["queued"] == 0 && stats["processed"] == 3 && stats["failed"] == 1
    };
    wait_until(server.addr(), "/stats", expected);
    kill(server);
    let server = data.start(&[]);
    wait_until(server.addr(), "/stats", expected);
    assert_eq!(balances(&server), serde_json::json!({"alice": i64::MAX}));
}

#[test]
fn the_figures_add_up_at_every_moment_under_load() {
    let data = Data::new();
    let server = data.start(&["--work", "1ms", "--queue", "4"]);
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

#[test]
fn an_acknowledgement_waits_for_the_sync() {
    let data = Data::new();
    let server = data.start(&["--work", "0s", "--sync", "300ms"]);
    for amount in 1..=3 {
        let began = Instant::now();
        must_get(202, &server, event("alice", amount));
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(300), "acknowledged after {took:?}");
    }
}

#[test]
fn events_that_arrive_while_the_disk_is_busy_share_the_next_sync() {
    let sync = Duration::from_millis(200);
    let time = |group: &str| {
        let data = Data::new();
        let server =
            data.start(&["--work", "1h", "--queue", "20", "--sync", "200ms", "--group", group]);
        let began = Instant::now();
        for (response, _) in ask_at_once(server.addr(), &events(20)) {
            must_have_status(&response, 202, "an event");
        }
        began.elapsed()
    };
    let (alone, shared) = (time("1"), time("1024"));
    assert!(alone >= sync * 20, "each is synced alone: {alone:?}");
    assert!(shared < alone / 2, "two or three syncs are enough: {shared:?} of {alone:?}");
}

#[test]
fn an_acknowledged_event_is_in_the_figures() {
    let data = Data::new();
    let server = data.start(&["--work", "1h"]);
    let mut peer = Peer::connect(server.addr());
    for number in 1..=10 {
        assert_eq!(peer.send(event("alice", 1)).response().status().as_u16(), 202);
        assert_eq!(stats(&server)["accepted"], number);
    }
}

#[test]
fn a_connection_over_the_limit_is_rejected() {
    let data = Data::new();
    let server = data.start(&["--max-connections", "1"]);
    let mut first = Peer::connect(server.addr());
    first.send(get("/stats")).response();
    let mut second = Peer::connect(server.addr());
    must_have_status(&second.response(), 503, "one connection too many");
    second.expect_eof();
    assert_eq!(first.send(get("/stats")).response().status().as_u16(), 200);
}

#[test]
fn the_boundary_is_stage_3s() {
    let data = Data::new();
    let server = data.start(&[]);
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
    assert_eq!(stats(&server)["accepted"], 0, "none of these was accepted");
}

#[test]
fn a_second_server_on_the_same_data_ends_with_one_line() {
    let data = Data::new();
    let server = data.start(&[]);
    let path = data.path();
    let path = path.to_str().unwrap();
    let output = testkit::run(BINARY, &["--addr", "127.0.0.1:0", "--data", path], &[]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains(path) && error.contains("--data"), "{error}");
    assert!(output.stdout.is_empty(), "it never listened");
    must_get(202, &server, event("alice", 1));
}

#[test]
fn data_that_cannot_be_opened_is_one_line_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let diary = folder.path().join("diary.txt");
    std::fs::write(&diary, "dear diary").unwrap();
    let missing = folder.path().join("missing").join("data.redb");
    for path in
        [diary.to_str().unwrap(), missing.to_str().unwrap(), folder.path().to_str().unwrap()]
    {
        let output = testkit::run(BINARY, &["--addr", "127.0.0.1:0", "--data", path], &[]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
        assert!(error.contains(path), "{error}");
    }
    assert_eq!(std::fs::read(&diary).unwrap(), b"dear diary");
}

#[test]
fn a_bad_command_line_is_one_line_that_names_the_option() {
    for (option, value) in [
        ("--queue", "0"),
        ("--work", "500"),
        ("--sync", "-1s"),
        ("--sync", "2h"),
        ("--group", "0"),
        ("--remember", "0"),
        ("--remember", "1000001"),
        ("--max-connections", "0"),
        ("--addr", "nowhere"),
    ] {
        let output = testkit::run(BINARY, &[option, value], &[]);
        let (error, what) = (String::from_utf8_lossy(&output.stderr), format!("{option} {value}"));
        assert_eq!(output.status.code(), Some(2), "{what}");
        assert!(
            error.lines().next().is_some_and(|line| line.contains(option) && line.contains(value)),
            "{what}: {error}"
        );
        assert!(output.stdout.is_empty(), "{what}");
    }
}
