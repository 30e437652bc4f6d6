//! Stage 6: a signal ends it at once, and what waits is applied after the next start.

mod durable;

use durable::{Data, end_of, keyed};
use std::time::{Duration, Instant};
use testkit::{
    PATIENCE, Peer, Server, ask, event, final_figures, get, is_ignored, json, must_have_status,
    must_stop_accepting, wait_until,
};

/// A client whose event, with the key k1, is on its way to a slow disk: another one with the same
/// key has got 503.
fn client_of_an_event_in_flight(server: &Server) -> Peer {
    let [mut first, mut second] = [(); 2].map(|()| Peer::connect(server.addr()));
    for peer in [&mut first, &mut second] {
        peer.send(keyed("k1", "alice", 5));
    }
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "both are stored, or none");
        for _ in 0..2 {
            if let Some(response) = second.response_within(Duration::from_millis(20)) {
                must_have_status(&response, 503, "the second with this key");
                return first;
            }
            std::mem::swap(&mut first, &mut second);
        }
    }
}

#[test]
fn a_signal_ends_it_at_once_and_what_waits_is_applied_after_the_next_start() {
    for signal in ["TERM", "INT", "HUP"].into_iter().filter(|signal| !is_ignored(signal)) {
        let data = Data::new();
        let server = data.start(&["--work", "1h", "--queue", "32"]);
        for _ in 0..20 {
            must_have_status(&ask(server.addr(), event("alice", 1)), 202, "an event");
        }
        server.signal(signal).unwrap();
        let ended = end_of(server); // 20 hours before the work is done
        assert_eq!(ended.status.code(), Some(0), "SIG{signal}");
        assert_eq!(
            final_figures(&ended),
            serde_json::json!({
                "capacity": 32, "queued": 19, "accepted": 20, "rejected": 0, "processed": 0, "failed": 0,
            })
        );
        let server = data.start(&["--work", "0s"]);
        wait_until(server.addr(), "/stats", |stats| stats["processed"] == 20);
        let balances = json(&ask(server.addr(), get("/balances")));
        assert_eq!(balances, serde_json::json!({"alice": 20}));
    }
}

#[test]
fn on_a_signal_what_is_being_stored_gets_its_202_and_what_comes_later_503() {
    let data = Data::new();
    let server = data.start(&["--work", "1h", "--sync", "3s"]);
    let [mut late, mut reader] = [(); 2].map(|()| Peer::connect(server.addr()));
    for peer in [&mut late, &mut reader] {
        peer.send(get("/stats")).response();
    }
    let mut early = client_of_an_event_in_flight(&server);
    server.signal("TERM").unwrap();
    must_stop_accepting(&server);
    must_have_status(&late.send(keyed("k2", "alice", 7)).response(), 503, "a later event");
    must_have_status(&reader.send(get("/stats")).response(), 200, "a later request");
    must_have_status(&early.response(), 202, "the event that was being stored");
    let ended = end_of(server);
    assert_eq!((ended.status.code(), &final_figures(&ended)["accepted"]), (Some(0), &1.into()));
    let server = data.start(&["--work", "0s"]);
    wait_until(server.addr(), "/balances", |balances| balances["alice"] == 5);
}

#[test]
fn a_second_signal_does_not_wait_for_the_disk() {
    let data = Data::new();
    let mut server = data.start(&["--work", "1h", "--sync", "1h"]);
    let mut peer = client_of_an_event_in_flight(&server);
    server.signal("TERM").unwrap();
    let began = Instant::now();
    // those of the first tenth of a second count with the first
    while server.is_running() {
        let _ = server.signal("TERM"); // it may just have ended
        assert!(began.elapsed() < PATIENCE, "no second signal ends it");
    }
    assert_eq!(end_of(server).status.code(), Some(128 + 15));
    assert!(peer.response_or_end().is_none(), "no promise was made");
}
