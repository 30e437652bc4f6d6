//! Proves the lesson of stage 7 on a healthy cluster; `faults.rs` breaks it.

mod cluster;

use cluster::{BINARY, Cluster, introduces_itself_with, keyed, of_version, shared};
use http1::Response;
use http1::header::RETRY_AFTER;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};
use testkit::{
    PATIENCE, Server, ask, ask_at_once, event, get, json, must_have_status, run, wait_until,
};

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

fn until_done(addr: SocketAddr, processed: u64) -> serde_json::Value {
    wait_until(addr, "/stats", |stats| stats["queued"] == 0 && stats["processed"] == processed)
}

#[test]
fn the_same_key_and_event_count_once_and_another_event_is_rejected() {
    let Some(cluster) = shared() else { return };
    let server = cluster.server("keys", &["--work", "200ms"]);
    // in the stream, and then in the account
    for _ in ["queued", "applied"] {
        let first = must_get(202, &server, keyed("k1", "alice", 5));
        let again = must_get(202, &server, keyed("k1", "alice", 5));
        assert_eq!(first.body(), again.body());
        must_get(422, &server, keyed("k1", "alice", 6));
        must_get(202, &server, keyed("k1", "bob", 7)); // a key belongs to its user
        until_done(server.addr(), 2);
    }
    let after = stats(&server);
    assert_eq!((&after["accepted"], &after["repeated"]), (&2.into(), &0.into()), "{after}");
    assert_eq!(balances(&server), serde_json::json!({"alice": 5, "bob": 7}));
}

#[test]
fn without_a_key_an_event_counts_as_often_as_it_arrives() {
    let Some(cluster) = shared() else { return };
    let server = cluster.server("keyless", &["--work", "0s"]);
    for _ in 0..3 {
        must_get(202, &server, event("alice", 5));
    }
    until_done(server.addr(), 3);
    assert_eq!(balances(&server), serde_json::json!({"alice": 15}));
}

#[test]
fn a_key_is_forgotten_when_its_user_has_sent_32_later_ones() {
    let Some(cluster) = shared() else { return };
    let server = cluster.server("forgotten", &["--work", "0s", "--queue", "1000"]);
    for number in 0..32 {
        must_get(202, &server, keyed(&format!("k{number}"), "alice", 1));
    }
    until_done(server.addr(), 32);
    must_get(422, &server, keyed("k0", "alice", 2));
    must_get(202, &server, keyed("k32", "alice", 1));
    until_done(server.addr(), 33);
    must_get(202, &server, keyed("k1", "alice", 1));
    // the engine still knows it, but not what it came with, so there is no promise
    must_get(422, &server, keyed("k0", "alice", 1));
    must_get(422, &server, keyed("k0", "alice", 2));
}

#[test]
fn full_is_503_at_once_and_known_keys_are_still_acknowledged() {
    let Some(cluster) = shared() else { return };
    let server = cluster.server("full", &["--work", "1h", "--queue", "2", "--partitions", "1"]);
    for number in 0..3 {
        must_get(202, &server, keyed(&format!("k{number}"), "alice", 1)); // one is in hand
    }
    let began = Instant::now();
    let rejected = must_get(503, &server, keyed("late", "alice", 1));
    assert!(began.elapsed() < Duration::from_secs(1), "after {:?}", began.elapsed());
    assert_eq!(rejected.header(RETRY_AFTER), Some("10800")); // (2 queued + 1) × 1h
    must_get(202, &server, keyed("k1", "alice", 1));
    must_get(422, &server, keyed("k1", "alice", 2));
    let after = stats(&server);
    assert_eq!((&after["accepted"], &after["rejected"]), (&3.into(), &1.into()), "{after}");
    assert_eq!((&after["queued"], &after["capacity"]), (&3.into(), &3.into()), "{after}");
    drop(server);
    // what was in hand is given to another worker, and the key that was rejected is as new
    let server = cluster.server("full", &["--work", "0s", "--queue", "2", "--partitions", "1"]);
    until_done(server.addr(), 3);
    must_get(202, &server, keyed("late", "alice", 7));
    until_done(server.addr(), 4);
    assert_eq!(balances(&server), serde_json::json!({"alice": 10}));
}

#[test]
fn a_burst_is_accepted_up_to_capacity_and_the_rest_is_rejected() {
    let Some(cluster) = shared() else { return };
    let server = cluster.server("burst", &["--work", "1h", "--role", "front"]);
    let events: Vec<_> = (0..100).map(|number| event(&format!("user{number}"), 1)).collect();
    let answers = ask_at_once(server.addr(), &events);
    let accepted = answers.iter().filter(|(response, _)| response.status() == 202).count();
    assert!((5..=20).contains(&accepted), "{accepted} for 16 and one in hand for each partition");
    for (response, _) in answers.iter().filter(|(response, _)| response.status() != 202) {
        must_have_status(response, 503, "one too many");
    }
    let after = stats(&server);
    assert_eq!(after["accepted"], accepted, "{after}");
    assert_eq!(after["rejected"], 100 - accepted, "{after}");
}

#[test]
fn a_partition_that_is_stuck_does_not_fill_the_places_of_the_others() {
    let Some(cluster) = shared() else { return };
    let server = cluster.server("stuck", &["--work", "1h", "--role", "front"]);
    for number in 0..5 {
        must_get(202, &server, keyed(&format!("k{number}"), "alice", 1)); // 16 / 4, and one in hand
    }
    must_get(503, &server, event("alice", 1));
    let others = (0..20).map(|number| event(&format!("user{number}"), 1));
    let accepted = others.filter(|event| ask(server.addr(), event).status() == 202).count();
    assert!(accepted >= 5, "only {accepted} of other users");
}

#[test]
fn every_front_end_says_the_same() {
    let Some(cluster) = shared() else { return };
    let options = ["--work", "0s", "--queue", "1000", "--role", "front"];
    let fronts = [(); 2].map(|()| cluster.server("fronts", &options));
    let _workers = [(); 2].map(|()| cluster.worker("fronts", &options[..4]));
    for number in 0..20 {
        let front = &fronts[number % 2];
        must_get(202, front, keyed(&format!("k{number}"), &format!("user{}", number % 5), 1));
    }
    // a retry at the other front end
    must_get(202, &fronts[1], keyed("k0", "user0", 1));
    must_get(422, &fronts[1], keyed("k0", "user0", 2));
    until_done(fronts[0].addr(), 20);
    assert_eq!(stats(&fronts[0]), stats(&fronts[1]));
    assert_eq!(balances(&fronts[0]), balances(&fronts[1]));
    assert_eq!(balances(&fronts[0])["user3"], 4);
}

#[test]
fn the_figures_add_up_at_every_moment_and_readings_leave_nothing_behind() {
    let Some(cluster) = shared() else { return };
    // full all the time, so places become free and are used while it is read
    let options = ["--work", "2ms", "--queue", "2", "--partitions", "1"];
    let server = cluster.server("readings", &options);
    let addr = server.addr();
    let sending = thread::spawn(move || {
        let events = (0..).map(|number| event(&format!("user{}", number % 50), 1));
        events.filter(|event| ask(addr, event).status() == 202).take(200).count()
    });
    let mut earlier = 0;
    while !sending.is_finished() {
        let found = stats(&server);
        let figure = |name: &str| found[name].as_u64().expect("a number");
        let done = figure("processed") + figure("failed") + figure("repeated");
        assert_eq!(figure("accepted"), figure("queued") + done, "{found}");
        assert!(figure("queued") <= figure("capacity"), "{found}");
        assert!(done >= earlier, "{found}, and before {earlier} were done");
        earlier = done;
    }
    let accepted = sending.join().expect("the server responds");
    until_done(addr, accepted as u64);
    // more of them than a bucket can have of what each needs
    let readings = vec![get("/balances").into_bytes(); 100];
    for (response, _) in (0..11).flat_map(|_| ask_at_once(addr, &readings)) {
        must_have_status(&response, 200, "one of 1100 readings");
    }
}

#[test]
fn no_account_is_missing_in_a_reading_while_others_are_new() {
    let Some(cluster) = shared() else { return };
    let server = cluster.server("new", &["--work", "0s", "--queue", "20", "--hands", "4"]);
    let addr = server.addr();
    let sending = thread::spawn(move || {
        let users =
            (0..).map(|number| if number % 4 == 0 { number } else { number / (2 + number % 7) });
        let events = users.map(|user| event(&format!("user{user}"), 1));
        events.filter(|event| ask(addr, event).status() == 202).take(800).count()
    });
    let mut earlier = 0;
    while !sending.is_finished() {
        let found = balances(&server);
        let sum = found.as_object().expect("the users").values().filter_map(|of| of.as_i64()).sum();
        assert!(sum >= earlier, "{sum} are applied, and before {earlier} were: {found}");
        earlier = sum;
    }
    until_done(addr, sending.join().expect("the server responds") as u64);
}

/// How long so many workers, each with one hand, take for 24 events of 24 users, 100 ms each.
fn time_of(cluster: &Cluster, workers: usize, partitions: &str) -> Duration {
    let name = format!("work-{workers}-{partitions}");
    let options =
        ["--work", "100ms", "--queue", "1000", "--partitions", partitions, "--ack-wait", "10s"];
    let front = cluster.server(&name, &[&options[..], &["--role", "front"]].concat());
    for number in 0..24 {
        must_get(202, &front, event(&format!("user{number}"), 1));
    }
    let began = Instant::now();
    let _workers: Vec<_> = (0..workers).map(|_| cluster.worker(&name, &options)).collect();
    until_done(front.addr(), 24);
    began.elapsed()
}

#[test]
fn three_workers_do_three_times_the_work_of_one_up_to_the_number_of_partitions() {
    let Some(cluster) = shared() else { return };
    let (one, three) = (time_of(cluster, 1, "8"), time_of(cluster, 3, "8"));
    assert!(one >= Duration::from_millis(2400), "a worker has one hand: {one:?}");
    assert!(three.mul_f64(1.7) < one, "one worker {one:?}, three {three:?}");
    let single = time_of(cluster, 3, "1");
    assert!(single >= Duration::from_millis(2400), "one at a time in a partition: {single:?}");
}

#[test]
fn an_overflow_is_counted_and_changes_nothing() {
    let Some(cluster) = shared() else { return };
    let server = cluster.server("overflow", &["--work", "0s", "--hands", "4"]);
    for amount in [i64::MAX, 1, -1, 1] {
        must_get(202, &server, event("alice", amount));
    }
    let after = until_done(server.addr(), 3);
    assert_eq!(after["failed"], 1, "{after}");
    assert_eq!(balances(&server), serde_json::json!({"alice": i64::MAX}));
}

#[test]
fn a_worker_that_is_stopped_gives_back_what_it_has_in_hand() {
    let Some(cluster) = shared() else { return };
    let wait = ["--ack-wait", "1h"];
    let front = cluster.server("back", &[&wait[..], &["--role", "front"]].concat());
    let mut first = cluster.worker("back", &[&wait[..], &["--work", "1h"]].concat());
    must_get(202, &front, event("alice", 5));
    thread::sleep(Duration::from_millis(500)); // it has it in hand, or will not get it
    first.signal("TERM");
    assert_eq!(first.wait(), Some(0));
    let _second = cluster.worker("back", &[&wait[..], &["--work", "0s"]].concat());
    until_done(front.addr(), 1);
}

#[test]
fn work_that_takes_longer_than_the_ack_wait_is_not_handed_out_twice() {
    let Some(cluster) = shared() else { return };
    let options = ["--ack-wait", "2s", "--partitions", "1"];
    let front = cluster.server("long", &[&options[..], &["--role", "front"]].concat());
    let _slow = cluster.worker("long", &[&options[..], &["--work", "5s"]].concat());
    let began = Instant::now();
    must_get(202, &front, event("alice", 5));
    thread::sleep(Duration::from_secs(1)); // it has it in hand, or the other one has
    let _fast = cluster.worker("long", &[&options[..], &["--work", "0s"]].concat());
    let after = until_done(front.addr(), 1);
    assert!(began.elapsed() >= Duration::from_secs(5), "the other one has applied it: {after}");
}

#[test]
fn a_stream_with_other_limits_is_not_used() {
    let Some(cluster) = shared() else { return };
    let _server = cluster.server("limits", &["--queue", "10"]);
    for other in [["--queue", "99"], ["--partitions", "5"], ["--replicas", "1"]] {
        let args = [&["--nats", &cluster.nats, "--name", "limits", "--queue", "10"], &other[..]];
        // the last --queue of two would be an error of the command line
        let args: Vec<_> = match other[0] {
            "--queue" => vec!["--nats", &cluster.nats, "--name", "limits", "--queue", "99"],
            _ => args.concat(),
        };
        must_fail(&args, "the stream limits exists with other limits");
    }
}

#[test]
fn accounts_whose_stream_is_gone_are_not_used() {
    let Some(cluster) = shared() else { return };
    let options = ["--work", "0s", "--queue", "10"];
    let server = cluster.server("gone", &options);
    must_get(202, &server, event("alice", 5));
    until_done(server.addr(), 1);
    drop(server);
    drop(cluster.server("gone", &options)); // on its own stream it starts again
    cluster.delete_stream("gone");
    let args = [&["--nats", &cluster.nats, "--name", "gone"], &options[..]].concat();
    for _ in ["without a stream", "with a new one"] {
        must_fail(&args, "the accounts in the bucket gone-accounts belong to an earlier stream");
    }
}

/// Expects one line that contains this, and exit code 1.
#[track_caller]
fn must_fail(args: &[&str], with: &str) {
    let output = run(BINARY, &[&["--addr", "127.0.0.1:0"], args].concat(), &[("RUST_LOG", "off")]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
    assert_eq!(errors.lines().count(), 1, "{args:?}: {errors}");
    assert!(errors.contains(with), "{args:?}: {errors}");
}

#[test]
fn a_cluster_that_cannot_keep_the_promise_is_one_line_and_exit_code_1() {
    for version in ["2.9.10", "2.10.26", "2.11.11", "1.99.0"] {
        let old = introduces_itself_with(of_version(version, true), "PONG");
        must_fail(&["--nats", &old], &format!("nats-server {version} loses events"));
    }
    let plain = introduces_itself_with(of_version("2.12.0", false), "PONG");
    must_fail(&["--nats", &plain], "this server has no JetStream");
    let closed =
        introduces_itself_with(of_version("2.15.1", true), "-ERR 'Authorization Violation'");
    must_fail(&["--nats", &closed], "wrong user or password");
    must_fail(&["--nats", "127.0.0.1:1"], "no NATS server at 127.0.0.1:1");
    must_fail(&["--nats", "nats://:x"], "--nats nats://:x: ");
}

#[test]
fn replicas_need_a_cluster() {
    let Some(cluster) = shared() else { return };
    let began = Instant::now();
    must_fail(&["--nats", &cluster.nats, "--name", "five", "--replicas", "5"], "JetStream: ");
    assert!(began.elapsed() < PATIENCE);
}
