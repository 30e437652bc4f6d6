//! One client that does not go on, and everyone else.

use super::{Exchange, Finding, Trial};
use crate::caller::{Call, show};
use crate::hold::Manner;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// How long an honest client waits before it calls the server frozen.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits after the misbehaving one has left.
const RECOVERY: Duration = Duration::from_secs(10);

/// While one client misbehaves, three honest ones come after it, one by one.
pub(super) async fn stops_nobody(mut trial: Trial, manner: Manner) -> Finding {
    let began = trial.began;
    let opening = async {
        let mut stream = TcpStream::connect(trial.addr).await?;
        stream.write_all(manner.bytes().0).await?;
        std::io::Result::Ok(stream)
    };
    let held = match timeout(PATIENCE, opening).await {
        Ok(Ok(held)) => held,
        Ok(Err(error)) => return trial.no_server(error.into()),
        Err(_) => return trial.broken("no connection"),
    };
    let connected = Some(began.elapsed());
    let mut slowest = Duration::ZERO;
    let mut frozen = false;
    for _ in 0..3 {
        let asked = Instant::now();
        let Call { outcome, ended, .. } = trial.probe(PATIENCE).await;
        slowest = slowest.max(ended - asked);
        frozen = !outcome.is_answer();
        if frozen {
            break;
        }
    }
    drop(held);
    let what = "connection that does not go on";
    let held = Exchange { what, began: Duration::ZERO, connected, ended: began.elapsed(), outcome: None };
    trial.trace.insert(0, held);
    if !frozen {
        return trial.kept(format!("answered in {}", show(slowest)));
    }
    let recovered = trial.probe(RECOVERY).await.outcome.is_answer();
    let figure = format!("no answer in {} s", PATIENCE.as_secs());
    trial.broken(if recovered { figure } else { figure + ", nor after it left" })
}
