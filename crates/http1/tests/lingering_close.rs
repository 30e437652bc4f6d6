//! The last response of a connection: the client can read all of it, even if it is still sending.

mod echo;

use echo::{
    Client, bind, poll_once, read_request, serve_with_tokio, with_both_servers, with_server,
};
use http1::{Connection, DRAIN_TIME, MAX_BODY, Response, StatusCode, header};
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::pin::pin;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Expects one complete rejection, and then the end of the connection.
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
fn a_malformed_message_gets_a_response_and_closes_the_connection() {
    let rejected = |sent: &str, status| {
        with_both_servers(|mut client| {
            client.send(sent);
            must_be_rejected(client, status);
        });
    };
    rejected("GET /\r\n", 400);
    rejected("\x16\x03\x01", 400);
    rejected("GET / HTTP/1.1\r\n\r\n", 400);
    rejected("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400);
    rejected("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    rejected("GET / HTTP/1.0\r\nConnection: keep-alive\r\nHost: a b\r\n\r\n", 400);
    rejected("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    rejected("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501);
    rejected("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501);
    rejected("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello", 400);
    rejected(&"\r\n".repeat(10_000), 431);
    rejected(&format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(20_000)), 431);
    rejected(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(10_000)), 414);
}

#[test]
fn the_requests_before_a_malformed_one_are_answered() {
    with_both_servers(|mut client| {
        client.send(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n",
        );
        assert_eq!(client.response().body(), "/1");
        assert_eq!(client.response().body(), "/2");
        must_be_rejected(client, 400);
    });
}

#[test]
fn a_rejected_head_gets_no_100_continue() {
    let rejected = |fields: &str, status| {
        with_both_servers(|mut client| {
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{fields}\r\n\r\n"
            ));
            must_be_rejected(client, status);
        });
    };
    rejected("Content-Length: 1048577", 413);
    rejected("Content-Length: five", 400);
    rejected("Content-Length: 5\r\nTransfer-Encoding: chunked", 400);
    rejected("Content-Length: 5\r\nExpect: more", 417);
    rejected("Transfer-Encoding: gzip, chunked", 501);
}

/// Sends a head and then 5 MiB before it reads, as many clients do.
fn keeps_sending(head: &str, piece: &[u8], status: u16) {
    with_both_servers(|mut client| {
        let begin = Instant::now();
        client.send(head);
        let sent =
            (0..5 * 1024 * 1024 / piece.len()).try_for_each(|_| client.stream.write_all(piece));
        client.end_input();
        let response = client.response();
        assert_eq!(
            (response.status().as_u16(), response.header(header::CONNECTION)),
            (status, Some("close"))
        );
        let end = client.stream.read(&mut [0]);
        // on a machine so slow that the drain is over, only the response counts
        if begin.elapsed() < DRAIN_TIME {
            sent.expect("a server that keeps reading");
            assert_eq!(end.expect("no reset"), 0);
        }
    });
}

#[test]
fn a_client_that_sends_all_of_a_body_over_the_limit_reads_the_rejection() {
    keeps_sending(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5242880\r\n\r\n",
        &[b'x'; 64 * 1024],
        413,
    );
}

#[test]
fn a_client_that_sends_all_chunks_over_the_limit_reads_the_rejection() {
    let chunk = format!("{:x}\r\n{}\r\n", 65_536 - 8, "x".repeat(65_536 - 8));
    keeps_sending(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        chunk.as_bytes(),
        413,
    );
}

#[test]
fn a_client_that_sends_megabytes_of_garbage_reads_the_rejection() {
    keeps_sending("", &[0x16; 64 * 1024], 400);
    keeps_sending("", &[b'\n'; 64 * 1024], 431);
    keeps_sending("GET / HTTP/1.1\r\n", &[b'x'; 64 * 1024], 431);
    keeps_sending("GET /", &[b'x'; 64 * 1024], 414);
}

#[test]
fn a_client_that_says_close_and_keeps_sending_reads_the_response() {
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /next HTTP/1.1\r\n";
    keeps_sending(last, &[b'x'; 64 * 1024], 200); // RFC 9112 §9.6
    keeps_sending("GET / HTTP/1.0\r\n\r\n\r\n", &[b'\n'; 64 * 1024], 200);
}

#[test]
fn a_client_that_never_stops_sending_is_disconnected() {
    with_both_servers(|mut client| {
        let sent =
            (0..64).take_while(|_| client.stream.write_all(&[0x16; MAX_BODY]).is_ok()).count();
        // the drain reads 8, and the kernel buffers some
        assert!(sent < 64, "still reading after 64 MiB");
    });
}

#[test]
fn a_rejected_client_sees_the_end_of_the_connection_immediately() {
    const TRIES: usize = 5;
    let immediate = Cell::new(0);
    for _ in 0..TRIES {
        with_both_servers(|mut client| {
            let begin = Instant::now();
            client.send("nonsense\r\n");
            assert_eq!(client.response().status().as_u16(), 400);
            assert_eq!(client.stream.read(&mut [0]).unwrap(), 0);
            // not only after the drain
            immediate.set(immediate.get() + usize::from(begin.elapsed() < DRAIN_TIME));
        });
    }
    assert!(
        immediate.get() > TRIES,
        "on one of the two connections, the client always had to wait"
    );
}

#[test]
fn a_rejected_client_that_stays_silent_is_disconnected() {
    with_both_servers(|mut client| {
        client.send("nonsense\r\n");
        assert_eq!(client.response().status().as_u16(), 400);
        let begin = Instant::now();
        // once the server has closed the connection, sending causes a reset
        while client.stream.write_all(b"x").is_ok() {
            assert!(begin.elapsed() < echo::PATIENCE, "the server is still reading");
            thread::sleep(Duration::from_millis(1));
        }
    });
}

#[test]
fn a_rejection_after_a_head_request_has_a_body() {
    with_both_servers(|mut client| {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n");
        assert_eq!(client.response_to_head().status().as_u16(), 200);
        must_be_rejected(client, 400);
    });
}

#[test]
fn a_body_that_begins_like_a_head_request_is_rejected_with_a_problem() {
    with_both_servers(|mut client| {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send("HEAD / HTTP/1.1\r\n");
        must_be_rejected(client, 400);
    });
}

/// Runs a test against one tokio connection.
#[track_caller]
fn with_tokio_server(
    serve: impl AsyncFnOnce(Connection) -> io::Result<()> + Send + 'static,
    test: impl FnOnce(Client),
) {
    with_server(bind(), |listener| serve_with_tokio(listener, serve), test);
}

fn unavailable() -> Response {
    Response::problem(StatusCode::SERVICE_UNAVAILABLE, "not now")
}

#[test]
fn a_connection_can_be_refused_before_its_first_byte() {
    let serve = async |mut connection: Connection| {
        connection.refuse(unavailable()).await?;
        assert!(read_request(&mut connection).await?.is_none());
        connection.refuse(unavailable()).await // does nothing
    };
    with_tokio_server(serve, |client| must_be_rejected(client, 503));
    with_tokio_server(serve, |mut client| {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        must_be_rejected(client, 503);
    });
}

#[test]
fn a_connection_can_be_refused_within_a_request() {
    let serve = async |mut connection: Connection| {
        connection.wait_for_request().await?;
        connection.refuse(unavailable()).await?;
        assert!(connection.decode().expect("no further decoding").is_none());
        Ok(())
    };
    with_tokio_server(serve, |mut client| {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
        must_be_rejected(client, 503);
    });
}

#[test]
fn a_rejection_that_is_cancelled_does_not_begin_again() {
    let (polled, was_polled) = mpsc::channel();
    let serve = async move |mut connection: Connection| {
        connection.wait_for_request().await?;
        {
            let mut refusal = pin!(connection.refuse(unavailable()));
            assert!(poll_once(refusal.as_mut()).is_none(), "the client has not disconnected");
        }
        // a second drain would wait for the client, too
        let again = poll_once(connection.refuse(unavailable()));
        polled.send(()).expect("the client waits for this");
        again.expect("nothing is left to do")
    };
    with_tokio_server(serve, |mut client| {
        client.send("G");
        was_polled.recv().expect("both were polled"); // a drain ends when its client leaves
        must_be_rejected(client, 503);
    });
}

#[test]
fn a_connection_is_refused_only_once() {
    let serve = async |mut connection: Connection| {
        assert!(read_request(&mut connection).await?.is_none());
        connection.refuse(unavailable()).await
    };
    with_tokio_server(serve, |mut client| {
        client.send("nonsense\r\n");
        must_be_rejected(client, 400);
    });
}
