//! Many events at the same time.

use crate::event::{event, post_event};
use crate::raw_connection::PATIENCE;
use crate::trial::{Exchange, Trial};
use probe::duration::show;
use probe::http_client::{Call, Failure, Outcome, ResponseClient};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// More than that between the first answer and the last is no noise of a busy machine.
pub(crate) const SLACK: Duration = Duration::from_millis(250);

/// Ten connections, then ten events: on each of ten users' accounts one.
pub(crate) async fn do_not_wait(trial: &mut Trial) -> Result<String, String> {
    let events = (0..10).map(|number| event(&format!("user{number}"), 1)).collect();
    let calls = at_once(trial, events, Duration::from_secs(20)).await?;
    let took = trial.trace.iter().map(Exchange::took);
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

/// A connection for each event first, then the events on all of them at the same time.
pub(crate) async fn at_once(
    trial: &mut Trial,
    events: Vec<String>,
    patience: Duration,
) -> Result<Vec<Call>, String> {
    let mut callers: Vec<_> = events.iter().map(|_| ResponseClient::new(trial.addr)).collect();
    let connecting = timeout(PATIENCE, async {
        for caller in &mut callers {
            caller.connect().await?;
        }
        Ok::<_, Failure>(())
    });
    // beyond its backlog a server that accepts nobody lets them wait: those connect when they can
    connecting.await.unwrap_or(Ok(())).map_err(|failure| failure.to_string())?;
    let began = Instant::now();
    let mut calls = Vec::with_capacity(events.len());
    for (mut caller, event) in callers.into_iter().zip(events) {
        let request = post_event(trial.addr, "application/json", event.as_bytes());
        // the caller goes with its task: a server that serves one at a time waits for it to hang up
        calls.push(tokio::spawn(
            async move { caller.call(&request, false, began + patience).await },
        ));
    }
    let mut answers = Vec::with_capacity(calls.len());
    for call in calls {
        match call.await {
            Ok(call) => {
                trial.record("event", began, call.connected, call.ended, Some(call.outcome));
                answers.push(call);
            }
            Err(error) => std::panic::resume_unwind(error.into_panic()), // none is ever aborted
        }
    }
    Ok(answers)
}

/// How many of them came to that.
pub(crate) fn count(calls: &[Call], is: impl Fn(Outcome) -> bool) -> usize {
    calls.iter().filter(|call| is(call.outcome)).count()
}
