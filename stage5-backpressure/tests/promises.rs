//! Stage 5 under load: no flood and no signal breaks a promise.

use load::{Plan, Shape, Until};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use testkit::{
    OnDrop, PATIENCE, Peer, Server, ask, event, final_figures, get, is_ignored, needs_descriptors,
    start, start_with_jammed_log, wait_until,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stage5-backpressure");

/// A random number below `below`.
fn random(below: u64) -> u64 {
    RandomState::new().build_hasher().finish() % below
}

/// Floods a server, each user over a separate connection and `ahead` events at a time; the sum of each user's
/// acknowledged amounts.
fn flood(server: &Server, ahead: usize, stop: impl FnOnce(&Server)) -> BTreeMap<String, i64> {
    thread::scope(|scope| {
        let mut floods = Vec::new();
        for number in 0..8 {
            floods.push(scope.spawn(move || {
                let user = format!("user{number}");
                let (mut peer, mut acknowledged, mut amount) = (Peer::connect(server.addr()), 0, 0);
                // until the server closes the connection, or sending fails
                'flood: loop {
                    let amounts: Vec<i64> =
                        (0..ahead).map(|further| amount + further as i64).collect();
                    amount += ahead as i64;
                    let events: Vec<u8> =
                        amounts.iter().flat_map(|amount| event(&user, *amount)).collect();
                    let sent = peer.try_send(events);
                    for amount in amounts {
                        match peer.response_or_end() {
                            Some(response) if response.status().as_u16() == 202 => {
                                acknowledged += amount
                            }
                            Some(_) => {}
                            None => break 'flood,
                        }
                    }
                    if !sent {
                        break;
                    }
                }
                (user, acknowledged)
            }));
        }
        let failed = OnDrop(|| drop(thread::panicking().then(|| server.signal("KILL"))));
        stop(server);
        drop(failed);
        floods.into_iter().map(|flood| flood.join().expect("a flood ends")).collect()
    })
}

#[test]
fn a_signal_at_any_moment_of_a_flood_breaks_no_promise() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    let (mut promises, mut kinds) = (0, HashSet::new());
    for round in 0..rounds {
        let (policy, ahead) = (["reject", "wait"][round % 2], [1, 1, 5][round % 3]);
        let signal = if round % 2 == 1 && !is_ignored("INT") { "INT" } else { "TERM" };
        let (mut log, theirs) = UnixStream::pair().unwrap();
        let mut command = Command::new(BINARY);
        command.args(["--work", "1ms", "--queue", "8", "--when-full", policy]);
        command.env("RUST_LOG", "stage5_backpressure=debug").stderr(OwnedFd::from(theirs));
        let server = Server::start(command).unwrap();
        let some = random(200);
        let acknowledged = flood(&server, ahead, |server| {
            wait_until(server.addr(), "/stats", |stats| stats["accepted"].as_u64() >= Some(some));
            server.signal(signal).unwrap();
        });
        let ended = server.wait().unwrap();
        let what = format!("round {round}: {policy}, {ahead} ahead, SIG{signal} after {some}");
        assert_eq!(ended.status.code(), Some(0), "{what}");
        let figures = final_figures(&ended);
        assert_eq!(
            (&figures["queued"], &figures["failed"]),
            (&0.into(), &0.into()),
            "{what}: {figures}"
        );
        assert_eq!(figures["accepted"], figures["processed"], "{what}: {figures}");
        let mut lines = String::new();
        log.read_to_string(&mut lines).unwrap();
        let applied = lines.split("balances=").nth(1).expect("the last balances are in the log");
        let applied: BTreeMap<String, i64> = serde_json::from_str(applied).unwrap();
        let of =
            |balances: &BTreeMap<String, i64>, user: &str| balances.get(user).copied().unwrap_or(0);
        for user in acknowledged.keys() {
            assert_eq!(
                of(&acknowledged, user),
                of(&applied, user),
                "{what}: {user} was promised the first"
            );
        }
        promises += figures["accepted"].as_u64().unwrap();
        kinds.insert((policy, ahead));
    }
    println!(
        "{rounds} rounds, {promises} events acknowledged and applied, {} kinds of flood",
        kinds.len()
    );
}

#[test]
fn a_burst_of_two_thousand_connections_loses_no_response() {
    needs_descriptors(2200);
    let server = start(BINARY, &["--work", "1ms", "--max-connections", "500"]);
    let plan = Plan {
        addresses: server.addr().into(),
        requests: [event("alice", 1)].into(),
        keys: None,
        to_head: false,
        connections: 2000,
        shape: Shape::ClosedLoop,
        until: Until::Count(2000),
        timeout: Duration::from_secs(60),
        keep_alive: true,
        retries: load::Retries::default(),
        watch_queue: false,
        distinct_requests: 0,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stats = runtime.block_on(load::run(plan, std::future::pending(), |_| ())).unwrap();
    assert_eq!(
        (stats.served.total() + stats.shed.total(), stats.total()),
        (2000, 2000),
        "{stats:?}"
    );
    assert!(stats.served.total() > 0 && stats.shed.kinds.keys().all(Option::is_some), "{stats:?}");
    let applied = wait_until(server.addr(), "/stats", |stats| {
        stats["queued"] == 0 && stats["accepted"] == stats["processed"]
    });
    assert_eq!(applied["accepted"], stats.served.total());
}

#[test]
fn a_log_that_nothing_reads_neither_blocks_ten_thousand_requests_nor_the_end() {
    let server = start_with_jammed_log(BINARY, &["--work", "0s", "--queue", "100000"]);
    let mut peer = Peer::connect(server.addr());
    let mut acknowledged = 0;
    for _ in 0..10_000 {
        let status = peer.send(event("alice", 1)).response().status().as_u16();
        acknowledged += u64::from(status == 202);
    }
    assert_eq!(acknowledged, 10_000);
    server.signal("TERM").unwrap();
    let ended = server.wait().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(final_figures(&ended)["processed"], acknowledged);
}

#[test]
fn a_stdout_that_nothing_reads_does_not_prevent_the_end() {
    // stdout and stderr are one pipe, of which only the first line is read
    let mut child = Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" 2>&1", BINARY, "--addr", "127.0.0.1:0", "--work", "1ms"])
        .env("RUST_LOG", "debug")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::with_capacity(1, child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let addr = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
    for _ in 0..1000 {
        ask(addr, get("/a-path-that-makes-a-line-of-the-log-longer-than-it-would-be-without-it"));
    }
    let pid = child.id().to_string();
    Command::new("sh").args(["-c", "kill -s TERM \"$0\"", &pid]).status().unwrap();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait()));
    let status = end.recv_timeout(PATIENCE).expect("it ends, although nothing reads its output");
    assert_eq!(status.unwrap().code(), Some(0));
    drop(output);
}
