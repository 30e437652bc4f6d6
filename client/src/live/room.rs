//! The servers that one page shows, and what was done to them.

use super::column::Column;
use super::lock;
use super::newest::Newest;
use super::probes;
use super::recording::{Done, MOST_ACTIONS, Recording};
use super::votes::Votes;
use http1::Bytes;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How many lines of what was done are kept.
const LINES: usize = 30;

/// How old the state may be that a browser gets: all browsers together cost as much as one.
const FRESH: Duration = Duration::from_millis(80);

/// What browsers get, as JSON.
#[derive(Clone)]
pub(super) struct State {
    at: Instant,
    /// Everything.
    pub(super) whole: Bytes,
    /// What a small screen shows: a fiftieth of it.
    pub(super) overview: Bytes,
}

/// The servers that one page shows.
pub struct Room {
    pub(super) columns: Vec<Arc<Column>>,
    opened: Instant,
    done: Mutex<Newest<Done>>,
    /// Tells this run from others: when it began, in ms of the system's clock.
    pub(super) run: u64,
    pub(super) votes: Arc<Votes>,
    state: Mutex<Option<State>>,
    lines: Mutex<Newest<(u64, String)>>,
    /// End with the room.
    _watchers: JoinSet<()>,
}

impl Room {
    /// A room with these servers, which are looked at from now on; `opened` is that of the columns.
    /// Each that goes down is a line of `news`, as far as there is room.
    pub fn new(columns: Vec<Column>, opened: Instant, news: &Sender<String>) -> Self {
        let columns: Vec<_> = columns.into_iter().map(Arc::new).collect();
        let mut watchers = JoinSet::new();
        for column in &columns {
            watchers.spawn(probes::watch(column.clone(), news.clone()));
        }
        Self {
            columns,
            opened,
            done: Mutex::new(Newest::new(MOST_ACTIONS)),
            run: SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64),
            votes: Arc::new(Votes::new()),
            state: Mutex::default(),
            lines: Mutex::new(Newest::new(LINES)),
            _watchers: watchers,
        }
    }

    /// Notes what was done, for everyone who looks.
    pub(super) fn note(&self, line: String) {
        lock(&self.lines).push((self.now_ms(), line));
        self.has_changed();
    }

    /// The time since it opened.
    pub(super) fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Records what was done.
    pub(super) fn record_done(&self, done: Done) {
        lock(&self.done).push(done);
    }

    /// The run so far.
    pub fn record(&self) -> Recording {
        let took = self.now();
        let done = lock(&self.done);
        Recording {
            opened: SystemTime::now().checked_sub(took).unwrap_or(SystemTime::UNIX_EPOCH),
            took,
            servers: self.columns.iter().map(|column| column.record()).collect(),
            forgotten_actions: done.forgotten(),
            done: done.to_vec(),
            polls: self.votes.polls(),
        }
    }

    /// Ends each server that was started here.
    pub fn end(&self) {
        self.columns.iter().for_each(|column| column.end());
    }

    /// The next browser gets a new state.
    pub(super) fn has_changed(&self) {
        *lock(&self.state) = None;
    }

    /// Milliseconds since the room opened.
    pub(super) fn now_ms(&self) -> u64 {
        self.now().as_millis() as u64
    }

    /// What the page shows. Times are in milliseconds since the room opened.
    pub(super) fn state(&self) -> State {
        let mut state = lock(&self.state);
        if let Some(state) = state.as_ref().filter(|state| state.at.elapsed() < FRESH) {
            return state.clone();
        }
        let lines = lock(&self.lines).to_vec();
        let columns: Vec<_> = self.columns.iter().map(|column| column.to_json()).collect();
        let overview: Vec<_> =
            columns.iter().map(|column| json!({"state": column["state"]})).collect();
        let now = self.now_ms();
        let question = self.votes.to_json(now);
        let json = |columns: Vec<Value>, lines: Value| {
            let json = json!({"run": self.run, "now": now, "question": question, "columns": columns, "lines": lines});
            Bytes::from(json.to_string())
        };
        let fresh = State {
            at: Instant::now(),
            overview: json(overview, json!([])),
            whole: json(columns, json!(lines)),
        };
        *state = Some(fresh.clone());
        fresh
    }
}
