//! What a room keeps of its run, to be saved: bounded in count, and the newest wins.

use super::newest::Newest;
use super::state::State;
use crate::compare::Column;
use claims::{QueueSample, TracedRequest};
use std::mem::discriminant;
use std::time::{Duration, SystemTime};

/// How many requests, states and figures of its queue are recorded of a server.
pub(super) const MOST_OF_EACH: usize = 10_000;

/// How many actions are recorded.
pub(super) const MOST_ACTIONS: usize = 500;

/// A run so far. Times count from when the room opened.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) opened: SystemTime,
    pub(super) took: Duration,
    /// From left to right.
    pub(super) servers: Vec<Recorded>,
    /// In the order in which it was done.
    pub(super) done: Vec<Done>,
    /// How many actions were before those.
    pub(super) forgotten_actions: u64,
    /// The votes on the attacks that the room was asked about.
    pub(super) polls: Vec<Poll>,
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
    pub(super) samples: Vec<QueueSample>,
    pub(super) periods: Vec<Period>,
    pub(super) forgotten: Forgotten,
}

/// How many of each were before those that are recorded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Forgotten {
    pub(super) requests: u64,
    pub(super) samples: u64,
    pub(super) periods: u64,
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
    /// The question that the room was asked before, if it was.
    pub(super) question: Option<u64>,
}

/// What the room predicted of an attack, and whether that was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Poll {
    pub(super) question: u64,
    /// The places of the servers that it was asked about.
    pub(super) servers: Vec<usize>,
    pub(super) votes: usize,
    /// How many addresses they came from.
    pub(super) devices: usize,
    /// For each of those servers, how many votes said that it will respond.
    pub(super) expected: Vec<usize>,
    /// `None` if the run was saved or ended before it was measured.
    pub(super) outcome: Option<Outcome>,
}

/// What was measured after a vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Which servers responded, in the order of the question.
    pub(super) responded: Vec<bool>,
    /// For each of them, how many votes were right.
    pub(super) right: Vec<usize>,
    /// How many votes were right about all of them.
    pub(super) all_right: usize,
}

/// For how long a server was in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) state: State,
}

impl Period {
    /// Adds what is seen now.
    pub(super) fn extend(periods: &mut Newest<Self>, state: State, now: Duration) {
        let mut from = now;
        if let Some(last) = periods.last_mut() {
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
        periods.push(Self { from, to: now, state });
    }
}

impl Recording {
    /// The servers as columns of a page.
    pub(super) fn columns(&self) -> Vec<Column> {
        let column = |server: &Recorded| Column { stage: server.stage, name: server.name.clone() };
        self.servers.iter().map(column).collect()
    }

    /// The votes on an action, if the room was asked.
    pub(super) fn poll(&self, done: &Done) -> Option<&Poll> {
        let question = done.question?;
        self.polls.iter().find(|poll| poll.question == question)
    }

    /// What is not recorded any more, in a sentence.
    pub(super) fn forgotten(&self) -> Option<String> {
        let sum = |of: fn(&Forgotten) -> u64| -> u64 {
            self.servers.iter().map(|server| of(&server.forgotten)).sum()
        };
        let counts = [
            (sum(|of| of.requests), "requests"),
            (sum(|of| of.samples), "figures of a queue"),
            (sum(|of| of.periods), "states"),
            (self.forgotten_actions, "actions"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        (!counts.is_empty()).then(|| {
            format!(
                "Recorded are the newest {MOST_OF_EACH} requests, states and figures of its queue of each server, and the \
                 newest {MOST_ACTIONS} actions. Older ones are not here: {}.",
                counts.join(", ")
            )
        })
    }
}
