//! A server of the room: where it is, its process if the room has started it, and what is known of
//! it.

use super::lock;
use super::newest::Newest;
use super::process::{Process, Seen};
use super::recording::{Forgotten, MOST_OF_EACH, Period, Recorded};
use super::requests::Requests;
use super::running::Running;
use super::state::State;
use super::usage::Usage;
use anyhow::Context;
use claims::QueueSample;
use probe::addresses::Addresses;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How many requests of attacks may be in flight to one server; any further one is not sent.
pub(super) const MOST: usize = 200;

/// How many probes are remembered.
const REMEMBERED: usize = 16;

/// A server whose probe has waited for longer is shown as silent.
const SILENCE_MS: u64 = 500;

/// What its latest probe found.
#[derive(Clone, Debug)]
pub(super) struct Pulse {
    /// When the first probe was sent that has had no response since.
    pub(super) silent_since_ms: Option<u64>,
    /// How long the last response took.
    pub(super) latency_ms: Option<u64>,
    /// Why the last probe got none, if it did not.
    pub(super) failure: Option<String>,
    /// When each of the last probes was sent, and how long its response took, if it got one; in ms.
    pub(super) probes: Newest<(u64, Option<u64>)>,
    /// The figures of its queue.
    pub(super) queue: Option<Value>,
    pub(super) usage: Option<Usage>,
}

impl Pulse {
    fn new() -> Self {
        Self {
            silent_since_ms: None,
            latency_ms: None,
            failure: None,
            probes: Newest::new(REMEMBERED),
            queue: None,
            usage: None,
        }
    }

    /// A probe was sent.
    pub(super) fn sent(&mut self, at_ms: u64) {
        self.silent_since_ms.get_or_insert(at_ms);
        self.probes.push((at_ms, None));
    }

    /// The probe that was sent then got a response.
    pub(super) fn answered(&mut self, at_ms: u64, took_ms: u64) {
        self.latency_ms = Some(took_ms);
        self.failure = None;
        if let Some(probe) = self.probes.iter_mut().find(|(at, _)| *at == at_ms) {
            probe.1 = Some(took_ms);
        }
    }
}

/// A server of the room.
pub struct Column {
    name: String,
    /// 1 to 5 for a stage.
    stage: Option<u8>,
    pub(super) host: String,
    pub(super) addresses: Addresses,
    process: Option<Process>,
    pub(super) requests: Requests,
    pub(super) places: Arc<Semaphore>,
    pulse: Mutex<Pulse>,
    periods: Mutex<Newest<Period>>,
    samples: Mutex<Newest<QueueSample>>,
    /// How long it works on an event, if that is known.
    work: Option<Duration>,
    pub(super) running: Running,
    retry: AtomicBool,
    not_sent: AtomicU64,
}

impl Column {
    /// A stage, which is started here: this needs a thread where it may block. `work` is how long it
    /// works on an event, if it has such work.
    ///
    /// # Errors
    /// It does not start.
    pub fn stage(
        stage: u8,
        name: String,
        binary: PathBuf,
        options: Vec<String>,
        work: Duration,
        opened: Instant,
    ) -> anyhow::Result<Self> {
        let process = Process::start(binary, options)
            .with_context(|| format!("stage {stage} does not start"))?;
        let addr = process.addr();
        let column = Self::new(name, addr.to_string(), addr.into(), opened);
        Ok(Self { stage: Some(stage), process: Some(process), work: Some(work), ..column })
    }

    /// A server that was not started here.
    pub fn new(name: String, host: String, addresses: Addresses, opened: Instant) -> Self {
        Self {
            name,
            stage: None,
            host,
            addresses,
            process: None,
            requests: Requests::new(opened),
            places: Arc::new(Semaphore::new(MOST)),
            pulse: Mutex::new(Pulse::new()),
            periods: Mutex::new(Newest::new(MOST_OF_EACH)),
            samples: Mutex::new(Newest::new(MOST_OF_EACH)),
            work: None,
            running: Running::default(),
            retry: AtomicBool::new(false),
            not_sent: AtomicU64::new(0),
        }
    }

    /// What the page calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn stage_number(&self) -> Option<u8> {
        self.stage
    }

    pub(super) fn seen(&self) -> Option<Seen> {
        self.process.as_ref().map(Process::look)
    }

    pub(super) fn process(&self) -> anyhow::Result<&Process> {
        self.process.as_ref().context("that server was not started here")
    }

    pub(super) fn retries(&self) -> bool {
        self.retry.load(Ordering::Relaxed)
    }

    pub(super) fn set_retries(&self, retry: bool) {
        self.retry.store(retry, Ordering::Relaxed);
    }

    /// A request was due, and there was no room for it.
    pub(super) fn not_sent(&self) {
        self.not_sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn pulse(&self) -> MutexGuard<'_, Pulse> {
        lock(&self.pulse)
    }

    fn state(&self, seen: Option<&Seen>, pulse: &Pulse) -> State {
        match seen {
            Some(Seen { ended: Some(why), .. }) => State::Ended(why.clone()),
            Some(Seen { is_paused: true, .. }) => State::Paused,
            Some(Seen { is_starting: true, .. }) => State::Starting,
            _ => match (pulse.silent_since_ms, &pulse.failure) {
                (_, Some(failure)) => State::Failing(failure.clone()),
                (Some(since_ms), _) if self.requests.now_ms() > since_ms + SILENCE_MS => {
                    State::Silent { since_ms }
                }
                _ => State::Responds { ms: pulse.latency_ms },
            },
        }
    }

    /// Records the state that the page shows now.
    pub(super) fn record_state(&self) -> State {
        let state = self.state(self.seen().as_ref(), &self.pulse());
        Period::extend(&mut lock(&self.periods), state.clone(), self.requests.now());
        state
    }

    /// Records the figures of its queue, while something is in it and when they change.
    pub(super) fn record_queue(&self, sample: QueueSample) {
        let mut samples = lock(&self.samples);
        let is_news = samples
            .last()
            .is_none_or(|last| sample.queued > 0 || QueueSample { at: last.at, ..sample } != *last);
        if is_news {
            samples.push(sample);
        }
    }

    /// What is known of it so far.
    pub(super) fn record(&self) -> Recorded {
        self.record_state();
        let (requests, forgotten) = self.requests.record();
        let (samples, periods) = (lock(&self.samples), lock(&self.periods));
        Recorded {
            name: self.name.clone(),
            stage: self.stage,
            host: self.host.clone(),
            work: self.work,
            forgotten: Forgotten {
                requests: forgotten,
                samples: samples.forgotten(),
                periods: periods.forgotten(),
            },
            requests,
            samples: samples.to_vec(),
            periods: periods.to_vec(),
        }
    }

    /// Ends its process, if it was started here.
    pub(super) fn end(&self) {
        if let Some(process) = &self.process {
            let _ = process.kill(); // it has ended already
        }
    }

    /// What does not change: its name, its stage and where it is.
    pub(super) fn description(&self) -> Value {
        json!({
            "name": self.name,
            "stage": self.stage,
            "addr": self.host,
            "hasProcess": self.process.is_some(),
        })
    }

    /// What changes, as the page shows it.
    pub(super) fn to_json(&self) -> Value {
        let (seen, pulse) = (self.seen(), self.pulse().clone());
        let mut json = self.requests.to_json();
        json["state"] = self.state(seen.as_ref(), &pulse).to_json();
        json["pid"] = json!(seen.and_then(|seen| seen.pid));
        json["queue"] = pulse.queue.unwrap_or_default();
        json["cpu"] = json!(pulse.usage.map(|usage| usage.cores));
        json["memory"] = json!(pulse.usage.map(|usage| usage.bytes));
        json["attacks"] = json!(self.running.count());
        json["steady"] = json!(self.running.rate());
        json["retry"] = json!(self.retries());
        json["not_sent"] = json!(self.not_sent.load(Ordering::Relaxed));
        json
    }
}
