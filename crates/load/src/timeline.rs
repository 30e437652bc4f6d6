//! The run second by second, from samples of the counters: a request costs nothing more for it.

use crate::retry::Resent;
use probe::addresses::Addresses;
use probe::http_client::{ResponseClient, get};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// What happened within one second of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Requests that became due.
    pub due: u64,
    /// Requests that were served, shed, rejected, timed out and failed, each once, when its last attempt ended.
    pub outcomes: [u64; 5],
    /// Attempts that were sent again.
    pub resent: u64,
    /// How many waited in the server at its end, if the server says so.
    pub waiting: Option<u64>,
}

impl Second {
    /// Requests that were served.
    pub fn served(&self) -> u64 {
        self.outcomes[0]
    }
}

/// The counters at one moment, from the beginning of the run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) due: u64,
    pub(crate) outcomes: [u64; 5],
    pub(crate) resent: Resent,
}

/// The seconds so far.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    seconds: Vec<Second>,
    before: Sample,
}

impl Timeline {
    /// Whether another second is over.
    pub(crate) fn is_behind(&self, elapsed: Duration) -> bool {
        elapsed.as_secs() > self.seconds.len() as u64
    }

    /// Ends a second. If this process was stopped for several, they have the same end.
    pub(crate) fn end_second(&mut self, sample: Sample, waiting: Option<u64>) {
        let resent = |sample: &Sample| sample.resent.shed + sample.resent.timed_out;
        let mut outcomes = sample.outcomes;
        outcomes.iter_mut().zip(self.before.outcomes).for_each(|(now, before)| *now -= before);
        self.seconds.push(Second {
            due: sample.due.saturating_sub(self.before.due),
            outcomes,
            resent: resent(&sample) - resent(&self.before),
            waiting,
        });
        self.before = sample;
    }

    pub(crate) fn last(&self) -> Option<Second> {
        self.seconds.last().copied()
    }

    /// Adds the second that the end of the run has cut off, unless nothing happened in it.
    pub(crate) fn finish(mut self, sample: Sample) -> Vec<Second> {
        self.end_second(sample, None);
        if self.last() == Some(Second::default()) {
            self.seconds.pop();
        }
        self.seconds
    }
}

/// Asks `GET /stats` once a second how many wait, on a connection for each, until the server shows that it does not say.
/// A server that does not respond for a while is asked again.
pub(crate) async fn watch_queue(server: Addresses, queued: watch::Sender<Option<u64>>) {
    const PATIENCE: Duration = Duration::from_millis(900);
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let request = get(server.preferred(), "/stats");
        let mut client = ResponseClient::new(server.clone());
        let call = client.call(&request, false, Instant::now() + PATIENCE).await;
        let says = call.response.map(|response| {
            let stats: Option<Value> = serde_json::from_slice(response.body()).ok();
            stats.and_then(|stats| stats.get("queued")?.as_u64())
        });
        let _ = queued.send(says.flatten()); // the run may be over
        if says == Some(None) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_what_came_since_the_one_before_and_all_add_up() {
        let mut timeline = Timeline::default();
        let sample = |due, served, timed_out| Sample {
            due,
            outcomes: [served, 0, 0, timed_out, 0],
            resent: Resent { shed: 1, timed_out, denied: 9 },
        };
        assert!(!timeline.is_behind(Duration::from_millis(999)));
        assert!(timeline.is_behind(Duration::from_millis(1001)));
        timeline.end_second(sample(35, 30, 0), Some(7));
        assert!(!timeline.is_behind(Duration::from_millis(1999)));
        timeline.end_second(sample(70, 30, 3), None);
        let seconds = timeline.finish(sample(70, 30, 3));
        assert_eq!(
            seconds,
            [
                Second { due: 35, outcomes: [30, 0, 0, 0, 0], resent: 1, waiting: Some(7) },
                Second { due: 35, outcomes: [0, 0, 0, 3, 0], resent: 3, waiting: None },
            ]
        );
    }
}
