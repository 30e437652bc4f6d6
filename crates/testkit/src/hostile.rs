//! Hostile clients against a stage that has deadlines (3 to 5): each is disconnected after its
//! deadline, other clients are served throughout, and resources are released.

use crate::{
    OnDrop, PATIENCE, Peer, Server, ask, get, json, log_of, must_have_status, needs_descriptors,
    post, start, start_with_descriptors, start_with_log,
};
use http1::MAX_BODY;
use std::io::BufRead;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Declares each function here as a test of one stage: its binary, and the arguments that it needs
/// to hold five thousand
/// connections.
#[macro_export]
macro_rules! hostile_scenes {
    ($binary:expr, $args:expr) => {
        $crate::hostile_scenes!(@each $binary;
            a_thousand_stuck_connections_are_closed_and_their_memory_is_returned
            slow_senders_are_disconnected
            a_client_that_never_reads_is_disconnected
            a_gib_after_a_413_is_not_read
            exhausted_descriptors_come_back
            client_bytes_are_escaped_and_cut_in_log_and_response
            a_body_costs_its_size_once
            a_log_that_nothing_reads_blocks_no_client
        );

        #[test]
        fn five_thousand_silent_connections_block_no_one_else() {
            $crate::hostile::five_thousand_silent_connections_block_no_one_else($binary, $args);
        }
    };
    (@each $binary:expr; $($scene:ident)*) => {$(
        #[test]
        fn $scene() {
            $crate::hostile::$scene($binary);
        }
    )*};
}

const HALF_A_HEAD: &str = "POST /events HTTP/1.1\r\nHost: hostile\r\nX-Never: end";
const HALF_A_BODY: &str =
    "POST /events HTTP/1.1\r\nHost: hostile\r\nContent-Length: 1000000\r\n\r\n{\"user\"";
const HALF_A_CHUNK: &str =
    "POST /events HTTP/1.1\r\nHost: hostile\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n{";

/// While `harm` is done to the server, a normal client sends request after request, and each is
/// served.
fn must_serve_throughout<T>(server: &Server, harm: impl FnOnce() -> T) -> T {
    let (addr, done) = (server.addr(), AtomicBool::new(false));
    thread::scope(|scope| {
        let normal = scope.spawn(|| {
            let (mut peer, mut responses) = (Peer::connect(addr), 0);
            while !done.load(Ordering::Relaxed) || responses == 0 {
                let sent = peer.try_send(get("/normal"));
                match peer.response_or_end().filter(|_| sent) {
                    Some(response) if response.status().as_u16() == 404 => responses += 1,
                    // on a busy machine this client can exceed the deadline
                    _ => peer = Peer::connect(addr),
                }
            }
        });
        let enough = OnDrop(|| done.store(true, Ordering::Relaxed));
        let result = harm();
        drop(enough);
        normal.join().expect("the normal client is served");
        result
    })
}

/// Its resident memory, in KiB.
pub fn resident(server: &Server) -> i64 {
    let pid = server.pid().to_string();
    let status = match std::fs::read_to_string(format!("/proc/{pid}/status")) {
        Ok(text) => text.split("VmRSS:").nth(1).unwrap_or_default().to_owned(),
        Err(_) => {
            let output =
                Command::new("ps").args(["-o", "rss=", "-p", &pid]).output().expect("there is ps");
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
    };
    status
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .expect("the system reports a number")
}

/// How many file descriptors it has open.
pub fn descriptors(server: &Server) -> usize {
    let listed = match std::fs::read_dir(format!("/proc/{}/fd", server.pid())) {
        Ok(open) => return open.count(),
        Err(_) => Command::new("lsof").args(["-p", &server.pid().to_string()]).output(),
    };
    String::from_utf8_lossy(&listed.expect("there is lsof").stdout).lines().count()
}

/// Opens connections that stop in the middle of a request, and waits until the server has closed
/// each.
fn stop_half_way(server: &Server, count: usize) {
    let mut peers = Vec::with_capacity(count);
    for number in 0..count {
        let mut peer = Peer::connect(server.addr());
        let sent = [HALF_A_HEAD, HALF_A_BODY, HALF_A_CHUNK, "", "G"][number % 5];
        peer.send(sent);
        peers.push((peer, sent));
        if number % 10 == 0 {
            // it disconnects with an unread response, which resets the connection, in the middle of
            // its next request
            Peer::connect(server.addr()).send(get("/")).send(HALF_A_BODY);
        }
    }
    for (mut peer, sent) in peers {
        if !sent.is_empty() {
            must_have_status(&peer.response(), 408, "half a request");
        }
        peer.expect_eof();
    }
}

/// A thousand connections stop half-way; afterwards the server's memory is within a few MiB of what
/// it was.
pub fn a_thousand_stuck_connections_are_closed_and_their_memory_is_returned(binary: &str) {
    needs_descriptors(1200);
    let server = start(binary, &["--timeout", "2s"]);
    stop_half_way(&server, 100); // so that the server has allocated what it always needs
    let before = resident(&server);
    must_serve_throughout(&server, || stop_half_way(&server, 1000));
    let after = resident(&server);
    assert!(after - before <= 6 * 1024, "{before} KiB before, {after} KiB after");
}

/// Bodies of almost a mebibyte, in each framing: the server's memory grows by their size and a
/// tenth.
pub fn a_body_costs_its_size_once(binary: &str) {
    const COUNT: usize = 40;
    const KIB: i64 = COUNT as i64 * 1024;
    let chunks = |size: usize| {
        let chunk = format!("{size:x}\r\n{}\r\n", "x".repeat(size));
        let head = "POST /events HTTP/1.1\r\nHost: hostile\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{}", chunk.repeat(1024 * 1024 / size))
    };
    let length = format!(
        "POST /events HTTP/1.1\r\nHost: hostile\r\nContent-Length: 1048576\r\n\r\n{}",
        "x".repeat(1_048_575)
    );
    for (what, bytes) in [
        ("Content-Length", length),
        ("one chunk", chunks(1024 * 1024)),
        ("chunks of 4 KiB", chunks(4096)),
        ("chunks of 16 bytes", chunks(16)),
    ] {
        let server = start(binary, &["--timeout", "1m"]);
        must_have_status(&ask(server.addr(), get("/")), 404, "a first client");
        let before = resident(&server);
        let peers: Vec<_> = (0..COUNT)
            .map(|_| {
                let mut peer = Peer::connect(server.addr());
                peer.send(&bytes); // all but its end
                peer
            })
            .collect();
        let began = Instant::now();
        let grown = loop {
            let grown = resident(&server) - before;
            if grown >= KIB * 99 / 100 {
                break grown;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: only {grown} KiB have been read");
        };
        assert!(grown <= KIB * 11 / 10 + 2048, "{what}: {KIB} KiB of bodies cost {grown} KiB");
        drop(peers);
    }
}

/// A valid event of almost a mebibyte, most of it white space.
pub fn padded_event() -> Vec<u8> {
    post("/events", format!(r#"{{"user": "alice", "amount": 1{}}}"#, " ".repeat(MAX_BODY - 30)))
}

/// Events padded to a mebibyte wait, one by one, behind an event that takes an hour: only the
/// events stay in memory.
pub fn waiting_events_do_not_keep_their_requests(binary: &str, args: &[&str]) {
    const COUNT: usize = 60;
    let args = [&["--work", "1h"], args].concat();
    let (server, mut log) = start_with_log(binary, &args, Some("debug"));
    must_have_status(&ask(server.addr(), get("/")), 404, "a first client");
    let before = resident(&server);
    let padded = padded_event();
    let mut peers = Vec::new();
    for _ in 0..COUNT {
        let mut peer = Peer::connect(server.addr());
        peer.send(&padded);
        peers.push(peer);
        let mut line = String::new();
        while !line.contains("path=\"/events\"") {
            line.clear();
            log.read_line(&mut line).expect("the log says that the request is complete");
        }
    }
    let grown = resident(&server) - before;
    // the pages of eight bodies are kept for the next ones
    assert!(grown < 12 * 1024, "{COUNT} waiting events cost {grown} KiB");
}

/// A log that nothing reads costs its lines, never a response.
pub fn a_log_that_nothing_reads_blocks_no_client(binary: &str) {
    crate::contract::must_serve_while_its_log_is_not_read(binary);
}

/// Bytes that come too slowly to end in time: a head, a body, and empty lines before a head.
pub fn slow_senders_are_disconnected(binary: &str) {
    let server = start(binary, &["--timeout", "700ms"]);
    must_serve_throughout(&server, || {
        let mut drips: Vec<_> = ["POST /events HTTP/1.1\r\n", HALF_A_BODY, "\r\n\r\n"]
            .iter()
            .map(|start| (Peer::connect(server.addr()), start.as_bytes().iter().cycle()))
            .collect();
        let began = Instant::now();
        while drips
            .iter_mut()
            .any(|(peer, bytes)| bytes.next().is_some_and(|byte| peer.try_send([*byte])))
        {
            assert!(began.elapsed() < PATIENCE, "a connection that drips is still open");
            thread::sleep(Duration::from_millis(50)); // the pace of the attack
        }
    });
}

/// A client sends requests and never reads: the server stops responding and then disconnects it.
pub fn a_client_that_never_reads_is_disconnected(binary: &str) {
    let server = start(binary, &["--timeout", "700ms"]);
    must_serve_throughout(&server, || {
        let mut client = Peer::connect(server.addr());
        client.send_until_stuck(get("/").repeat(1000), Duration::from_millis(200));
        let began = Instant::now();
        while client.try_send(get("/")) {
            assert!(began.elapsed() < PATIENCE, "a connection that never reads is still open");
        }
    });
}

/// A client that is rejected and goes on for a GiB gets its response, and its GiB is not read.
pub fn a_gib_after_a_413_is_not_read(binary: &str) {
    let server = start(binary, &["--timeout", "700ms"]);
    must_serve_throughout(&server, || {
        let mut endless = Peer::connect(server.addr());
        endless.send(format!(
            "POST /events HTTP/1.1\r\nHost: hostile\r\nContent-Length: {}\r\n\r\n",
            1 << 30
        ));
        must_have_status(&endless.response(), 413, "a GiB");
        let (mib, mut sent) = (vec![b'x'; 1 << 20], 0);
        while endless.try_send(&mib) {
            sent += 1;
            assert!(sent < 64, "{sent} MiB were read after a 413");
        }
    });
}

/// Five thousand silent connections are held and closed, and no other client notices.
pub fn five_thousand_silent_connections_block_no_one_else(binary: &str, args: &[&str]) {
    needs_descriptors(5200);
    let server = start(binary, &[&["--timeout", "3s"], args].concat());
    must_serve_throughout(&server, || {
        let mut silent: Vec<Peer> = (0..5000).map(|_| Peer::connect(server.addr())).collect();
        for peer in &mut silent {
            peer.expect_eof();
        }
    });
}

/// Without free descriptors the server waits, and continues when the deadline has released some.
pub fn exhausted_descriptors_come_back(binary: &str) {
    let server = start_with_descriptors(binary, &["--timeout", "500ms"], 32);
    let mut silent: Vec<Peer> = (0..100).map(|_| Peer::connect(server.addr())).collect();
    must_have_status(&ask(server.addr(), get("/")), 404, "the next client");
    for peer in &mut silent {
        peer.expect_eof();
    }
    must_have_status(&ask(server.addr(), get("/")), 404, "the last client");
}

/// What a client sends is quoted, escaped and cut, so that it can neither forge nor flood the log
/// and the response.
pub fn client_bytes_are_escaped_and_cut_in_log_and_response(binary: &str) {
    let long = "x".repeat(7000);
    let log = log_of(binary, Some("debug"), 14, |addr| {
        let esc = "\u{1b}[2J\u{85}é";
        for (request, status) in [
            (get(&format!("/{long}")), 404),
            (format!("{long} / HTTP/1.1\r\nHost: a\r\n\r\n"), 404),
            (format!("GET / HTTP/1.1\r\nHost: {long} {esc}\r\n\r\n"), 400),
            (format!("GET / HTTP/1.1\r\nHost: {esc}\r\n\r\n"), 400),
            (format!("GET / HTTP/1.1\r\nHost: a\r\nExpect: é{long}\r\n\r\n"), 417),
            (
                String::from_utf8_lossy(&post("/events", format!(r#"{{"{long}": 1}}"#)))
                    .into_owned(),
                422,
            ),
            (
                String::from_utf8_lossy(&post("/events", r#"{"\u001b[2J\u0085\r\nforged": 1}"#))
                    .into_owned(),
                422,
            ),
        ] {
            let response = ask(addr, &request);
            must_have_status(&response, status, &request);
            let problem = json(&response);
            let detail = problem["detail"].as_str().expect("a sentence");
            assert!(
                detail.chars().count() <= 401 && !detail.contains(char::is_control),
                "{detail:?}"
            );
        }
    });
    for line in log.lines() {
        assert!(line.len() < 500 && !line.contains(char::is_control), "{line:?}");
    }
    // seven times: connection, request (if it was valid), response
    assert!((14..=21).contains(&log.lines().count()), "{log}");
}
