//! Proves the lesson of stage 2: no client waits for another, and none is ever disconnected.

use claims::{GARBAGE, Verdict};
use http1::MAX_BODY;
use std::time::Duration;
use testkit::{
    Peer, Server, ask, contract, expect_silence_for, get, must_be, must_be_kept_in_time,
    needs_descriptors, post, start_with, start_with_descriptors,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stage2-async");

/// How long silence must last to count as silence.
const A_WHILE: Duration = Duration::from_millis(300);

/// What stuck clients send, what is missing of it, and the response that they would get.
const STUCK: [(&str, &str, &str); 3] = [
    ("", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    ("POST / HTTP/1.1\r\nHost: te", "st\r\nContent-Length: 5\r\n\r\nthere", "there"),
    ("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello", "world", "helloworld"),
];

fn start() -> Server {
    testkit::start(BINARY, &[])
}

fn start_with_one_worker() -> Server {
    start_with(BINARY, &[], &[("TOKIO_WORKER_THREADS", "1")])
}

fn silent_clients(server: &Server, count: usize) -> Vec<Peer> {
    (0..count).map(|_| Peer::connect(server.addr())).collect()
}

/// Clients that begin a request in each of these ways, so many each, and stop.
fn stuck_clients(server: &Server, of_each: usize) -> Vec<Peer> {
    let mut clients = silent_clients(server, of_each * STUCK.len());
    for (client, (sent, ..)) in clients.iter_mut().zip(STUCK.iter().cycle()) {
        client.send(sent);
    }
    clients
}

fn must_serve(server: &Server) {
    assert_eq!(ask(server.addr(), post("/", "hello")).body(), "hello");
}

// --- what holds

#[test]
fn every_body_comes_back() {
    contract::must_echo_every_body(start().addr());
}

#[test]
fn a_request_that_arrives_byte_by_byte_is_one_request() {
    contract::must_echo_a_request_sent_byte_by_byte(start().addr());
}

#[test]
fn any_method_and_path_are_accepted() {
    contract::must_echo_any_method(start().addr());
}

#[test]
fn twenty_silent_clients_block_no_one_else() {
    let server = start();
    must_block_no_one_else(&server, silent_clients(&server, 20));
}

#[test]
fn twenty_silent_clients_do_not_block_a_single_worker_thread() {
    let server = start_with_one_worker();
    must_block_no_one_else(&server, silent_clients(&server, 20));
}

#[test]
fn half_a_head_and_half_a_body_block_no_one_else() {
    let server = start_with_one_worker();
    must_block_no_one_else(&server, stuck_clients(&server, 20));
}

#[test]
fn a_thousand_silent_clients_block_no_one_else() {
    needs_descriptors(1200); // ours and, since it inherits the limit, the server's
    let server = start();
    must_block_no_one_else(&server, silent_clients(&server, 1000));
}

fn must_block_no_one_else(server: &Server, mut clients: Vec<Peer>) {
    for _ in 0..20 {
        must_serve(server);
    }
    expect_silence_for(&mut clients, Duration::from_millis(1)); // they were there all the time
}

#[test]
fn slow_and_fast_clients_do_not_wait_for_each_other() {
    a_fast_client_is_served_between_any_two_bytes_of_a_slow_one(&start());
}

#[test]
fn slow_and_fast_clients_do_not_wait_for_each_other_on_one_thread() {
    a_fast_client_is_served_between_any_two_bytes_of_a_slow_one(&start_with_one_worker());
}

fn a_fast_client_is_served_between_any_two_bytes_of_a_slow_one(server: &Server) {
    let mut slow = Peer::connect(server.addr());
    let mut fast = Peer::connect(server.addr());
    for (number, byte) in post("/", "slow").into_iter().enumerate() {
        slow.expect_nothing_for(Duration::from_millis(1));
        slow.send([byte]);
        assert_eq!(
            fast.send(post("/", number.to_string())).response().into_body(),
            number.to_string()
        );
    }
    assert_eq!(slow.response().into_body(), "slow");
}

#[test]
fn a_client_that_does_not_read_its_response_blocks_no_one_else() {
    let server = start_with_one_worker();
    let mut not_reading = Peer::connect(server.addr());
    not_reading.send_until_stuck(post("/", vec![b'x'; MAX_BODY]), A_WHILE);
    for _ in 0..20 {
        must_serve(&server);
    }
}

#[test]
fn malformed_input_is_rejected_and_the_next_client_is_served() {
    let server = start();
    let rejected = |status, message: &str| contract::must_reject(server.addr(), status, message);
    let too_much = "x".repeat(MAX_BODY + 1);
    rejected(400, "hello\r\n\r\n");
    rejected(
        413,
        &format!(
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n{too_much}",
            too_much.len()
        ),
    );
    rejected(505, "GET / HTTP/2.0\r\nHost: test\r\n\r\n");
    contract::must_let_a_rejected_sender_finish(server.addr());
}

#[test]
fn clients_that_disconnect_before_their_response_do_no_harm() {
    contract::must_survive_clients_that_disconnect(start().addr());
}

#[test]
fn without_descriptors_it_waits_and_goes_on() {
    let mut server = start_with_descriptors(BINARY, &[], 32);
    let mut silent = silent_clients(&server, 64);
    let mut normal = Peer::connect(server.addr()); // so far with the kernel alone
    normal.send(get("/")).expect_nothing_for(A_WHILE);
    expect_silence_for(&mut silent, Duration::from_millis(1));
    assert!(server.is_running());
    drop(silent);
    assert_eq!(normal.response().status().as_u16(), 200);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "elsewhere the kernel's limit may be lower")]
fn hundreds_of_clients_wait_in_the_kernel_until_a_busy_server_has_time() {
    needs_descriptors(700);
    let server = start();
    server.signal("STOP").unwrap(); // a halted process accepts nothing
    let mut waiting = silent_clients(&server, 500); // std's backlog would hold 128
    server.signal("CONT").unwrap();
    for client in &mut waiting {
        assert_eq!(client.send(get("/")).response().status().as_u16(), 200);
    }
}

#[test]
fn the_claims_it_must_keep_are_kept() {
    for claim in ["slow-client", "slow-request", "concurrent"] {
        must_be_kept_in_time(claim, start().addr());
    }
}

// --- what fails, as it must

#[test]
fn stuck_clients_are_never_disconnected() {
    let server = start();
    let mut held = stuck_clients(&server, 20);
    expect_silence_for(&mut held, Duration::from_secs(2));
    for _ in 0..3 {
        held.extend(stuck_clients(&server, 20));
        must_serve(&server);
        expect_silence_for(&mut held, A_WHILE);
    }
    // each of the 240 is still served if it goes on
    for (client, (_, missing, answer)) in held.iter_mut().zip(STUCK.iter().cycle()) {
        assert_eq!(client.send(missing).response().into_body(), answer);
    }
}

#[test]
fn garbage_is_echoed() {
    let server = start();
    let mut peer = Peer::connect(server.addr());
    for garbage in &GARBAGE {
        let response = peer.send(post("/events", garbage.body)).response();
        assert_eq!(
            (response.status().as_u16(), &response.body()[..]),
            (200, garbage.body),
            "{}",
            garbage.what
        );
    }
}

#[test]
fn the_claims_it_must_break_are_broken() {
    for (claim, figure) in
        [("garbage", "accepted 12 of 12"), ("burst", "accepted 100, rejected none")]
    {
        assert_eq!(must_be(Verdict::Broken, claim, start().addr()).figure, figure);
    }
}

// --- how it starts

#[test]
fn the_banner_says_where_it_listens_and_what_to_try() {
    contract::must_print_its_banner(BINARY, 2, "stage2-async");
    contract::must_list_its_options(BINARY, &[("--addr", "127.0.0.1:8080")]);
    contract::must_reject_arguments(BINARY, &[&["--addr", "8080"], &["--timeout", "1s"]]);
}

#[test]
fn an_address_in_use_is_one_clear_line() {
    contract::must_report_an_address_in_use(BINARY);
}

#[test]
fn each_connection_is_a_line_in_the_log() {
    contract::must_log_each_connection(BINARY);
}

#[test]
fn a_log_that_nothing_reads_blocks_no_client() {
    contract::must_serve_while_its_log_is_not_read(BINARY);
}
