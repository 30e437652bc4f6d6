//! Waiting can be cancelled at any point without losing bytes, so that a server can set its own
//! deadlines.

mod echo;

use echo::{bind, bind_narrow, poll_once, read_request, serve_with_tokio, with_server};
use http1::{Connection, MAX_BODY, Response, StatusCode};
use std::io;
use std::pin::pin;
use std::task::{Context, Waker};
use tokio::task::yield_now;

/// Echoes each request, but cancels every read that has to wait and starts another one.
async fn echo_with_cancelled_reads(mut connection: Connection) -> io::Result<()> {
    loop {
        match poll_once(read_request(&mut connection)) {
            Some(Ok(Some(request))) => {
                connection.write_response(Response::text(request.into_body())).await?
            }
            Some(end) => return end.map(drop),
            None => yield_now().await,
        }
    }
}

#[test]
fn a_cancelled_read_loses_nothing() {
    with_server(
        bind(),
        |listener| serve_with_tokio(listener, echo_with_cancelled_reads),
        |mut client| {
            let requests = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
            POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n";
            for byte in requests.bytes() {
                client.send([byte]);
            }
            assert_eq!(client.response().body(), "hello");
            assert_eq!(client.response().body(), "world");
            let body = "x".repeat(MAX_BODY);
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {MAX_BODY}\r\n\r\n{body}"
            ));
            assert!(*client.response().body() == body);
            client.end_input();
            assert_eq!(client.rest(), "");
        },
    );
}

#[test]
fn a_cancelled_wait_for_a_request_loses_nothing() {
    let serve = async |mut connection: Connection| {
        for _ in 0..3 {
            while poll_once(connection.wait_for_request()).transpose()?.is_none() {
                assert!(connection.decode().expect("well-formed input").is_none());
                yield_now().await;
            }
            let Some(request) = read_request(&mut connection).await? else { panic!("no request") };
            connection.write_response(Response::text(request.into_body())).await?;
        }
        connection.wait_for_request().await?; // the end of the input
        assert!(read_request(&mut connection).await?.is_none());
        Ok(())
    };
    with_server(
        bind(),
        move |listener| serve_with_tokio(listener, serve),
        |mut client| {
            for body in ["hello", "brave", "world"] {
                client
                    .send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{body}"));
                assert_eq!(client.response().body(), body);
            }
            client.end_input();
            assert_eq!(client.rest(), "");
        },
    );
}

#[test]
fn a_rejection_of_a_head_request_has_no_body() {
    let serve = async |mut connection: Connection| {
        connection.wait_for_request().await?;
        connection.refuse(Response::problem(StatusCode::SERVICE_UNAVAILABLE, "not now")).await
    };
    with_server(
        bind(),
        move |listener| serve_with_tokio(listener, serve),
        |mut client| {
            client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
            client.end_input();
            let rejection = client.rest();
            assert!(
                rejection.starts_with("HTTP/1.1 503 ") && rejection.ends_with("\r\n\r\n"),
                "{rejection}"
            );
        },
    );
}

#[test]
fn a_request_that_has_arrived_is_returned_without_waiting() {
    let serve = async |mut connection: Connection| {
        assert_eq!(read_request(&mut connection).await?.expect("a request").path(), "/1");
        poll_once(connection.wait_for_request()).expect("it has arrived")?;
        assert_eq!(
            poll_once(read_request(&mut connection))
                .expect("it has arrived")?
                .expect("a request")
                .path(),
            "/2"
        );
        assert!(connection.decode().expect("well-formed input").is_none());
        Ok(())
    };
    with_server(
        bind(),
        move |listener| serve_with_tokio(listener, serve),
        |mut client| {
            client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.rest(), "");
        },
    );
}

#[test]
fn a_cancelled_rejection_is_not_sent_twice() {
    let serve = async |mut connection: Connection| {
        connection.wait_for_request().await?;
        while poll_once(read_request(&mut connection)).is_none() {
            yield_now().await; // the first poll writes the response and waits for the client
        }
        assert!(read_request(&mut connection).await?.is_none());
        Ok(())
    };
    with_server(
        bind(),
        move |listener| serve_with_tokio(listener, serve),
        |mut client| {
            client.send("nonsense\r\n");
            assert_eq!(client.response().status().as_u16(), 400);
            assert_eq!(client.rest(), "");
        },
    );
}

#[test]
#[cfg_attr(windows, ignore = "under Wine, a socket takes a write of any size at once")]
fn writing_a_response_waits_for_a_slow_reader() {
    let serve = async |mut connection: Connection| {
        let Some(_) = read_request(&mut connection).await? else { panic!("no request") };
        let mut response =
            pin!(connection.write_response(Response::text("x".repeat(8 * MAX_BODY).into())));
        let mut context = Context::from_waker(Waker::noop());
        assert!(response.as_mut().poll(&mut context).is_pending());
        response.await
    };
    with_server(
        bind_narrow(),
        move |listener| serve_with_tokio(listener, serve),
        |mut client| {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            client.end_input();
            assert_eq!(client.response().body().len(), 8 * MAX_BODY);
            assert_eq!(client.rest(), "");
        },
    );
}
