//! Messages that a server must reject, and how it rejects them.

use crate::event::HEAD;
use crate::raw_connection::{PATIENCE, WORK, is_error};
use crate::trial::{Trial, all_of, instead};
use http1::header;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What is wrong with a message, and its bytes.
type Case = (&'static str, &'static str);

/// Malformed messages.
pub(crate) const MALFORMED: &[Case] = &[
    ("not HTTP", "hello\r\n\r\n"),
    ("a request line without a version", "GET /\r\n\r\n"),
    ("a space too many", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a method that is not a token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("no Host", "GET / HTTP/1.1\r\n\r\n"),
    ("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ("an invalid Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ("a space in a field's name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n"),
    ("a field without a colon", "GET / HTTP/1.1\r\nHost: a\r\nXY\r\n\r\n"),
    ("NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    ("a bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    (
        "a length that is not a number",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\nhello",
    ),
    (
        "a length that overflows",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\nh",
    ),
    (
        "a chunk without a size",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
    ),
];

/// Two servers in a row could read each of these as different messages, which smuggles a request past
/// the first one.
pub(crate) const SMUGGLED: &[Case] = &[
    (
        "a length and chunks",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "two lengths",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    ),
    ("a length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"),
    (
        "chunks in HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunked, but not as the last coding",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunked twice",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "an empty Transfer-Encoding",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n",
    ),
    ("a space before the colon", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello"),
    ("a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"),
    (
        "a chunk longer than its size",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "a chunk with bare LF",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    ),
];

/// Well-formed messages that these servers do not support.
pub(crate) const UNSUPPORTED: &[Case] = &[
    ("HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    (
        "an unknown coding",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "an unknown expectation",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 5\r\n\r\nhello",
    ),
];

/// Expects an error for each case, and the end of its connection.
pub(crate) async fn check_rejected(trial: &mut Trial, cases: &[Case]) -> Result<String, String> {
    let mut wrong = Vec::new();
    for (what, bytes) in cases {
        if let Err(instead) = trial.must_reject(what, bytes).await {
            wrong.push(format!("{what} ({instead})"));
        }
    }
    all_of(cases.len(), &wrong, "rejected")
}

/// Sends bodies and heads that are too large; most of them never end.
pub(crate) async fn check_too_large(trial: &mut Trial) -> Result<String, String> {
    const MIB: usize = 1024 * 1024;
    let chunk = [b"10000\r\n", &[b'x'; 65536][..], b"\r\n"].concat();
    let field = format!("X-Large: {}\r\n", "x".repeat(1000));
    let thousand = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(1000));
    let (announced, chunked) = (
        format!("{HEAD}Content-Length: 1073741824\r\n\r\n"),
        format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n"),
    );
    let cases: [(_, &str, &[u8], _); 5] = [
        ("a GiB announced", &announced, b"", 0),
        ("endless chunks", &chunked, &chunk, 64 * MIB / 65536),
        ("an endless target", "GET /", &[b'x'; 1024], 1024),
        ("endless fields", "GET / HTTP/1.1\r\nHost: a\r\n", field.as_bytes(), 1024),
        ("a thousand fields", &thousand, b"", 0),
    ];
    let mut wrong = Vec::new();
    for (what, start, more, times) in cases {
        let mut connection = trial.open().await?;
        let began = Instant::now();
        connection.send(start).await;
        connection.send_until_response(more, times).await;
        let rejected = match trial.receive(what, &mut connection, began, PATIENCE).await {
            Ok(response) => is_error(response.status()),
            Err(instead) => Err(instead),
        };
        if let Err(instead) = rejected {
            wrong.push(format!("{what} ({instead})"));
        }
    }
    all_of(cases.len(), &wrong, "rejected before the body")
}

/// Keeps sending after a rejection, and reads the response only then.
pub(crate) async fn check_lingering_close(trial: &mut Trial) -> Result<String, String> {
    const BODY: usize = 6 * 1024 * 1024; // more than the socket buffers hold
    let head = format!("{HEAD}Content-Length: {BODY}\r\n\r\n");
    let mut connection = trial.open().await?;
    let began = Instant::now();
    connection.send(head).await;
    let piece = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    while sent < BODY && connection.send(&piece).await {
        sent += piece.len();
    }
    let response = trial.receive("six MiB", &mut connection, began, WORK).await;
    let status =
        response.map_err(|instead| format!("after {} KiB: {instead}", sent / 1024))?.status();
    is_error(status).map_err(|instead| format!("accepted 6 MiB: {instead}"))?;
    if sent < BODY {
        // Linux keeps what arrived before a reset; other systems and proxies lose it
        return Err(format!("{status}, and a reset after {} KiB", sent / 1024));
    }
    connection
        .end(PATIENCE)
        .await
        .map_err(|instead| format!("answered {status}, then {instead}"))?;
    drop(connection);
    let drained = drain(trial).await?;
    Ok(format!("6 MiB sent, and the {} was read; closed after {drained} MiB", status.as_u16()))
}

/// Sends without end to a server that has rejected the request: it must stop reading. How many MiB it read.
async fn drain(trial: &mut Trial) -> Result<usize, String> {
    const MOST: Duration = Duration::from_secs(10);
    const MANY: usize = 64 * 1024 * 1024;
    let mut connection = trial.open().await?;
    connection.send(format!("{HEAD}Content-Length: 1099511627776\r\n\r\n")).await;
    let (piece, end, mut sent) = (vec![b'x'; 64 * 1024], Instant::now() + MOST, 0);
    while connection.send(&piece).await {
        sent += piece.len();
        if Instant::now() > end {
            return Err(format!("rejected, and still read after {} s", MOST.as_secs()));
        }
        if sent > MANY {
            sleep(Duration::from_millis(20)).await; // a server may read for a time, however much comes
        }
    }
    Ok(sent / 1024 / 1024)
}

/// Expects problem documents (RFC 9457).
pub(crate) async fn check_problem_details(trial: &mut Trial) -> Result<String, String> {
    #[derive(serde::Deserialize)]
    struct Problem {
        title: String,
        status: u16,
        detail: String,
    }
    let cases = [
        ("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("a space too many", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a GiB announced", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n"),
        (
            "an unknown expectation",
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 5\r\n\r\nhello",
        ),
    ];
    let mut wrong = Vec::new();
    for (what, bytes) in cases {
        let (response, _) = trial.ask_on_new_connection(what, bytes, PATIENCE).await?;
        let kind = response.header(header::CONTENT_TYPE).unwrap_or("no Content-Type");
        let problem = serde_json::from_slice::<Problem>(response.body()).ok();
        let whole = |problem: Problem| {
            problem.status == response.status().as_u16()
                && !problem.title.is_empty()
                && !problem.detail.is_empty()
        };
        if kind != "application/problem+json" || !problem.is_some_and(whole) {
            wrong.push(format!("{what} ({}, {kind})", response.status().as_u16()));
        }
    }
    all_of(cases.len(), &wrong, "explained")
}

/// Forty clients disconnect in the middle of their request or of their response.
pub(crate) async fn check_client_abort(trial: &mut Trial) -> Result<String, String> {
    const LEAVING: usize = 40;
    let large = format!("{HEAD}Content-Length: 1000000\r\n\r\n{}", "x".repeat(1_000_000));
    let chunk = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nfffff\r\nx");
    let (half_head, half_body) = ("GET / HTTP/1.1\r\nHos", &large[..200]);
    for number in 0..LEAVING {
        let mut connection = trial.open().await?;
        connection.send([half_head, half_body, &chunk, &large][number % 4]).await;
        trial.misbehaved("client that disconnects", &connection);
    }
    let probe = trial.send_normal_request(WORK).await;
    if !probe.outcome.is_answer() {
        return Err(format!("after {LEAVING} had disconnected: {}", instead(probe.outcome, WORK)));
    }
    Ok(format!("{LEAVING} disconnected, the next is served"))
}
