//! The servers that one page shows, and what was done to them.

use super::column::Column;
use super::probes;
use super::recording::{Done, Recording};
use http1::Bytes;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How many lines of what was done are kept.
const LINES: usize = 30;

/// How many actions are recorded; the newest ones win.
const RECORDED: usize = 500;

/// How old the state may be that a browser gets: all browsers together cost as much as one.
const FRESH: Duration = Duration::from_millis(80);

/// The servers that one page shows.
pub struct Room {
    pub(super) columns: Vec<Arc<Column>>,
    opened: Instant,
    done: Mutex<VecDeque<Done>>,
    state: Mutex<Option<(Instant, Bytes)>>,
    lines: Mutex<VecDeque<(u64, String)>>,
    /// End with the room.
    _watchers: JoinSet<()>,
}

impl Room {
    /// A room with these servers, which are looked at from now on; `opened` is that of the columns.
    pub fn new(columns: Vec<Column>, opened: Instant) -> Self {
        let columns: Vec<_> = columns.into_iter().map(Arc::new).collect();
        let mut watchers = JoinSet::new();
        for column in &columns {
            watchers.spawn(probes::watch(column.clone()));
        }
        Self {
            columns,
            opened,
            done: Mutex::default(),
            state: Mutex::default(),
            lines: Mutex::default(),
            _watchers: watchers,
        }
    }

    /// Notes what was done, for everyone who looks.
    pub(super) fn note(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back((self.opened.elapsed().as_millis() as u64, line));
        drop(lines);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = None; // it is out of date
    }

    /// The time since it opened.
    pub(super) fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Records what was done.
    pub(super) fn record_done(&self, done: Done) {
        let mut all = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == RECORDED {
            all.pop_front();
        }
        all.push_back(done);
    }

    /// The run so far.
    pub fn record(&self) -> Recording {
        let took = self.now();
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Recording {
            opened: SystemTime::now().checked_sub(took).unwrap_or(SystemTime::UNIX_EPOCH),
            took,
            servers: self.columns.iter().map(|column| column.record()).collect(),
            done: done.into(),
        }
    }

    /// Ends each server that was started here.
    pub fn end(&self) {
        self.columns.iter().for_each(|column| column.end());
    }

    /// What the page shows, as JSON. Times are in milliseconds since the room opened.
    pub(super) fn state(&self) -> Bytes {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            Some((at, bytes)) if at.elapsed() < FRESH => bytes.clone(),
            _ => {
                let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let columns: Vec<_> = self.columns.iter().map(|column| column.to_json()).collect();
                let now = self.opened.elapsed().as_millis() as u64;
                let json = json!({"now": now, "columns": columns, "lines": lines});
                let bytes = Bytes::from(json.to_string());
                *state = Some((Instant::now(), bytes.clone()));
                bytes
            }
        }
    }
}
