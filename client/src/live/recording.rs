//! What a room keeps of its run, to be saved: bounded in count, and the newest wins.

use super::requests::RECORDED;
use super::state::State;
use crate::compare::Column;
use claims::{QueueSample, TracedRequest};
use std::collections::VecDeque;
use std::mem::discriminant;
use std::time::{Duration, SystemTime};

/// A run so far. Times count from when the room opened.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) opened: SystemTime,
    pub(super) took: Duration,
    /// From left to right.
    pub(super) servers: Vec<Recorded>,
    /// In the order in which it was done.
    pub(super) done: Vec<Done>,
}

/// What is known of a server.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) name: String,
    pub(super) stage: Option<u8>,
    pub(super) host: String,
    /// How long it works on an event, if that is known.
    pub(super) work: Option<Duration>,
    pub(super) requests: Vec<TracedRequest>,
    /// How many requests were before those.
    pub(super) forgotten: u64,
    pub(super) samples: Vec<QueueSample>,
    pub(super) periods: Vec<Period>,
}

/// A button that was pressed.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) at: Duration,
    /// As the page sends it.
    pub(super) name: &'static str,
    /// What stands on it, and its rate.
    pub(super) label: String,
    pub(super) by_hand: String,
    /// The places of the servers that it was pressed for.
    pub(super) servers: Vec<usize>,
    /// Whether it is an attack, and not the end of one.
    pub(super) is_attack: bool,
}

/// For how long a server was in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) state: State,
}

/// Adds the newest of at most `most`; the oldest makes room.
pub(super) fn push_newest<T>(all: &mut VecDeque<T>, newest: T, most: usize) {
    if all.len() == most {
        all.pop_front();
    }
    all.push_back(newest);
}

impl Period {
    /// Adds what is seen now to periods of which at most `most` are kept.
    pub(super) fn extend(periods: &mut VecDeque<Self>, state: State, now: Duration, most: usize) {
        let mut from = now;
        if let Some(last) = periods.back_mut() {
            if discriminant(&last.state) == discriminant(&state) {
                last.to = now;
                return;
            }
            // a silence is noticed when it has lasted for a while
            if let (State::Responds { .. }, State::Silent { since_ms }) = (&last.state, &state) {
                from = Duration::from_millis(*since_ms).clamp(last.from, now);
            }
            last.to = from;
        }
        push_newest(periods, Self { from, to: now, state }, most);
    }
}

impl Recording {
    /// The servers as columns of a page.
    pub(super) fn columns(&self) -> Vec<Column> {
        let column = |server: &Recorded| Column { stage: server.stage, name: server.name.clone() };
        self.servers.iter().map(column).collect()
    }

    /// What is not recorded any more, in a sentence.
    pub(super) fn forgotten(&self) -> Option<String> {
        let forgotten: u64 = self.servers.iter().map(|server| server.forgotten).sum();
        (forgotten > 0).then(|| {
            format!(
                "Of each server the newest {RECORDED} requests were recorded; {forgotten} older ones are not here."
            )
        })
    }
}
