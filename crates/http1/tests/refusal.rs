//! The last answer of a connection, a refusal mostly: it is read to its end, whatever the sender still sends.

mod echo;

use echo::{Client, bind, on, on_both, on_tokio, read_request};
use http1::{Connection, DRAIN_TIME, MAX_BODY, Response, StatusCode, header};
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

/// Expects one refusal, whole, and the end of the connection behind it.
#[track_caller]
fn must_be_rejected(mut client: Client, status: u16) {
    let response = client.response();
    assert_eq!(response.status().as_u16(), status, "{response:?}");
    assert_eq!(response.header(header::CONNECTION), Some("close"));
    assert_eq!(response.header(header::CONTENT_TYPE), Some("application/problem+json"));
    let problem: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!((&problem["status"], &problem["type"]), (&status.into(), &"about:blank".into()));
    assert_eq!(client.rest(), "");
}

#[test]
fn a_malformed_message_is_answered_and_is_the_end_of_the_connection() {
    let refused = |sent: &str, status| {
        on_both(|mut client| {
            client.send(sent);
            must_be_rejected(client, status);
        });
    };
    refused("GET /\r\n", 400);
    refused("\x16\x03\x01", 400);
    refused("GET / HTTP/1.1\r\n\r\n", 400);
    refused("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400);
    refused("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    refused("GET / HTTP/1.0\r\nConnection: keep-alive\r\nHost: a b\r\n\r\n", 400);
    refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    refused("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501);
    refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501);
    refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello", 400);
    refused(&"\r\n".repeat(10_000), 431);
    refused(&format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(20_000)), 431);
    refused(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(10_000)), 414);
}

#[test]
fn the_requests_before_a_malformed_one_are_answered() {
    on_both(|mut client| {
        client.send(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n",
        );
        assert_eq!(client.response().body(), "/1");
        assert_eq!(client.response().body(), "/2");
        must_be_rejected(client, 400);
    });
}

#[test]
fn a_refused_head_is_not_told_to_continue() {
    let refused = |fields: &str, status| {
        on_both(|mut client| {
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{fields}\r\n\r\n"
            ));
            must_be_rejected(client, status);
        });
    };
    refused("Content-Length: 1048577", 413);
    refused("Content-Length: five", 400);
    refused("Content-Length: 5\r\nTransfer-Encoding: chunked", 400);
    refused("Content-Length: 5\r\nExpect: more", 417);
    refused("Transfer-Encoding: gzip, chunked", 501);
}

/// Sends a head and then mebibytes, as a client does that does not read before it has sent everything.
fn sends_on(head: &str, piece: &[u8], status: u16) {
    on_both(|mut client| {
        let begin = Instant::now();
        client.send(head);
        let sent =
            (0..5 * 1024 * 1024 / piece.len()).try_for_each(|_| client.stream.write_all(piece));
        client.end();
        let response = client.response();
        assert_eq!(
            (response.status().as_u16(), response.header(header::CONNECTION)),
            (status, Some("close"))
        );
        let end = client.stream.read(&mut [0]);
        // the server reads on for so long and no longer; on a machine that slow only the answer counts
        if begin.elapsed() < DRAIN_TIME {
            sent.expect("a server that reads on");
            assert_eq!(end.expect("no reset"), 0);
        }
    });
}

#[test]
fn who_sends_a_body_over_the_limit_to_its_end_reads_the_refusal() {
    sends_on(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5242880\r\n\r\n",
        &[b'x'; 64 * 1024],
        413,
    );
}

#[test]
fn who_sends_chunks_over_the_limit_to_the_end_reads_the_refusal() {
    let chunk = format!("{:x}\r\n{}\r\n", 65_536 - 8, "x".repeat(65_536 - 8));
    sends_on(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        chunk.as_bytes(),
        413,
    );
}

#[test]
fn who_sends_nonsense_without_end_reads_the_refusal() {
    sends_on("", &[0x16; 64 * 1024], 400);
    sends_on("", &[b'\n'; 64 * 1024], 431);
    sends_on("GET / HTTP/1.1\r\n", &[b'x'; 64 * 1024], 431);
    sends_on("GET /", &[b'x'; 64 * 1024], 414);
}

#[test]
fn who_says_close_and_sends_on_reads_the_answer() {
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /next HTTP/1.1\r\n";
    sends_on(last, &[b'x'; 64 * 1024], 200); // RFC 9112 §9.6
    sends_on("GET / HTTP/1.0\r\n\r\n\r\n", &[b'\n'; 64 * 1024], 200);
}

#[test]
fn who_never_stops_sending_is_left() {
    on_both(|mut client| {
        let sent =
            (0..64).take_while(|_| client.stream.write_all(&[0x16; MAX_BODY]).is_ok()).count();
        assert!(sent < 64, "still read, after 64 MiB"); // the kernel holds some of them, the drain takes 8
    });
}

#[test]
fn who_is_refused_is_told_at_once_that_nothing_follows() {
    const TRIES: usize = 5;
    let at_once = Cell::new(0);
    for _ in 0..TRIES {
        on_both(|mut client| {
            let begin = Instant::now();
            client.send("nonsense\r\n");
            assert_eq!(client.response().status().as_u16(), 400);
            assert_eq!(client.stream.read(&mut [0]).unwrap(), 0);
            at_once.set(at_once.get() + usize::from(begin.elapsed() < DRAIN_TIME)); // not only once it is left
        });
    }
    assert!(at_once.get() > TRIES, "one of the two connections never did");
}

#[test]
fn who_is_refused_and_stays_silent_is_left_after_a_while() {
    on_both(|mut client| {
        client.send("nonsense\r\n");
        assert_eq!(client.response().status().as_u16(), 400);
        let begin = Instant::now();
        // what is sent to a connection that was left comes back as a reset
        while client.stream.write_all(b"x").is_ok() {
            assert!(begin.elapsed() < echo::PATIENCE, "still read");
            thread::sleep(Duration::from_millis(1));
        }
    });
}

#[test]
fn a_refusal_has_its_body_although_the_request_before_it_was_head() {
    on_both(|mut client| {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n");
        assert_eq!(client.response_to_head().status().as_u16(), 200);
        must_be_rejected(client, 400);
    });
}

/// One tokio connection, for what only it has.
#[track_caller]
fn on_one(
    serve: impl AsyncFnOnce(Connection) -> io::Result<()> + Send + 'static,
    test: impl FnOnce(Client),
) {
    on(bind(), |listener| on_tokio(listener, serve), test);
}

fn unavailable() -> Response {
    Response::problem(StatusCode::SERVICE_UNAVAILABLE, "not now")
}

#[test]
fn a_connection_may_be_refused_before_anything_has_come() {
    let serve = async |mut connection: Connection| {
        connection.refuse(unavailable()).await?;
        assert!(read_request(&mut connection).await?.is_none());
        connection.refuse(unavailable()).await // nothing more
    };
    on_one(serve, |client| must_be_rejected(client, 503));
    on_one(serve, |mut client| {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        must_be_rejected(client, 503);
    });
}

#[test]
fn a_connection_may_be_refused_within_a_request() {
    let serve = async |mut connection: Connection| {
        connection.wait_for_request().await?;
        connection.refuse(unavailable()).await?;
        assert!(connection.decode().expect("it is not read any more").is_none());
        Ok(())
    };
    on_one(serve, |mut client| {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
        must_be_rejected(client, 503);
    });
}

#[test]
fn a_connection_that_was_refused_already_is_not_refused_again() {
    let serve = async |mut connection: Connection| {
        assert!(read_request(&mut connection).await?.is_none());
        connection.refuse(unavailable()).await
    };
    on_one(serve, |mut client| {
        client.send("nonsense\r\n");
        must_be_rejected(client, 400);
    });
}
