//! Slow and silent clients, and their effect on the others.

use crate::raw_connection::{PATIENCE, RawConnection, is_error};
use crate::trial::{Trial, all_of, instead};
use probe::duration::show;
use probe::hold::Misbehaviour;
use probe::http_client::{Call, Failure, Outcome};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// How long all of them together may take to connect.
const OPENING: Duration = Duration::from_secs(6);

/// How long a normal client waits after the misbehaving ones have disconnected.
const RECOVERY: Duration = Duration::from_secs(10);

/// While one client misbehaves, three normal requests follow, one after another.
pub(crate) async fn check_not_blocked(
    trial: &mut Trial,
    misbehaviour: Misbehaviour,
) -> Result<String, String> {
    hold_and_send_requests(trial, misbehaviour, 1).await
}

/// While 300 clients are silent, three normal requests follow.
pub(crate) async fn check_not_blocked_by_many(trial: &mut Trial) -> Result<String, String> {
    const MANY: usize = 300;
    let _ = rlimit::increase_nofile_limit(MANY as u64 + 100); // if the limit cannot be raised, opening connections fails below
    hold_and_send_requests(trial, Misbehaviour::Silent, MANY)
        .await
        .map(|figure| format!("{figure}, {MANY} idle"))
}

async fn hold_and_send_requests(
    trial: &mut Trial,
    misbehaviour: Misbehaviour,
    count: usize,
) -> Result<String, String> {
    let mut held = Vec::with_capacity(count);
    while held.len() < count && trial.began.elapsed() < OPENING {
        // if the server does not accept, connecting blocks once its backlog is full
        match timeout(PATIENCE, trial.open()).await {
            Ok(Ok(mut connection)) => {
                connection.send(misbehaviour.bytes().0).await;
                held.push(connection);
            }
            Ok(Err(failure)) => return Err(failure),
            Err(_) => break,
        }
    }
    let mut slowest = Duration::ZERO;
    let mut frozen = None;
    for _ in 0..3 {
        let asked = Instant::now();
        let Call { outcome, ended, .. } = trial.send_normal_request(PATIENCE).await;
        slowest = slowest.max(ended - asked);
        if !outcome.is_answer() {
            frozen = Some(outcome);
            break;
        }
    }
    for connection in &held {
        trial.misbehaved("connection held open", connection);
    }
    let missing = count - held.len();
    drop(held);
    let Some(frozen) = frozen else {
        return match missing {
            0 => Ok(format!("answered in {}", show(slowest))),
            missing => Err(format!("{missing} of {count} not connected")),
        };
    };
    let recovered = trial.send_normal_request(RECOVERY).await.outcome.is_answer();
    let figure = instead(frozen, PATIENCE);
    Err(if recovered { figure } else { figure + ", and none after it disconnected" })
}

/// How long a server may take to disconnect: ten seconds, and what a busy machine adds.
const DISCONNECTED: Duration = Duration::from_secs(14);

/// Five clients at once: one is silent, one stops in the head of its request, one in the body, one drips, and one is idle after
/// a response.
pub(crate) async fn check_deadline(trial: &mut Trial) -> Result<String, String> {
    let cases: [(_, &[u8], _); 5] = [
        ("an idle client", b"GET / HTTP/1.1\r\nHost: check\r\n\r\n", Misbehaviour::Silent),
        ("a silent client", b"", Misbehaviour::Silent),
        ("half a head", b"", Misbehaviour::HalfHead),
        ("half a body", b"", Misbehaviour::HalfBody),
        ("a dripping client", b"GET / HTTP/1.1\r\n", Misbehaviour::Drip),
    ];
    let mut held = JoinSet::new();
    for (what, request, misbehaviour) in cases {
        let mut connection = trial.open().await?;
        if misbehaviour == Misbehaviour::Silent && !request.is_empty() {
            // a server with one thread may not respond here: then this client is silent, not idle
            let _ = trial.ask("request, then nothing", &mut connection, request, PATIENCE).await;
        } else {
            connection.send([request, misbehaviour.bytes().0].concat()).await;
        }
        held.spawn(async move {
            let began = Instant::now();
            let end = match what {
                // no request has begun: expect a close without a response
                "an idle client" | "a silent client" => connection.end(DISCONNECTED).await,
                _ => expect_rejection(&mut connection, misbehaviour).await,
            };
            (what, connection, began.elapsed(), end)
        });
    }
    let (mut wrong, mut open, mut last) = (Vec::new(), 0, Duration::ZERO);
    while let Some(Ok((what, connection, after, end))) = held.join_next().await {
        trial.misbehaved(what, &connection);
        last = last.max(after);
        open += usize::from(after >= DISCONNECTED);
        wrong.extend(end.err().map(|instead| (what, format!("{what} ({instead})"))));
    }
    // in the order of the cases, so that two runs print the same figure
    wrong.sort_by_key(|(what, _)| cases.iter().position(|(case, ..)| case == what));
    let wrong: Vec<_> = wrong.into_iter().map(|(_, said)| said).collect();
    if open == cases.len() {
        return Err(format!("{open} of {open} still open after {} s", DISCONNECTED.as_secs()));
    }
    all_of(cases.len(), &wrong, &format!("disconnected, the last after {}", show(last)))
}

/// Waits for an error response and the end of the connection; a dripping client keeps sending meanwhile.
async fn expect_rejection(
    connection: &mut RawConnection,
    misbehaviour: Misbehaviour,
) -> Result<(), String> {
    let end = Instant::now() + DISCONNECTED;
    let response = loop {
        let left = end.saturating_duration_since(Instant::now());
        let step = if misbehaviour == Misbehaviour::Drip {
            left.min(Duration::from_millis(300))
        } else {
            left
        };
        match connection.response(false, step).await {
            Err(Outcome::TimedOut) if Instant::now() < end => drop(connection.send("x").await),
            response => break response,
        }
    };
    match response {
        Ok(response) => is_error(response.status())?,
        Err(Outcome::TimedOut) => return Err("left open".into()),
        Err(Outcome::Failed(Failure::Closed)) => return Err("closed without a response".into()),
        Err(silence) => return Err(instead(silence, DISCONNECTED)),
    }
    connection.end(PATIENCE).await.map_err(|instead| format!("rejected, then {instead}"))
}
