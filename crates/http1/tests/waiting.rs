//! Waiting can be given up at any moment, and nothing is lost: whoever owns the socket owns the waiting.

mod echo;

use echo::{bind, bind_narrow, on, on_tokio, read_request};
use http1::{Connection, MAX_BODY, Response, StatusCode};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tokio::task::yield_now;

/// What this yields, if it need not wait; it is dropped either way.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Gives up each wait at once, and begins another.
async fn echo_impatiently(mut connection: Connection) -> io::Result<()> {
    loop {
        match now(read_request(&mut connection)) {
            Some(Ok(Some(request))) => {
                connection.write_response(Response::text(request.into_body())).await?
            }
            Some(end) => return end.map(drop),
            None => yield_now().await,
        }
    }
}

#[test]
fn a_read_that_is_given_up_loses_nothing() {
    on(
        bind(),
        |listener| on_tokio(listener, echo_impatiently),
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
            client.end();
            assert_eq!(client.rest(), "");
        },
    );
}

#[test]
fn a_wait_for_a_request_that_is_given_up_loses_nothing() {
    let serve = async |mut connection: Connection| {
        for _ in 0..3 {
            while now(connection.wait_for_request()).transpose()?.is_none() {
                assert!(connection.decode().expect("nothing malformed").is_none());
                yield_now().await;
            }
            let Some(request) = read_request(&mut connection).await? else { panic!("no request") };
            connection.write_response(Response::text(request.into_body())).await?;
        }
        connection.wait_for_request().await?; // the end of the input
        assert!(read_request(&mut connection).await?.is_none());
        Ok(())
    };
    on(
        bind(),
        move |listener| on_tokio(listener, serve),
        |mut client| {
            for body in ["hello", "brave", "world"] {
                client
                    .send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{body}"));
                assert_eq!(client.response().body(), body);
            }
            client.end();
            assert_eq!(client.rest(), "");
        },
    );
}

#[test]
fn a_head_request_that_was_waited_for_is_refused_without_a_body() {
    let serve = async |mut connection: Connection| {
        connection.wait_for_request().await?;
        connection.refuse(Response::problem(StatusCode::SERVICE_UNAVAILABLE, "not now")).await
    };
    on(
        bind(),
        move |listener| on_tokio(listener, serve),
        |mut client| {
            client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
            client.end();
            let refusal = client.rest();
            assert!(
                refusal.starts_with("HTTP/1.1 503 ") && refusal.ends_with("\r\n\r\n"),
                "{refusal}"
            );
        },
    );
}

#[test]
fn a_request_that_is_here_is_not_waited_for() {
    let serve = async |mut connection: Connection| {
        assert_eq!(read_request(&mut connection).await?.expect("a request").path(), "/1");
        now(connection.wait_for_request()).expect("it is here")?;
        assert_eq!(
            now(read_request(&mut connection)).expect("it is here")?.expect("a request").path(),
            "/2"
        );
        assert!(connection.decode().expect("nothing malformed").is_none());
        Ok(())
    };
    on(
        bind(),
        move |listener| on_tokio(listener, serve),
        |mut client| {
            client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.rest(), "");
        },
    );
}

#[test]
fn a_refusal_that_is_given_up_is_not_begun_again() {
    let serve = async |mut connection: Connection| {
        connection.wait_for_request().await?;
        while now(read_request(&mut connection)).is_none() {
            yield_now().await; // the first of these writes the answer and waits for the client to leave
        }
        assert!(read_request(&mut connection).await?.is_none());
        Ok(())
    };
    on(
        bind(),
        move |listener| on_tokio(listener, serve),
        |mut client| {
            client.send("nonsense\r\n");
            assert_eq!(client.response().status().as_u16(), 400);
            assert_eq!(client.rest(), "");
        },
    );
}

#[test]
fn a_response_that_nobody_takes_yet_is_waited_for() {
    let serve = async |mut connection: Connection| {
        let Some(_) = read_request(&mut connection).await? else { panic!("no request") };
        let mut response =
            pin!(connection.write_response(Response::text("x".repeat(8 * MAX_BODY).into())));
        let mut context = Context::from_waker(Waker::noop());
        assert!(response.as_mut().poll(&mut context).is_pending());
        response.await
    };
    on(
        bind_narrow(),
        move |listener| on_tokio(listener, serve),
        |mut client| {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            client.end();
            assert_eq!(client.response().body().len(), 8 * MAX_BODY);
            assert_eq!(client.rest(), "");
        },
    );
}
