//! What all bodies of a server may hold together.

use http1::{BodyBudget, Response, ServerSession, StatusCode, header};

const BUDGET: usize = 100_000;

/// A session that has received 60,000 bytes of a longer body.
fn receiving(budget: &BodyBudget) -> ServerSession {
    let mut session = ServerSession::new().with_budget(budget);
    session.push(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60001\r\n\r\n");
    session.push(&[b'x'; 60_000]);
    session
}

/// A session whose request is complete.
fn requested(budget: &BodyBudget) -> ServerSession {
    let mut session = ServerSession::new().with_budget(budget);
    session.push(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(matches!(session.decode(), Ok(Some(_))));
    session
}

fn large(length: usize) -> Response {
    Response::text("x".repeat(length).into())
}

/// The first bytes of the response to `session` that has this body.
fn responds(session: &mut ServerSession, body: usize) -> (String, impl Sized + use<>) {
    let encoded = session.respond(large(body));
    (String::from_utf8_lossy(encoded.remaining().0).into_owned(), encoded)
}

#[test]
fn a_body_beyond_the_budget_gets_503_until_another_one_is_complete() {
    let budget = BodyBudget::new(BUDGET);
    let mut first = receiving(&budget);
    assert!(first.decode().unwrap().is_none());
    let mut second = receiving(&budget);
    let error = second.decode().unwrap_err();
    assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
    let rejection = Response::from(error);
    assert_eq!(rejection.header(header::RETRY_AFTER), Some("1"));
    assert!(second.reject(error.into()).is_some());
    // the rejected body is dropped at once, and the first one goes on
    first.push(b"x");
    assert_eq!(first.decode().unwrap().expect("a request").body().len(), 60_001);
    let mut third = receiving(&budget);
    assert!(third.decode().unwrap().is_none());
}

#[test]
fn a_body_returns_its_share_when_the_connection_ends() {
    let budget = BodyBudget::new(BUDGET);
    for _ in 0..3 {
        assert!(receiving(&budget).decode().unwrap().is_none());
    }
}

#[test]
fn chunks_are_counted_as_they_arrive() {
    let budget = BodyBudget::new(BUDGET);
    let mut session = ServerSession::new().with_budget(&budget);
    session.push(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("2710\r\n{}\r\n", "x".repeat(10_000));
    for _ in 0..10 {
        session.push(chunk.as_bytes());
        assert!(session.decode().unwrap().is_none());
    }
    session.push(chunk.as_bytes());
    assert_eq!(session.decode().unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn an_announced_length_costs_nothing_until_it_arrives() {
    let budget = BodyBudget::new(BUDGET);
    let mut sessions: Vec<_> =
        (0..1000).map(|_| ServerSession::new().with_budget(&budget)).collect();
    for session in &mut sessions {
        session.push(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
        assert!(session.decode().unwrap().is_none());
    }
    assert!(receiving(&budget).decode().unwrap().is_none());
}

#[test]
fn responses_that_are_not_read_are_part_of_the_budget() {
    let budget = BodyBudget::new(BUDGET);
    let (mut first, mut second) = (requested(&budget), requested(&budget));
    let (head, unread) = responds(&mut first, 60_000);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let (head, _) = responds(&mut second, 60_000);
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("Retry-After: 1"), "{head}");
    drop(unread); // written, or its client is gone
    let (head, _) = responds(&mut second, 60_000);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[test]
fn a_response_that_is_larger_than_the_budget_is_sent_alone() {
    let budget = BodyBudget::new(BUDGET);
    let (mut first, mut second) = (requested(&budget), requested(&budget));
    let (head, unread) = responds(&mut first, 2 * BUDGET);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let (head, _) = responds(&mut second, 20_000);
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    drop(unread);
    let (head, _) = responds(&mut second, 20_000);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[test]
fn small_responses_are_sent_whatever_else_is() {
    let budget = BodyBudget::new(BUDGET);
    let (mut first, mut second) = (requested(&budget), requested(&budget));
    let (_, _unread) = responds(&mut first, BUDGET);
    let (head, _) = responds(&mut second, 10_000);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}
