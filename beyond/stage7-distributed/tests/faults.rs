//! Stage 7: whatever is killed or stopped, nothing acknowledged is lost and nothing counts twice.
//!
//! `ROUNDS=100` runs each fault a hundred times, in an hour.

mod cluster;

use cluster::{Cluster, Worker, keyed};
use http1::{Decoded, Decoder, Response};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};
use testkit::{OnDrop, PATIENCE, Server, ask, event, get, json, wait_until};

/// Rounds mostly wait for elections, so those of several faults run side by side, each on a cluster of
/// its own. A test with deadlines of a second runs alone.
static TIME: RwLock<()> = RwLock::new(());

fn alone() -> RwLockWriteGuard<'static, ()> {
    TIME.write().unwrap_or_else(PoisonError::into_inner)
}

fn side_by_side() -> RwLockReadGuard<'static, ()> {
    TIME.read().unwrap_or_else(PoisonError::into_inner)
}

const OPTIONS: [&str; 4] = ["--work", "0s", "--queue", "200"];

/// Two front ends and two workers on a cluster, all of which a fault may end.
struct Room {
    cluster: Cluster,
    fronts: Vec<Server>,
    workers: Vec<Worker>,
}

impl Room {
    fn new() -> Option<Self> {
        let cluster = Cluster::start(&[])?;
        let fronts = (0..2).map(|_| front(&cluster)).collect();
        let workers = (0..2).map(|_| cluster.worker("events", &OPTIONS)).collect();
        Some(Self { cluster, fronts, workers })
    }
}

fn front(cluster: &Cluster) -> Server {
    cluster.server("events", &[&OPTIONS[..], &["--role", "front"]].concat())
}

/// What clients and rounds share.
struct Load {
    /// Where the front ends listen now.
    fronts: Mutex<[SocketAddr; 2]>,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    /// Responses that say that the outcome is unknown, and connections that were lost.
    unknown: AtomicU64,
    rejected: AtomicU64,
    /// In milliseconds.
    longest_wait: AtomicU64,
}

impl Load {
    /// A client that sends one event after another, each with its key and again until it is
    /// acknowledged. Amounts alternate between +H and −H, so an event that is applied twice or out
    /// of order overflows. Returns how many were acknowledged.
    fn client(&self, number: usize) -> i64 {
        let (user, mut connection) = (format!("user{number}"), None);
        for count in 0.. {
            if self.stop.load(Relaxed) {
                return count;
            }
            let amount = if count % 2 == 0 { i64::MAX } else { -i64::MAX };
            let event = keyed(&format!("k{count}"), &user, amount);
            let began = Instant::now();
            loop {
                assert!(began.elapsed() < 2 * PATIENCE, "{user} waits for event {count}");
                match self
                    .send(number, &mut connection, &event)
                    .map(|answer| answer.status().as_u16())
                {
                    Ok(202) => break,
                    Ok(503) => self.rejected.fetch_add(1, Relaxed),
                    Ok(504) => self.unknown.fetch_add(1, Relaxed),
                    Ok(status) => panic!("{user}: {status}"),
                    Err(_) => {
                        connection = None;
                        self.unknown.fetch_add(1, Relaxed)
                    }
                };
                thread::sleep(Duration::from_millis(20)); // not for the second that it asks for
            }
            self.longest_wait.fetch_max(began.elapsed().as_millis() as u64, Relaxed);
            self.acknowledged.fetch_add(1, Relaxed);
        }
        unreachable!("there are more numbers than time")
    }

    fn send(
        &self,
        number: usize,
        connection: &mut Option<TcpStream>,
        event: &[u8],
    ) -> io::Result<Response> {
        let stream = match connection {
            Some(stream) => stream,
            None => {
                let fronts = *self.fronts.lock().unwrap_or_else(PoisonError::into_inner);
                let stream = TcpStream::connect_timeout(&fronts[number % 2], PATIENCE)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                connection.insert(stream)
            }
        };
        stream.write_all(event)?;
        let (mut decoder, mut bytes) = (Decoder::new(), [0; 4096]);
        loop {
            match stream.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => decoder.push(&bytes[..read]),
            }
            match decoder.decode() {
                Ok(Decoded::Complete(response)) => return Ok(response),
                Ok(_) => {}
                Err(bad) => panic!("not a response: {bad}"),
            }
        }
    }
}

/// As many as `ROUNDS` says.
fn rounds() -> usize {
    std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2)
}

/// Breaks something in each round under load, and then compares what was acknowledged with what
/// was applied.
fn must_survive(what: &str, fault: impl Fn(&mut Room, &Load)) {
    const CLIENTS: usize = 16;
    let _time = side_by_side();
    let Some(mut room) = Room::new() else { return };
    let load = Load {
        fronts: Mutex::new([room.fronts[0].addr(), room.fronts[1].addr()]),
        stop: AtomicBool::new(false),
        acknowledged: AtomicU64::new(0),
        unknown: AtomicU64::new(0),
        rejected: AtomicU64::new(0),
        longest_wait: AtomicU64::new(0),
    };
    let sent = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let (load, sent) = (&load, &sent);
        for number in 0..CLIENTS {
            scope.spawn(move || {
                let count = load.client(number);
                sent.lock().expect("no client panics here").push((number, count));
            });
        }
        let _end = OnDrop(|| load.stop.store(true, Relaxed)); // also after a panic
        for round in 1..=rounds() {
            let some = load.acknowledged.load(Relaxed) + fastrand::u64(50..400);
            let began = Instant::now();
            while load.acknowledged.load(Relaxed) <= some {
                assert!(began.elapsed() < 2 * PATIENCE, "round {round}: no event is acknowledged");
                thread::sleep(Duration::from_micros(fastrand::u64(1..2000))); // at no special moment
            }
            fault(&mut room, load);
        }
        let after = load.acknowledged.load(Relaxed);
        let began = Instant::now();
        while load.acknowledged.load(Relaxed) < after + 50 {
            assert!(began.elapsed() < 2 * PATIENCE, "it does not come back");
            thread::sleep(Duration::from_millis(5));
        }
    });
    let acknowledged = load.acknowledged.load(Relaxed);
    let sum = |stats: &serde_json::Value| {
        let figure = |name: &str| stats[name].as_u64().unwrap_or(0);
        figure("processed") + figure("failed") + figure("repeated")
    };
    let addr = room.fronts[0].addr();
    let stats =
        wait_until(addr, "/stats", |stats| stats["queued"] == 0 && stats["accepted"] == sum(stats));
    println!(
        "{what}, {} rounds: {acknowledged} events acknowledged, {:?} responses lost or unknown, {:?} \
         rejections, longest wait {:?} ms: {stats}",
        rounds(),
        load.unknown,
        load.rejected,
        load.longest_wait,
    );
    assert_eq!(stats["failed"], 0, "an event was applied twice or out of order");
    assert_eq!(stats["processed"], acknowledged, "each event counts once");
    let balances = json(&ask(addr, get("/balances")));
    for (number, count) in sent.into_inner().expect("no client panics here") {
        let expected = if count % 2 == 0 { 0 } else { i64::MAX };
        assert_eq!(balances[format!("user{number}")], expected, "user{number}: {count} events");
    }
}

/// Waits until `count` more NATS servers were started again.
fn until_started(cluster: &Cluster, count: usize) {
    let began = Instant::now();
    while cluster.starts() < count {
        assert!(began.elapsed() < PATIENCE, "a server is not started again");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn kill_9_of_a_front_end_loses_nothing() {
    must_survive("a front end killed", |room, load| {
        let number = fastrand::usize(..2);
        room.fronts[number].signal("KILL").expect("it runs");
        room.fronts[number] = front(&room.cluster);
        load.fronts.lock().expect("no client panics here")[number] = room.fronts[number].addr();
    });
}

#[test]
fn kill_9_of_a_worker_loses_nothing() {
    must_survive("a worker killed", |room, _| {
        let number = fastrand::usize(..2);
        room.workers[number].signal("KILL");
        room.workers[number] = room.cluster.worker("events", &OPTIONS);
    });
}

#[test]
fn a_worker_that_wakes_up_after_its_event_was_given_to_another_changes_nothing() {
    must_survive("a worker stopped for 5 s", |room, _| {
        let number = fastrand::usize(..2);
        room.workers[number].signal("STOP");
        thread::sleep(Duration::from_secs(5)); // longer than the ack wait
        room.workers[number].signal("CONT");
    });
}

#[test]
fn kill_9_of_one_of_three_nats_servers_loses_nothing() {
    must_survive("a NATS server killed, back after 2 s", |room, _| {
        let starts = room.cluster.starts();
        room.cluster.signal(&[fastrand::usize(1..=3)], "KILL");
        until_started(&room.cluster, starts + 1);
    });
}

#[test]
fn a_nats_server_that_hangs_for_5_s_loses_nothing() {
    must_survive("a NATS server stopped for 5 s", |room, _| {
        let number = [fastrand::usize(1..=3)];
        room.cluster.signal(&number, "STOP");
        thread::sleep(Duration::from_secs(5));
        room.cluster.signal(&number, "CONT");
    });
}

#[test]
fn kill_9_of_all_three_nats_servers_loses_nothing() {
    must_survive("all NATS servers killed, back after 2 s", |room, _| {
        let starts = room.cluster.starts();
        room.cluster.signal(&[1, 2, 3], "KILL");
        until_started(&room.cluster, starts + 3);
    });
}

#[test]
fn a_key_counts_once_also_after_the_servers_have_forgotten_it() {
    let _time = side_by_side();
    let Some(cluster) = Cluster::start(&[]) else { return };
    let server = cluster.server("events", &["--work", "0s"]);
    let until_202 = |event: &[u8]| {
        let began = Instant::now();
        loop {
            match ask(server.addr(), event).status().as_u16() {
                202 => return,
                503 | 504 => assert!(began.elapsed() < PATIENCE, "it does not come back"),
                status => panic!("{status}"),
            }
            thread::sleep(Duration::from_millis(50));
        }
    };
    until_202(&keyed("k1", "alice", 5));
    wait_until(server.addr(), "/stats", |stats| stats["processed"] == 1);
    let starts = cluster.starts();
    cluster.signal(&[1, 2, 3], "KILL"); // what was consumed is gone from their table of duplicates
    until_started(&cluster, starts + 3);
    until_202(&keyed("k1", "alice", 5));
    assert_eq!(ask(server.addr(), keyed("k1", "alice", 6)).status().as_u16(), 422);
    until_202(&keyed("k2", "alice", 1));
    let stats = wait_until(server.addr(), "/stats", |stats| stats["processed"] == 2);
    assert_eq!((&stats["queued"], &stats["repeated"]), (&0.into(), &0.into()), "{stats}");
    let server = cluster.server("events", &["--work", "0s"]); // the accounts still have their stream
    assert_eq!(json(&ask(server.addr(), get("/balances"))), serde_json::json!({"alice": 6}));
}

#[test]
fn without_a_server_every_event_is_rejected_at_once_and_it_comes_back_by_itself() {
    let _alone = alone();
    let Some(cluster) = Cluster::start(&["--restart", "12"]) else { return };
    let server = cluster.server("events", &["--work", "0s"]);
    let mut leaving = cluster.server("events", &["--role", "front"]);
    let addr = server.addr();
    assert_eq!(ask(addr, event("alice", 1)).status().as_u16(), 202);
    wait_until(addr, "/stats", |stats| stats["processed"] == 1);
    let starts = cluster.starts();
    cluster.signal(&[1, 2, 3], "KILL");
    let began = Instant::now();
    while ask(addr, event("alice", 100)).status() != 503 {
        assert!(began.elapsed() < Duration::from_secs(4), "it is not noticed");
    }
    for _ in 0..20 {
        let began = Instant::now();
        let response = ask(addr, event("alice", 1000));
        assert_eq!(response.status().as_u16(), 503);
        assert_eq!(response.header(http1::header::RETRY_AFTER), Some("1"));
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    }
    assert_eq!(ask(addr, get("/stats")).status().as_u16(), 503);
    assert_eq!(ask(addr, get("/balances")).status().as_u16(), 503);
    // a signal ends a server also while there is no cluster
    leaving.signal("TERM").expect("it runs");
    let began = Instant::now();
    while leaving.is_running() {
        assert!(began.elapsed() < PATIENCE, "it does not end");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(cluster.starts(), starts, "it waited for the cluster");
    until_started(&cluster, starts + 3);
    let began = Instant::now();
    while ask(addr, keyed("k1", "alice", 7)).status() != 202 {
        assert!(began.elapsed() < PATIENCE, "it does not come back");
        thread::sleep(Duration::from_millis(20));
    }
    println!("back {:?} after the servers", began.elapsed());
    let balances = wait_until(addr, "/balances", |balances| balances["alice"] != 1);
    assert!(balances["alice"].as_i64() < Some(1000), "a rejected event was stored: {balances}");
}

#[test]
fn what_is_not_certain_is_504_and_may_be_applied_later() {
    let _alone = alone();
    let Some(cluster) = Cluster::start(&[]) else { return };
    let server = cluster.server("events", &["--work", "0s"]);
    let addr = server.addr();
    assert_eq!(ask(addr, event("alice", 1)).status().as_u16(), 202);
    cluster.signal(&[1, 2, 3], "STOP");
    let response = ask(addr, event("alice", 10));
    assert_eq!(response.status().as_u16(), 504, "{:?}", response.body());
    let problem = json(&response);
    assert_eq!(problem["type"], "urn:problem:unknown-outcome", "{problem}");
    assert!(problem["detail"].to_string().contains("send it again with its key"), "{problem}");
    assert_eq!(response.header(http1::header::RETRY_AFTER), None, "{problem}");
    // two pings without a response, and it is certain that none is sent
    let began = Instant::now();
    while ask(addr, event("bob", 1)).status() != 503 {
        assert!(began.elapsed() < PATIENCE, "a server that hangs is not noticed");
    }
    cluster.signal(&[1, 2, 3], "CONT");
    wait_until(addr, "/balances", |balances| balances["alice"] == 11);
}
