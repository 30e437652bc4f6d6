//! More connections than a server has places for.

use crate::raw_connection::{PATIENCE, WORK};
use crate::trial::Trial;
use http1::{Response, StatusCode, header};
use probe::http_client::{Outcome, get};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// More connections than stage 5 accepts.
const CONNECTIONS: usize = 1100;

/// Opens one connection that is served, more than a thousand that send nothing, and one more.
pub(crate) async fn check_max_connections(trial: &mut Trial) -> Result<String, String> {
    trial.needs_descriptors(CONNECTIONS as u64 + 20)?;
    let request = get(trial.addr, "/");
    let mut first = trial.open().await?;
    trial.ask("the first", &mut first, &request, PATIENCE).await?;
    let mut others = Vec::with_capacity(CONNECTIONS);
    for number in 1..CONNECTIONS {
        if number % 100 == 0 {
            // a server closes a connection that is idle too long
            let response = trial.ask("the first, again", &mut first, &request, PATIENCE).await;
            response.map_err(|instead| format!("the first, beside {number} others: {instead}"))?;
        }
        match trial.open().await {
            Ok(connection) => others.push(connection),
            Err(instead) => return Err(format!("connection {number}: {instead}")),
        }
    }
    let mut last =
        trial.open().await.map_err(|instead| format!("connection {CONNECTIONS}: {instead}"))?;
    let response = trial.ask("the last", &mut last, &request, WORK).await?;
    let ended = last.end(PATIENCE).await;
    let mut rejected = 1;
    for connection in others.iter_mut().rev() {
        match connection.response(false, Duration::from_millis(20)).await {
            Ok(response) if is_rejection(&response) => rejected += 1,
            _ => break,
        }
    }
    let still = trial.ask("the first, again", &mut first, &request, PATIENCE).await;
    drop((first, last, others));
    let free = timeout(WORK, async {
        // until the server has noticed that the connections are closed
        while let Outcome::Shed(_) = trial.send_normal_request(PATIENCE).await.outcome {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let free = free.await.is_ok();
    if response.status() != StatusCode::SERVICE_UNAVAILABLE {
        return Err(format!("{CONNECTIONS} connections, none rejected"));
    }
    if !is_rejection(&response) {
        return Err("rejected without Retry-After".into());
    }
    ended.map_err(|instead| format!("rejected, then {instead}"))?;
    still.map_err(|instead| format!("the first, while others were rejected: {instead}"))?;
    if free {
        Ok(format!("rejected {rejected} of {CONNECTIONS}"))
    } else {
        Err("still full after all had disconnected".into())
    }
}

/// Opens as many connections as are served, lets a hundred others end badly, and opens as many again.
pub(crate) async fn check_places_returned(trial: &mut Trial) -> Result<String, String> {
    trial.needs_descriptors(CONNECTIONS as u64 + 20)?;
    let before = count_places(trial).await?;
    for number in 0..ENDING_BADLY {
        let mut connection = trial.open().await?;
        match number % 2 {
            0 => drop(connection.send("GET / HTTP/1.1\r\nHos").await),
            _ => {
                connection.send("GET  / HTTP/1.1\r\nHost: check\r\n\r\n").await;
                let _ = connection.response(false, PATIENCE).await;
            }
        }
        trial.misbehaved("connection that ends badly", &connection);
    }
    let after = count_places(trial).await?;
    if after + ENDING_BADLY / 4 < before {
        return Err(format!("{before} places, and {after} after {ENDING_BADLY} had ended badly"));
    }
    Ok(format!("{before} places, and {after} after {ENDING_BADLY} had ended badly"))
}

/// How many connections end in the middle of a request or with a rejection.
const ENDING_BADLY: usize = 100;

/// Opens more connections than the server has places for, and closes them again; how many were not rejected.
async fn count_places(trial: &mut Trial) -> Result<usize, String> {
    let mut opened = Vec::with_capacity(CONNECTIONS);
    for number in 1..=CONNECTIONS {
        match trial.open().await {
            Ok(connection) => opened.push(connection),
            Err(instead) => return Err(format!("connection {number}: {instead}")),
        }
    }
    // the server accepts in order, so a response to the last says that it has seen all
    let last = opened.last_mut().ok_or("no connection was opened")?;
    last.send(get(trial.addr, "/")).await;
    match last.response(false, PATIENCE * 2).await {
        Ok(response) if is_rejection(&response) => {}
        _ => return Err(format!("{CONNECTIONS} connections, none rejected")),
    }
    let mut rejected = 1;
    for connection in opened.iter_mut().rev().skip(1) {
        match connection.response(false, Duration::from_millis(50)).await {
            Ok(response) if is_rejection(&response) => rejected += 1,
            _ => break,
        }
    }
    drop(opened);
    let freed = timeout(WORK, async {
        while let Outcome::Shed(_) = trial.send_normal_request(PATIENCE).await.outcome {
            sleep(Duration::from_millis(20)).await;
        }
        sleep(Duration::from_millis(300)).await; // until the server has noticed all of them
    });
    freed.await.map_err(|_| "still full after all had disconnected")?;
    Ok(CONNECTIONS - rejected)
}

fn is_rejection(response: &Response) -> bool {
    response.status() == StatusCode::SERVICE_UNAVAILABLE
        && response.header(header::RETRY_AFTER).is_some()
}
