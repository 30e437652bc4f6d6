//! Requests and responses over sockets; each test runs on both connections.

mod echo;

use echo::{bind_narrow, with_both_servers, with_both_servers_at};
use http1::{MAX_BODY, Response, header};
use std::io::{Read, Write};
use std::thread;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[track_caller]
fn assert_echo(response: &Response, body: &str) {
    assert_eq!(response.status().as_u16(), 200);
    assert!(
        response.body() == body,
        "{} bytes instead of {}: {:.100?}",
        response.body().len(),
        body.len(),
        response.body()
    );
}

#[test]
fn a_response_has_all_its_fields() {
    with_both_servers(|mut client| {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        let response = client.response();
        assert_echo(&response, "hello");
        assert_eq!(response.header(header::CONTENT_LENGTH), Some("5"));
        assert_eq!(response.header(header::CONTENT_TYPE), Some("text/plain; charset=utf-8"));
        assert_eq!(response.header(header::CONNECTION), None);
        assert!(response.header(header::DATE).is_some());
        client.end_input();
        assert_eq!(client.rest(), "");
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    with_both_servers(|mut client| {
        let request = |number: usize| match number % 3 {
            0 => format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"),
            1 => format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n/{number:03}"),
            _ => {
                format!(
                    "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n/{number:03}\r\n0\r\n\r\n"
                )
            }
        };
        client.send((100..200).map(request).collect::<String>());
        for number in 100..200 {
            assert_echo(&client.response(), &format!("/{number}"));
        }
        client.end_input();
        assert_eq!(client.rest(), "");
    });
}

#[test]
fn a_complete_request_followed_by_a_half_close_is_answered() {
    with_both_servers(|mut client| {
        client.send(GET.repeat(3));
        client.end_input();
        for _ in 0..3 {
            assert_echo(&client.response(), "/");
        }
        assert_eq!(client.rest(), "");
    });
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    with_both_servers(|mut client| {
        for byte in "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".bytes() {
            client.send([byte]);
        }
        assert_echo(&client.response(), "hello");
    });
}

#[test]
fn a_response_to_head_has_the_fields_and_no_body() {
    with_both_servers(|mut client| {
        client.send("HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        let response = client.response_to_head();
        assert_eq!(
            (response.status().as_u16(), response.header(header::CONTENT_LENGTH)),
            (200, Some("2"))
        );
        assert!(response.header(header::CONTENT_TYPE).is_some());
        assert_echo(&client.response(), "/2");
    });
}

#[test]
fn the_client_gets_100_continue_before_it_sends_the_body() {
    with_both_servers(|mut client| {
        for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{framing}\r\n\r\n"
            ));
            let mut interim = [0; 25];
            client.stream.read_exact(&mut interim).unwrap();
            assert_eq!(interim, *b"HTTP/1.1 100 Continue\r\n\r\n"); // RFC 9110 §10.1.1
            client.send(if framing.ends_with('5') { "hello" } else { "5\r\nhello\r\n0\r\n\r\n" });
            assert_echo(&client.response(), "hello");
        }
    });
}

#[test]
fn no_100_continue_is_sent_once_the_body_has_arrived() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    for body in [
        "Content-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        with_both_servers(|mut client| {
            client.send(format!("{head}{body}"));
            assert_eq!(client.response().body(), "hello"); // RFC 9110 §10.1.1 allows it
            client.send(GET);
            assert_eq!(client.response().body(), "/");
            client.end_input();
            assert_eq!(client.rest(), "");
        });
    }
}

#[test]
fn no_100_continue_is_sent_for_an_empty_body_or_to_an_http_10_client() {
    with_both_servers(|mut client| {
        client.send(
            "POST /1 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
        );
        assert_echo(&client.response(), "/1");
        client.send("GET /2 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
        assert_echo(&client.response(), "/2");
        client.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
        assert_echo(&client.response(), "hello");
        assert_eq!(client.rest(), "");
    });
}

#[test]
fn a_response_is_sent_in_one_write() {
    with_both_servers(|mut client| {
        for length in [0, 1, 4000, 4096, 4097, 5000].into_iter().cycle().take(60) {
            let body = "x".repeat(length);
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}"
            ));
            let mut bytes = [0; 10_000];
            let length = client.stream.read(&mut bytes).unwrap();
            let response = std::str::from_utf8(&bytes[..length]).unwrap();
            assert!(
                response.ends_with(if body.is_empty() { "\r\n\r\n/" } else { &body }),
                "{response:?}"
            );
        }
    });
}

#[test]
fn a_connection_stays_open_or_is_closed_as_its_requests_say() {
    let stays_open = |version: &str, fields: &str, expected: Option<&str>| {
        with_both_servers(|mut client| {
            let request = |path: &str| format!("GET {path} {version}\r\nHost: a\r\n{fields}\r\n");
            client.send(request("/1"));
            let response = client.response();
            assert_eq!(response.header(header::CONNECTION), expected, "{fields:?}");
            client.send(request("/2"));
            assert_echo(&client.response(), "/2");
        });
    };
    stays_open("HTTP/1.1", "", None); // RFC 9112 §9.3
    stays_open("HTTP/1.1", "Connection: keep-alive\r\n", None);
    stays_open("HTTP/1.1", "Connection:\r\n", None);
    stays_open("HTTP/1.1", "Connection: closed, not-close\r\n", None);
    stays_open("HTTP/1.1", "X-Connection: close\r\n", None);
    stays_open("HTTP/1.2", "", None);
    stays_open("HTTP/1.0", "Connection: keep-alive\r\n", Some("keep-alive"));
    stays_open("HTTP/1.0", "connection: Keep-Alive\r\n", Some("keep-alive"));
    stays_open("HTTP/1.0", "Connection: te,keep-alive\r\n", Some("keep-alive"));
    stays_open("HTTP/1.0", "Connection: te\r\nConnection:\tkeep-alive \r\n", Some("keep-alive"));

    let is_closed = |version: &str, fields: &str| {
        with_both_servers(|mut client| {
            client.send(format!("GET / {version}\r\nHost: a\r\n{fields}\r\n"));
            let response = client.response();
            assert_echo(&response, "/");
            assert_eq!(response.header(header::CONNECTION), Some("close"), "{fields:?}");
            assert_eq!(client.rest(), "", "{fields:?}");
        });
    };
    is_closed("HTTP/1.1", "Connection: close\r\n");
    is_closed("HTTP/1.1", "CONNECTION: CLOSE\r\n");
    is_closed("HTTP/1.1", "Connection: te, close\r\n");
    is_closed("HTTP/1.1", "Connection: close,te\r\n");
    is_closed("HTTP/1.1", "Connection: , ,close\r\n");
    is_closed("HTTP/1.1", "Connection: keep-alive, close\r\n");
    is_closed("HTTP/1.1", "Connection: close, keep-alive\r\n");
    is_closed("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n");
    is_closed("HTTP/1.1", "Connection: close\r\nX: y\r\nconnection: keep-alive\r\n");
    is_closed("HTTP/1.0", "");
    is_closed("HTTP/1.0", "Connection: te\r\n");
    is_closed("HTTP/1.0", "Connection: close\r\n");
    is_closed("HTTP/1.0", "Connection: keep-alive, close\r\n");
    is_closed("HTTP/1.0", "Keep-Alive: timeout=5\r\n");
}

#[test]
fn no_request_is_answered_after_the_last_response() {
    with_both_servers(|mut client| {
        client.send("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_echo(&client.response(), "/1");
        assert_eq!(client.rest(), "");
    });
}

#[test]
fn the_end_of_the_input_within_a_message_closes_the_connection_without_a_response() {
    let no_response = |sent: &str| {
        with_both_servers(|mut client| {
            client.send(sent);
            client.end_input();
            assert_eq!(client.rest(), "", "{sent:?}");
        });
    };
    no_response("");
    no_response("\r\n");
    no_response("\r");
    no_response("G");
    no_response("GET / HTTP/1.1");
    no_response("GET / HTTP/1.1\r\nHost: a\r\n");
    no_response("GET / HTTP/1.1\r\nHost: a\r\n\r");
    no_response("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    no_response("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
    no_response("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    no_response("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    no_response(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    );
}

#[test]
fn a_complete_request_is_answered_when_the_input_ends_within_the_next() {
    with_both_servers(|mut client| {
        client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n");
        client.end_input();
        assert_echo(&client.response(), "/1");
        assert_eq!(client.rest(), "");
    });
}

#[test]
fn a_client_that_disconnects_without_reading_its_response_is_not_an_error() {
    for sent in [GET.to_owned(), GET.to_owned() + &GET[..10]] {
        with_both_servers(|mut client| {
            client.send(&sent);
            client.stream.peek(&mut [0]).unwrap(); // closing now resets the connection
        });
    }
}

#[test]
fn a_mebibyte_is_echoed_to_a_slow_reader() {
    const COUNT: u8 = 10;
    let body = |number: u8| number.to_string().repeat(MAX_BODY);
    with_both_servers_at(bind_narrow, |mut client| {
        let mut sender = client.stream.try_clone().unwrap();
        let sending = thread::spawn(move || {
            for number in 0..COUNT {
                let head =
                    format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {MAX_BODY}\r\n\r\n");
                sender.write_all((head + &body(number)).as_bytes()).unwrap();
            }
        });
        for number in 0..COUNT {
            assert_echo(&client.response(), &body(number)); // read a kilobyte at a time
        }
        sending.join().unwrap();
        client.end_input();
        assert_eq!(client.rest(), "");
    });
}
