//! Stage 6: `kill -9` at any moment breaks no promise.

mod durable;

use durable::{Data, end_of, keyed};
use http1::{Decoded, Decoder, Response};
use std::io::{Read, Write};
use std::mem::replace;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};
use testkit::{OnDrop, PATIENCE, ask, get, json, wait_until};

/// What clients and rounds share.
struct Load {
    /// Where the server listens now.
    addr: Mutex<SocketAddr>,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    /// How many events were sent again, since the server died before its response.
    lost_responses: AtomicU64,
    rejected: AtomicU64,
}

impl Load {
    /// A client that sends one event after another, each with its key and again until it is
    /// acknowledged. Amounts alternate between +H and −H, so an event that is applied twice or out
    /// of order overflows. Returns how many were acknowledged.
    fn client(&self, user: &str) -> i64 {
        let mut connection = None;
        for number in 0.. {
            if self.stop.load(Relaxed) {
                return number;
            }
            let amount = if number % 2 == 0 { i64::MAX } else { -i64::MAX };
            let event = keyed(&format!("{user}-{number}"), user, amount);
            let began = Instant::now();
            loop {
                assert!(began.elapsed() < PATIENCE, "{user} waits for event {number}");
                match self.send(&mut connection, &event) {
                    Ok(response) if response.status() == 202 => break,
                    Ok(response) => {
                        assert_eq!(response.status(), 503, "{:?}", response.body());
                        self.rejected.fetch_add(1, Relaxed);
                        thread::sleep(Duration::from_millis(1)); // not for the second that it asks for
                    }
                    Err(_) => {
                        if connection.take().is_some() {
                            self.lost_responses.fetch_add(1, Relaxed);
                        }
                        thread::sleep(Duration::from_millis(1)); // until the next server listens
                    }
                }
            }
            self.acknowledged.fetch_add(1, Relaxed);
        }
        unreachable!("there are more numbers than time")
    }

    fn send(&self, connection: &mut Option<TcpStream>, event: &[u8]) -> io::Result<Response> {
        let stream = match connection {
            Some(stream) => stream,
            None => {
                let addr = *self.addr.lock().unwrap_or_else(PoisonError::into_inner);
                let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
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

/// Kills servers in so many rounds, each with the options whose turn it is, at random moments
/// under load, and then compares what was acknowledged with what was applied.
fn must_survive(rounds: usize, clients: usize, options: &[&[&str]]) {
    let data = Data::new();
    let mut server = data.start(options[0]);
    let load = Load {
        addr: Mutex::new(server.addr()),
        stop: AtomicBool::new(false),
        acknowledged: AtomicU64::new(0),
        lost_responses: AtomicU64::new(0),
        rejected: AtomicU64::new(0),
    };
    let users: Vec<_> = (0..clients).map(|number| format!("user{number}")).collect();
    let (sent, mut longest_start) = (Mutex::new(Vec::new()), Duration::ZERO);
    thread::scope(|scope| {
        let (load, sent) = (&load, &sent);
        for user in &users {
            scope.spawn(move || {
                let count = load.client(user);
                sent.lock().expect("no client panics here").push((user, count));
            });
        }
        let _end = OnDrop(|| load.stop.store(true, Relaxed)); // also after a panic
        for round in 1..=rounds {
            let some = load.acknowledged.load(Relaxed) + fastrand::u64(..500);
            let began = Instant::now();
            while load.acknowledged.load(Relaxed) <= some {
                assert!(began.elapsed() < PATIENCE, "round {round}: no event is acknowledged");
                thread::sleep(Duration::from_micros(fastrand::u64(1..2000))); // at no special moment
            }
            server.signal("KILL").expect("it runs");
            let began = Instant::now();
            // the one before is not waited for, as in a script
            end_of(replace(&mut server, data.start(options[round % options.len()])));
            *load.addr.lock().expect("no client panics here") = server.addr();
            longest_start = longest_start.max(began.elapsed());
        }
    });
    let acknowledged = load.acknowledged.load(Relaxed);
    let stats = wait_until(server.addr(), "/stats", |stats| {
        stats["accepted"]
            == stats["processed"].as_u64().unwrap_or(0) + stats["failed"].as_u64().unwrap_or(0)
    });
    println!(
        "{rounds} rounds, {acknowledged} events acknowledged, {:?} responses lost, {:?} rejections, \
         longest start {longest_start:?}: {stats}; {} bytes",
        load.lost_responses,
        load.rejected,
        std::fs::metadata(data.path()).expect("the data").len(),
    );
    assert_eq!(stats["accepted"], acknowledged, "each event counts once");
    assert_eq!(stats["failed"], 0, "an event was applied twice or out of order");
    let balances = json(&ask(server.addr(), get("/balances")));
    for (user, count) in sent.into_inner().expect("no client panics here") {
        let expected = if count % 2 == 0 { 0 } else { i64::MAX };
        assert_eq!(balances[user], expected, "{user} after {count} events");
    }
}

/// As many as `ROUNDS` says.
fn rounds(usual: usize) -> usize {
    std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

#[test]
fn kill_9_at_any_moment_loses_no_acknowledged_event_and_applies_none_twice() {
    must_survive(rounds(40), 32, &[&["--work", "0s", "--queue", "1000"]]);
}

#[test]
fn kill_9_with_a_backlog_and_changing_options_breaks_no_promise() {
    must_survive(
        rounds(40) / 4,
        16,
        &[
            &["--work", "1ms", "--queue", "200"],
            &["--work", "1ms", "--queue", "4"],
            &["--work", "0s", "--group", "1"],
            &["--work", "0s", "--sync", "2ms"],
        ],
    );
}
