//! Where a request begins and ends, independent of how its bytes arrive.

use crate::event::{HEAD, event, fresh_user};
use crate::raw_connection::{PATIENCE, WORK};
use crate::trial::{Trial, all_of, instead};
use http1::{Response, StatusCode};
use probe::http_client::Outcome;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A request that posts an event of this user with amount 0.
fn whole(user: &str) -> String {
    let event = event(user, 0);
    format!("{HEAD}Content-Length: {}\r\n\r\n{event}", event.len())
}

/// Fails unless the event was accepted and its user, which comes last, came back: an echo passes, too.
fn must_name(response: &Response, user: &str) -> Result<(), String> {
    match Outcome::of(response) {
        Outcome::Served(_)
            if response.body().windows(user.len()).any(|window| window == user.as_bytes()) =>
        {
            Ok(())
        }
        Outcome::Served(status) => Err(format!("answered {status} without the event's user")),
        outcome => Err(instead(outcome, WORK)),
    }
}

/// Posts bodies of every kind and compares what comes back.
pub(crate) async fn check_echo(trial: &mut Trial) -> Result<String, String> {
    let every_byte: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).take(300_000).collect();
    let bodies = [&b"hello"[..], b"", b"<script>alert(1)</script>\r\n", &every_byte, &large];
    for body in bodies {
        let response = echo(trial, body).await?;
        if response.body() != body {
            return Err(format!(
                "{} bytes sent, {} different ones came back",
                body.len(),
                response.body().len()
            ));
        }
    }
    let concurrent = echo_concurrently(trial).await?;
    Ok(format!("{} bodies came back, {concurrent} of them at once", bodies.len() + concurrent))
}

/// Sends eight bodies over eight connections before it reads a response; how many came back.
async fn echo_concurrently(trial: &mut Trial) -> Result<usize, String> {
    const BODIES: usize = 8;
    let mut connections = Vec::with_capacity(BODIES);
    for _ in 0..BODIES {
        let (mut connection, began, body) = (trial.open().await?, Instant::now(), fresh_user());
        let head = format!("POST / HTTP/1.1\r\nHost: check\r\nContent-Length: {}", body.len());
        connection.send(format!("{head}\r\n\r\n{body}")).await;
        connections.push((connection, began, body));
    }
    for (mut connection, began, body) in connections {
        let response = trial.receive("one of eight bodies", &mut connection, began, WORK).await?;
        if response.body() != body.as_bytes() {
            return Err("another body came back than was sent".into());
        }
        // dropping the connection lets a server with one thread serve the next
    }
    Ok(BODIES)
}

/// Checks the fields that keep a browser from running an echoed script.
pub(crate) async fn check_nosniff(trial: &mut Trial) -> Result<String, String> {
    let response = echo(trial, b"<script>alert(1)</script>").await?;
    let field = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("nothing")
            .to_owned()
    };
    let (kind, options) = (field("content-type"), field("x-content-type-options"));
    if !kind.starts_with("text/plain") {
        return Err(format!("Content-Type: {kind}"));
    }
    if options != "nosniff" {
        return Err(format!("{kind}, and X-Content-Type-Options: {options}"));
    }
    Ok(format!("{kind}, {options}"))
}

async fn echo(trial: &mut Trial, body: &[u8]) -> Result<Response, String> {
    let head = format!("POST / HTTP/1.1\r\nHost: check\r\nContent-Length: {}\r\n\r\n", body.len());
    let (response, _) =
        trial.ask_on_new_connection("a body", [head.as_bytes(), body].concat(), PATIENCE).await?;
    match response.status() {
        StatusCode::OK => Ok(response),
        status => Err(format!("answered {status}")),
    }
}

/// Sends an event, a request for an unknown path and another event in one write.
pub(crate) async fn check_pipeline(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(2).await;
    let users = [fresh_user(), fresh_user()];
    let between = "GET /check-nowhere HTTP/1.1\r\nHost: check\r\n\r\n";
    let mut connection = trial.open().await?;
    let began = Instant::now();
    connection.send([&whole(&users[0]), between, &whole(&users[1])].concat()).await;
    let mut responses = Vec::new();
    for what in ["first of three", "second of three", "third of three"] {
        let response = trial.receive(what, &mut connection, began, WORK).await;
        responses.push(
            response
                .map_err(|instead| format!("{} of 3 answered, then {instead}", responses.len()))?,
        );
    }
    must_name(&responses[0], &users[0]).map_err(|why| format!("the first: {why}"))?;
    must_name(&responses[2], &users[1]).map_err(|why| format!("the third: {why}"))?;
    if users.iter().any(|user| must_name(&responses[1], user).is_ok()) {
        return Err("the second got another's response".into());
    }
    Ok("3 pipelined, 3 responses in order".into())
}

/// Sends an event in chunks with extensions and trailers, and the next request right after it.
pub(crate) async fn check_chunked(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(1).await;
    let user = fresh_user();
    let event = event(&user, 0);
    let mut request = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    let chunks = event.as_bytes().chunks(7);
    let count = chunks.len();
    for chunk in chunks {
        request +=
            &format!("{:X};of=\"check\"\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk));
    }
    request += "0\r\nChecksum: none\r\n\r\n";
    let (response, mut connection) =
        trial.ask_on_new_connection("event in chunks", request, WORK).await?;
    must_name(&response, &user)?;
    let next = trial
        .ask("request after it", &mut connection, "GET / HTTP/1.1\r\nHost: check\r\n\r\n", PATIENCE)
        .await;
    next.map_err(|instead| format!("the request after it: {instead}"))?;
    Ok(format!("an event in {count} chunks"))
}

/// Sends events whose field names are in lower case and in capitals (RFC 9110 §5.1).
pub(crate) async fn check_field_case(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(2).await;
    let (head, body) = HEAD.split_once("\r\n").unwrap_or_default();
    for (what, convert) in
        [("lower case", str::to_lowercase as fn(&str) -> String), ("capitals", str::to_uppercase)]
    {
        let user = fresh_user();
        let event = event(&user, 0);
        let fields = format!("{body}Content-Length: {}\r\n\r\n", event.len());
        let fields = fields.replace("application/json", "\0");
        let fields = convert(&fields).replace('\0', "application/json");
        let request = format!("{head}\r\n{fields}{event}");
        let (response, _) = trial.ask_on_new_connection("event", request, WORK).await?;
        must_name(&response, &user).map_err(|why| format!("{what}: {why}"))?;
    }
    Ok("in lower case and in capitals".into())
}

/// Sends an event byte by byte.
pub(crate) async fn check_partial_reads(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(1).await;
    let user = fresh_user();
    let request = whole(&user);
    let mut connection = trial.open().await?;
    let began = Instant::now();
    for (number, byte) in request.as_bytes().chunks(1).enumerate() {
        connection.send(byte).await;
        if number % 8 == 0 {
            sleep(Duration::from_millis(1)).await; // so that the bytes do not arrive together
        }
    }
    must_name(&trial.receive("event byte by byte", &mut connection, began, WORK).await?, &user)?;
    Ok(format!("{} bytes, one by one", request.len()))
}

/// Sends a request, closes the sending side, and still reads.
pub(crate) async fn check_half_close(trial: &mut Trial) -> Result<String, String> {
    let mut connection = trial.open().await?;
    let began = Instant::now();
    connection.send("GET / HTTP/1.1\r\nHost: check\r\n\r\n").await;
    connection.end_input().await;
    let response = trial.receive("request, then the end", &mut connection, began, PATIENCE).await?;
    connection.end(PATIENCE).await.map_err(|instead| format!("answered, then {instead}"))?;
    Ok(format!("answered {}, then closed", response.status().as_u16()))
}

/// Sends a request as it is typed into `nc`.
pub(crate) async fn check_bare_lf(trial: &mut Trial) -> Result<String, String> {
    let (response, _) = trial
        .ask_on_new_connection("typed request", "GET / HTTP/1.1\nHost: check\n\n", PATIENCE)
        .await?;
    match response.status() {
        StatusCode::BAD_REQUEST => Err(format!("answered {}", response.status())),
        status => Ok(format!("answered {}", status.as_u16())),
    }
}

/// Holds the body back until the server sends `100 Continue`.
pub(crate) async fn check_expect_continue(trial: &mut Trial) -> Result<String, String> {
    trial.room_for(1).await;
    let user = fresh_user();
    let event = event(&user, 0);
    let mut connection = trial.open().await?;
    let began = Instant::now();
    connection
        .send(format!("{HEAD}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", event.len()))
        .await;
    match connection.response(false, PATIENCE).await {
        Ok(interim) if interim.status() == StatusCode::CONTINUE => {}
        Ok(response) => return Err(format!("answered {} before the body", response.status())),
        Err(silence) => {
            return Err(instead(silence, PATIENCE).replace("no response", "no 100 Continue"));
        }
    }
    let asked = began.elapsed();
    let response = trial.ask("event that waited", &mut connection, &event, WORK).await?;
    must_name(&response, &user)?;
    Ok(format!("100 Continue after {}", probe::duration::show(asked)))
}

/// Sends HEAD with a body and GET with the same one over one connection.
pub(crate) async fn check_head(trial: &mut Trial) -> Result<String, String> {
    let rest = "/ HTTP/1.1\r\nHost: check\r\nContent-Length: 5\r\n\r\nhello";
    let mut connection = trial.open().await?;
    let began = Instant::now();
    connection.send(format!("HEAD {rest}")).await;
    let head =
        connection.response(true, PATIENCE).await.map_err(|silence| instead(silence, PATIENCE))?;
    let get =
        match trial.ask("GET after HEAD", &mut connection, format!("GET {rest}"), PATIENCE).await {
            Ok(get) => get,
            Err(instead) => return Err(format!("the request after it: {instead}")),
        };
    trial.record("HEAD", began, None, Instant::now(), Some(Outcome::of(&head)));
    let length =
        |response: &Response| response.header(http1::header::CONTENT_LENGTH).map(str::to_owned);
    drop(connection);
    head_of_balances(trial).await?;
    match (length(&head), length(&get)) {
        (Some(head), Some(get)) if head == get => Ok(format!("Content-Length: {head}, no body")),
        (head, get) => {
            let say = |length: Option<String>| length.unwrap_or_else(|| "no Content-Length".into());
            Err(format!("{} for HEAD, {} for GET", say(head), say(get)))
        }
    }
}

/// Where GET of a known resource is served, HEAD is (RFC 9110 §9.3.2).
async fn head_of_balances(trial: &mut Trial) -> Result<(), String> {
    let request = |method| format!("{method} /balances HTTP/1.1\r\nHost: check\r\n\r\n");
    let get = trial.ask_on_new_connection("GET /balances", request("GET"), WORK).await?.0;
    let mut connection = trial.open().await?;
    connection.send(request("HEAD")).await;
    let head = connection.response(true, WORK).await.map_err(|silence| instead(silence, WORK))?;
    if get.status() == head.status() {
        Ok(())
    } else {
        let (head, get) = (head.status().as_u16(), get.status().as_u16());
        Err(format!("/balances: {head} for HEAD, {get} for GET"))
    }
}

/// Checks the fields that every response has.
pub(crate) async fn check_standard_headers(trial: &mut Trial) -> Result<String, String> {
    let cases = [
        ("GET /", "GET / HTTP/1.1\r\nHost: check\r\n\r\n"),
        ("GET of an unknown path", "GET /check-nowhere HTTP/1.1\r\nHost: check\r\n\r\n"),
        ("an empty event", "POST /events HTTP/1.1\r\nHost: check\r\nContent-Length: 0\r\n\r\n"),
        (
            "JSON that is not an event",
            "POST /events HTTP/1.1\r\nHost: check\r\nContent-Length: 2\r\n\r\n[]",
        ),
        ("a malformed request", "GET  / HTTP/1.1\r\nHost: check\r\n\r\n"),
    ];
    let mut wrong = Vec::new();
    for (what, request) in cases {
        let (response, _) = trial.ask_on_new_connection(what, request, PATIENCE).await?;
        let has = |name: &str| response.headers().contains_key(name);
        let missing = ["date", "content-length"].into_iter().find(|name| !has(name));
        let missing = missing
            .or((!response.body().is_empty() && !has("content-type")).then_some("content-type"));
        wrong.extend(missing.map(|missing| format!("{what} (no {missing})")));
    }
    all_of(cases.len(), &wrong, "have all three")
}
