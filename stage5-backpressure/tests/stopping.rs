//! Stage 5: a 202 is a promise, also when the server stops.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use testkit::{
    PATIENCE, Peer, Server, ask, ask_at_once, event, final_figures, get, is_ignored, json,
    must_have_status, must_stop_accepting, wait_until,
};

fn start(args: &[&str]) -> Server {
    testkit::start(env!("CARGO_BIN_EXE_stage5-backpressure"), args)
}

#[test]
fn on_a_signal_every_accepted_event_is_applied() {
    for signal in ["TERM", "INT", "HUP"].into_iter().filter(|signal| !is_ignored(signal)) {
        let server = start(&["--work", "20ms", "--queue", "32"]);
        let events: Vec<_> = (0..60).map(|_| event("alice", 1)).collect();
        let answers = ask_at_once(server.addr(), &events);
        let acknowledged =
            answers.iter().filter(|(response, _)| response.status().as_u16() == 202).count();
        server.signal(signal).unwrap();
        let ended = server.wait().unwrap();
        assert_eq!(ended.status.code(), Some(0), "SIG{signal}");
        let figures = final_figures(&ended);
        assert_eq!(
            figures,
            serde_json::json!({
                "capacity": 32, "queued": 0, "accepted": acknowledged, "rejected": 60 - acknowledged,
                "processed": acknowledged, "failed": 0,
            })
        );
    }
}

/// A server with work for an hour in hand that has got a signal.
fn stopping(args: &[&str], before: impl FnOnce(&Server)) -> Server {
    let server = start(&[&["--work", "1h"], args].concat());
    assert_eq!(ask(server.addr(), event("alice", 1)).status().as_u16(), 202);
    before(&server);
    server.signal("TERM").expect("it runs");
    server
}

#[test]
fn on_a_signal_open_connections_stay_open_until_the_process_ends() {
    let (mut idle, mut halfway) = (None, None);
    let mut server = stopping(&[], |server| {
        let mut peer = Peer::connect(server.addr());
        peer.send(get("/stats")).response();
        idle = Some(peer);
        let mut peer = Peer::connect(server.addr());
        // 100 Continue says that the head has arrived
        peer.send("POST /events HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 30\r\n\r\n{\"user\"");
        peer.expect_continue();
        halfway = Some(peer);
    });
    must_stop_accepting(&server);
    let (mut idle, mut halfway) = (idle.unwrap(), halfway.unwrap());
    must_have_status(&idle.send(get("/stats")).response(), 200, "a request after the signal");
    halfway.send(": \"alice\", \"amount\": 1}");
    must_have_status(&halfway.response(), 503, "an event that is complete after the signal");
    must_have_status(&idle.send(event("alice", 1)).response(), 503, "an event after the signal");
    end_at_once(&mut server);
    idle.expect_eof();
    halfway.expect_eof();
}

#[test]
fn on_a_signal_a_response_that_is_being_written_is_finished() {
    const TRIES: usize = 5; // the server gives it a second, in which a busy machine may do nothing
    let finished = (0..TRIES).any(|_| {
        let server = start(&["--work", "0s", "--queue", "500"]);
        for number in 0..500 {
            let user = format!("{number:\u{1f980}>64}"); // 64 characters, 250 bytes and more
            must_have_status(&ask(server.addr(), event(&user, 1)), 202, &user);
        }
        wait_until(server.addr(), "/stats", |stats| stats["processed"] == 500);
        // it reads nothing, and its buffers hold a part of the response
        let mut peer = Peer::connect_narrow(server.addr());
        peer.send(get("/balances")).expect_partial_response();
        server.signal("TERM").unwrap();
        must_stop_accepting(&server);
        let response = peer.response_or_end();
        assert_eq!(server.wait().unwrap().status.code(), Some(0));
        response.is_some_and(|response| response.body().len() > 100_000)
    });
    assert!(finished, "no response was finished in {TRIES} tries");
}

#[test]
fn on_a_signal_events_that_wait_for_a_place_are_rejected() {
    let mut waiting = Vec::new();
    let server = stopping(&["--queue", "1", "--when-full", "wait"], |server| {
        let mut peers: Vec<_> = (0..5).map(|_| Peer::connect(server.addr())).collect();
        for peer in &mut peers {
            peer.send(event("alice", 1));
        }
        // one of them gets the place in the queue
        wait_until(server.addr(), "/stats", |stats| stats["accepted"] == 2);
        waiting = peers;
    });
    let mut statuses: Vec<_> =
        waiting.iter_mut().map(|peer| peer.response().status().as_u16()).collect();
    statuses.sort();
    assert_eq!(statuses, [202, 503, 503, 503, 503]);
    drop(server);
}

#[test]
fn on_a_signal_no_further_connection_is_accepted() {
    let server = stopping(&[], |_| {});
    must_stop_accepting(&server);
}

/// Sends signals until one ends the process: those of the first tenth of a second count with the first.
fn end_at_once(server: &mut Server) {
    let began = Instant::now();
    while server.is_running() {
        let _ = server.signal("TERM"); // it may just have ended
        assert!(began.elapsed() < PATIENCE, "no second signal ends it");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = stopping(&[], |_| {});
    end_at_once(&mut server);
    let ended = server.wait().unwrap(); // an hour before its work is done
    assert_eq!(ended.status.code(), Some(128 + 15));
    assert!(!ended.output.contains("\"accepted\""), "it printed figures that are not final");
}

#[test]
fn signals_in_one_instant_count_as_one() {
    const TRIES: usize = 5; // a busy machine may need more than an instant for two signals
    for signals in [["TERM", "HUP"], ["HUP", "TERM"], ["INT", "TERM"], ["TERM", "TERM"]] {
        let kept = (0..TRIES).any(|_| {
            let server = start(&["--work", "50ms"]);
            for _ in 0..6 {
                must_have_status(&ask(server.addr(), event("alice", 1)), 202, "an event");
            }
            let kill =
                signals.map(|signal| format!("kill -s {signal} {}", server.pid())).join("; ");
            assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
            let ended = server.wait().unwrap();
            ended.status.success() && final_figures(&ended)["processed"] == 6
        });
        assert!(kept, "{signals:?} at once end it before its work is done");
    }
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    for ignored in ["HUP", "INT", "TERM"] {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("trap '' {ignored} && exec \"$0\" \"$@\"")])
            .args([env!("CARGO_BIN_EXE_stage5-backpressure"), "--work", "1ms"])
            .stderr(Stdio::null());
        let server = Server::start(command).unwrap();
        server.signal(ignored).unwrap();
        // a signal that is handled stops it within milliseconds
        for _ in 0..100 {
            must_have_status(&ask(server.addr(), event("alice", 1)), 202, "an event");
            wait_until(server.addr(), "/stats", |stats| stats["queued"] == 0);
        }
        let handled = |signal: &&str| *signal != ignored && !is_ignored(signal);
        // all are ignored if the tests run under `nohup` in the background of a script
        let Some(signal) = ["TERM", "INT", "HUP"].into_iter().find(handled) else { continue };
        server.signal(signal).unwrap();
        let ended = server.wait().unwrap();
        assert_eq!(ended.status.code(), Some(0), "the other signals are handled");
        assert_eq!(final_figures(&ended)["processed"], 100);
    }
}

#[test]
fn kill_9_loses_accepted_events() {
    let server = start(&["--work", "1h"]);
    let events: Vec<_> = (0..5).map(|_| event("alice", 1)).collect();
    for (response, _) in ask_at_once(server.addr(), &events) {
        assert_eq!(response.status().as_u16(), 202);
    }
    server.signal("KILL").unwrap();
    let ended = server.wait().unwrap();
    assert_eq!(ended.status.code(), None, "it was killed");
    let again = start(&["--work", "1ms"]);
    assert_eq!(
        json(&ask(again.addr(), get("/balances"))),
        serde_json::json!({}),
        "five promises, nothing applied"
    );
}

#[test]
fn a_client_that_does_not_read_does_not_prevent_the_end() {
    let server = start(&["--work", "1ms", "--timeout", "300ms"]);
    let mut deaf = Peer::connect(server.addr());
    // far more responses than the socket buffers hold
    deaf.send_until_stuck(get("/stats").repeat(1000), Duration::from_millis(100));
    server.signal("TERM").unwrap();
    assert_eq!(server.wait().unwrap().status.code(), Some(0));
}
