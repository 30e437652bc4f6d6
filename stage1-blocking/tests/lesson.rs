//! Proves the lesson of stage 1: what it does well, and how one client blocks all the others.

use claims::Verdict;
use http1::MAX_BODY;
use std::time::Duration;
use testkit::{
    Peer, Server, ask, contract, expect_silence_for, get, must_be, must_be_kept_in_time, post,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stage1-blocking");

/// How long silence must last to count as silence.
const A_WHILE: Duration = Duration::from_millis(300);

/// Beginnings of a request.
const HALF_A_HEAD: &str = "POST / HTTP/1.1\r\nHost: te";
const HALF_A_BODY: &str = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello";

fn start() -> Server {
    testkit::start(BINARY, &[])
}

/// Clients that each send their own number and disconnect after the response.
fn normal_clients(server: &Server, count: usize) -> Vec<Peer> {
    let ask_for = |number: usize| {
        let mut peer = Peer::connect(server.addr()); // which the kernel does on the server's behalf
        let number = number.to_string();
        let length = number.len();
        peer.send(format!(
            "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{number}"
        ));
        peer
    };
    (0..count).map(ask_for).collect()
}

fn all_must_be_served(clients: &mut [Peer]) {
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().into_body(), number.to_string());
        client.expect_eof();
    }
}

/// A client that sends this and stops.
fn culprit(server: &Server, sent: &str) -> Peer {
    let mut culprit = Peer::connect(server.addr());
    culprit.send(sent);
    culprit
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
fn a_connection_lasts_as_long_as_its_requests_say() {
    contract::must_keep_connections_as_asked(start().addr());
}

#[test]
fn pipelined_requests_are_served_in_order() {
    let server = start();
    let mut peer = Peer::connect(server.addr());
    let requests: Vec<_> = (0..100).map(|number: u8| post("/", number.to_string())).collect();
    peer.send(requests.concat()).end_input();
    for number in 0..100 {
        assert_eq!(peer.response().into_body(), number.to_string());
    }
    peer.expect_eof();
}

#[test]
fn a_client_that_expects_100_continue_gets_it() {
    contract::must_send_continue(start().addr());
}

#[test]
fn malformed_input_is_rejected_and_the_next_client_is_served() {
    let server = start();
    let rejected = |status, message: &str| contract::must_reject(server.addr(), status, message);
    let too_much = "x".repeat(MAX_BODY + 1);
    rejected(400, "hello\r\n\r\n");
    rejected(400, "\x16\x03\x01"); // TLS
    rejected(400, "GET / HTTP/1.1\r\n\r\n");
    rejected(400, "GET / HTTP/1.1\r\nHost : test\r\n\r\n");
    rejected(
        413,
        &format!(
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n{too_much}",
            too_much.len()
        ),
    );
    rejected(414, &get(&format!("/{}", "x".repeat(9000))));
    rejected(
        417,
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: more\r\n\r\nhello",
    );
    rejected(431, &format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(17_000)));
    rejected(501, "CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n");
    rejected(505, "GET / HTTP/2.0\r\nHost: test\r\n\r\n");
    contract::must_let_a_rejected_sender_finish(server.addr());
}

#[test]
fn a_client_that_disconnects_half_way_gets_no_response_and_the_next_one_is_served() {
    let server = start();
    for sent in ["", HALF_A_HEAD, HALF_A_BODY] {
        let mut leaving = culprit(&server, sent);
        leaving.end_input().expect_eof();
        assert_eq!(ask(server.addr(), post("/", sent)).into_body(), sent);
    }
}

#[test]
fn clients_that_disconnect_before_their_response_do_no_harm() {
    contract::must_survive_clients_that_disconnect(start().addr());
}

#[test]
fn ten_at_once_do_not_wait_for_each_other() {
    must_be_kept_in_time("concurrent", start().addr());
}

// --- what fails, as it must

#[test]
fn a_silent_client_blocks_every_other_client() {
    must_block_every_other_client("");
}

#[test]
fn half_a_head_blocks_every_other_client() {
    must_block_every_other_client(HALF_A_HEAD);
}

#[test]
fn half_a_body_blocks_every_other_client() {
    must_block_every_other_client(HALF_A_BODY);
}

/// As soon as that client is gone, all the others are served.
fn must_block_every_other_client(sent: &str) {
    let server = start();
    let mut culprit = culprit(&server, sent);
    let mut others = normal_clients(&server, 10);
    expect_silence_for(&mut others, A_WHILE);
    culprit.expect_nothing_for(Duration::from_millis(1));
    drop(culprit);
    all_must_be_served(&mut others);
}

#[test]
fn an_idle_client_blocks_every_other_client() {
    let server = start();
    let mut staying = culprit(&server, HALF_A_BODY);
    let mut others = normal_clients(&server, 10);
    expect_silence_for(&mut others, A_WHILE);
    assert_eq!(staying.send("world").response().into_body(), "helloworld"); // late, and right all the same
    expect_silence_for(&mut others, A_WHILE);
    drop(staying);
    all_must_be_served(&mut others);
}

#[test]
fn there_is_no_deadline() {
    let server = start();
    let mut silent = Peer::connect(server.addr());
    let mut other = normal_clients(&server, 1);
    expect_silence_for(&mut other, Duration::from_secs(2));
    silent.expect_nothing_for(Duration::from_millis(1));
    // it is kept open all the time, so a response to it would be seen first
    assert_eq!(silent.send(post("/", "at last")).response().into_body(), "at last");
    expect_silence_for(&mut other, A_WHILE);
    drop(silent);
    all_must_be_served(&mut other);
}

#[test]
fn the_claims_it_must_break_are_broken() {
    for (claim, figure) in [
        ("slow-client", "no response in 2 s"), // exactly: it recovers after the silent client has disconnected
        ("slow-request", "no response in 2 s"),
        ("garbage", "accepted 12 of 12"),
        ("burst", "accepted 100, rejected none"),
    ] {
        assert_eq!(must_be(Verdict::Broken, claim, start().addr()).figure, figure);
    }
}

// --- how it starts

#[test]
fn the_banner_says_where_it_listens_and_what_to_try() {
    contract::must_print_its_banner(BINARY, 1, "stage1-blocking");
    contract::must_list_its_options(BINARY, &[("--addr", "127.0.0.1:8080")]);
}

#[test]
fn an_invalid_address_is_rejected() {
    contract::must_reject_arguments(
        BINARY,
        &[
            &["--addr"],
            &["--addr", ""],
            &["--addr", "127.0.0.1"],
            &["--addr", "8080"],
            &["--addr", ":8080"],
            &["--addr", "127.0.0.1:http"],
            &["--addr", "127.0.0.1:65536"],
            &["--addr", "127.0.0.1:-1"],
            &["--addr", "http://127.0.0.1:8080"],
            &["--timeout", "1s"], // which it has not
        ],
    );
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
