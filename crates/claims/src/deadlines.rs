//! How long a server waits for slow and idle clients.

use crate::event::HEAD;
use crate::raw_connection::{PATIENCE, RawConnection};
use crate::trial::{Trial, all_of, instead};
use http1::StatusCode;
use probe::duration::show;
use probe::http_client::{Failure, Outcome};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a server may take to disconnect: ten seconds, and what a busy machine adds.
const DISCONNECTED: Duration = Duration::from_secs(14);

/// How long a dripping client waits between two bytes.
const DRIP: Duration = Duration::from_millis(300);

const GET: &str = "GET / HTTP/1.1\r\nHost: check\r\n\r\n";

/// A body that is longer than a dripping client gets to send, after a head that asks to be confirmed.
const LONG_BODY: &str = "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n";

/// What a client does until it is disconnected.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Client {
    /// It sends this, reads the response to it, if there is one, and no more.
    Idle(&'static str),
    /// It sends this and no more.
    Stops(&'static str),
    /// It reads the response to a request, and sends this and no more.
    StopsInSecond(&'static str),
    /// It sends a head field byte by byte.
    DripsHead,
    /// It completes its head after this time and sends a body byte by byte.
    DripsBody(Duration),
    /// It sends requests and reads no response.
    DoesNotRead,
}

const CASES: &[(&str, Client)] = &[
    ("an idle client", Client::Idle(GET)),
    ("a silent client", Client::Idle("")),
    ("half a head", Client::Stops("GET / HTTP/1.1\r\nHos")),
    (
        "half a body",
        Client::Stops("POST /events HTTP/1.1\r\nHost: check\r\nContent-Length: 31\r\n\r\n{"),
    ),
    ("half a second request", Client::StopsInSecond("GET / HTTP/1.1\r\nHos")),
    ("a dripping head", Client::DripsHead),
    // a deadline may be shorter than ten seconds: the body must begin before it
    ("a dripping body", Client::DripsBody(Duration::from_secs(1))),
    ("a dripping body", Client::DripsBody(Duration::from_millis(4500))),
    ("a dripping body", Client::DripsBody(Duration::from_millis(7500))),
    ("a client that does not read", Client::DoesNotRead),
];

/// Ten clients at once, each slow or idle in its way.
pub(crate) async fn check_deadline(trial: &mut Trial) -> Result<String, String> {
    let mut held = JoinSet::new();
    for &(what, client) in CASES {
        let mut connection = match client {
            Client::DoesNotRead => trial.open_narrow().await?,
            _ => trial.open().await?,
        };
        if let Client::Idle(request) | Client::StopsInSecond(request) = client {
            let first = if matches!(client, Client::Idle(_)) { request } else { GET };
            if !first.is_empty() {
                // a server with one thread may not respond here: then this client is silent, not idle
                let _ = trial.ask("request, then nothing", &mut connection, first, PATIENCE).await;
            }
        }
        held.spawn(async move {
            let began = Instant::now();
            let end = connection.misbehave(client).await;
            (what, client, connection, began.elapsed(), end)
        });
    }
    let (mut wrong, mut open, mut last) = (Vec::new(), 0, Duration::ZERO);
    let (mut half_head, mut bodies) = (DISCONNECTED, Vec::new());
    while let Some(Ok((what, client, connection, after, end))) = held.join_next().await {
        trial.misbehaved(what, &connection);
        last = last.max(after);
        open += usize::from(after >= DISCONNECTED);
        match client {
            Client::Stops(_) => half_head = half_head.min(after),
            Client::DripsBody(begins) if end.is_ok() => bodies.push((client, begins, after)),
            _ => {}
        }
        wrong.extend(end.err().map(|instead| (client, format!("{what} ({instead})"))));
    }
    // its deadline must not start anew with its body
    wrong.extend(
        bodies.into_iter().filter(|(_, begins, after)| *after > half_head + *begins / 2).map(
            |(client, begins, after)| {
                let (begins, after) = (show(begins), show(after));
                (
                    client,
                    format!(
                        "a dripping body (began after {begins}, disconnected only after {after})"
                    ),
                )
            },
        ),
    );
    // in the order of the cases, so that two runs print the same figure
    wrong.sort_by_key(|(client, _)| CASES.iter().position(|(_, case)| case == client));
    let wrong: Vec<_> = wrong.into_iter().map(|(_, said)| said).collect();
    // a server with one thread responds to one of them in the end
    if wrong.len() == CASES.len() && open > 0 {
        let (all, seconds) = (CASES.len(), DISCONNECTED.as_secs());
        return Err(format!("{open} of {all} still open after {seconds} s"));
    }
    all_of(CASES.len(), &wrong, &format!("disconnected, the last after {}", show(last)))
}

impl RawConnection {
    /// Waits until the server ends the connection in the way that the client's misbehaviour deserves.
    async fn misbehave(&mut self, client: Client) -> Result<(), String> {
        let end = Instant::now() + DISCONNECTED;
        match client {
            // no request has begun: expect a close without a response
            Client::Idle(_) => return self.end(DISCONNECTED).await,
            Client::DoesNotRead => {
                self.send_without_reading().await;
                let left = end.saturating_duration_since(Instant::now());
                let ended = self.wait_for_reset(left).await;
                return if ended { Ok(()) } else { Err("left open".into()) };
            }
            Client::Stops(part) | Client::StopsInSecond(part) => {
                self.send(part).await;
            }
            Client::DripsHead => {
                self.send("GET / HTTP/1.1\r\nX: ").await;
            }
            Client::DripsBody(begins) => {
                self.send(HEAD).await;
                match self.response(false, begins).await {
                    Err(Outcome::TimedOut) => {}
                    early => return self.expect_408(early).await,
                }
                self.send(LONG_BODY).await;
            }
        }
        let drips = matches!(client, Client::DripsHead | Client::DripsBody(_));
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.response(false, if drips { left.min(DRIP) } else { left }).await {
                Ok(interim) if interim.status().is_informational() => {}
                Err(Outcome::TimedOut) if drips && Instant::now() < end => {
                    self.send("x").await;
                }
                response => return self.expect_408(response).await,
            }
        }
    }

    /// Expects that this is a 408 and the connection's last response.
    async fn expect_408(
        &mut self,
        response: Result<http1::Response, Outcome>,
    ) -> Result<(), String> {
        match response {
            Ok(response) if response.status() == StatusCode::REQUEST_TIMEOUT => {}
            Ok(response) => return Err(format!("answered {}", response.status())),
            Err(Outcome::TimedOut) => return Err("left open".into()),
            Err(Outcome::Failed(Failure::Closed)) => {
                return Err("closed without a response".into());
            }
            Err(silence) => return Err(instead(silence, DISCONNECTED)),
        }
        self.end(PATIENCE).await.map_err(|instead| format!("rejected, then {instead}"))
    }
}
