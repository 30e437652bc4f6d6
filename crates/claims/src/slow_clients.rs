//! Slow and silent clients, and their effect on the others.

use crate::raw_connection::PATIENCE;
use crate::trial::{Trial, instead};
use probe::duration::show;
use probe::hold::Misbehaviour;
use probe::http_client::Call;
use std::time::Duration;
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
    trial.needs_descriptors(MANY as u64 + 20)?;
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

/// While one client sends requests and reads no response, three normal requests follow.
pub(crate) async fn check_slow_reader(trial: &mut Trial) -> Result<String, String> {
    let mut connection = trial.open_narrow().await?;
    let sent = connection.send_without_reading().await;
    let mut slowest = Duration::ZERO;
    for _ in 0..3 {
        let asked = Instant::now();
        let Call { outcome, ended, .. } = trial.send_normal_request(PATIENCE).await;
        slowest = slowest.max(ended - asked);
        if !outcome.is_answer() {
            return Err(instead(outcome, PATIENCE));
        }
    }
    trial.misbehaved("client that does not read", &connection);
    Ok(format!("answered in {}, {sent} requests unread", show(slowest)))
}
