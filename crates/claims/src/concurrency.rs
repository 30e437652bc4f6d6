//! Many events at the same time.

use crate::event::{event, fresh_user, post_json};
use crate::raw_connection::PATIENCE;
use crate::trial::{TracedRequest, Trial};
use probe::duration::show;
use probe::http_client::{Call, Failure, Outcome, ResponseClient};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The difference between the first and the last response that a busy machine can cause.
pub(crate) const SLACK: Duration = Duration::from_millis(250);

/// Opens ten connections, then sends ten events, one for each of ten users.
pub(crate) async fn check_concurrent(trial: &mut Trial) -> Result<String, String> {
    let events = (0..10).map(|_| (fresh_user(), 1)).collect();
    let calls = concurrently(trial, events, Duration::from_secs(20)).await?;
    let took = trial.trace.iter().map(TracedRequest::took);
    let (first, last) = (took.clone().min().unwrap_or_default(), took.max().unwrap_or_default());
    let unanswered = calls.iter().filter(|call| !call.outcome.is_answer()).count();
    if unanswered > 0 {
        Err(format!("{unanswered} of 10 without a response"))
    } else if last > first * 2 + SLACK {
        Err(format!("one at a time, the last after {}", show(last)))
    } else {
        Ok(format!("all within {}", show(last)))
    }
}

/// Opens a connection for each event, a user and an amount, then sends all events at the same time.
pub(crate) async fn concurrently(
    trial: &mut Trial,
    events: Vec<(String, i64)>,
    patience: Duration,
) -> Result<Vec<Call>, String> {
    let mut clients: Vec<_> = events.iter().map(|_| ResponseClient::new(trial.addr)).collect();
    let connecting = timeout(PATIENCE, async {
        for client in &mut clients {
            client.connect().await?;
        }
        Ok::<_, Failure>(())
    });
    // if the server does not accept, connecting blocks once its backlog is full
    connecting.await.unwrap_or(Ok(())).map_err(|failure| trial.failed(failure))?;
    let began = Instant::now();
    let mut calls = Vec::with_capacity(events.len());
    for (mut client, (user, amount)) in clients.into_iter().zip(&events) {
        let request = post_json(trial.addr, &event(user, *amount));
        // dropping the client with its task disconnects it, so that a server with one thread can go on
        calls.push(tokio::spawn(
            async move { client.call(&request, false, began + patience).await },
        ));
    }
    let mut responses = Vec::with_capacity(calls.len());
    for (call, (user, amount)) in calls.into_iter().zip(events) {
        match call.await {
            Ok(call) => {
                match call.outcome {
                    Outcome::Served(_) => trial.books.accepted(&user, amount),
                    outcome if outcome.is_answer() => {}
                    _ => trial.books.uncertain(&user),
                }
                let request = post_json(trial.addr, &event(&user, amount));
                trial.record_call("event", began, &request, &call, patience);
                responses.push(call);
            }
            Err(error) => std::panic::resume_unwind(error.into_panic()), // none is ever aborted
        }
    }
    Ok(responses)
}

/// How many calls had such an outcome.
pub(crate) fn count(calls: &[Call], is: impl Fn(Outcome) -> bool) -> usize {
    calls.iter().filter(|call| is(call.outcome)).count()
}
