//! A server of the room: where it is, its process if the room has started it, and what is known of
//! it.

use super::attacks::{Attack, MOST};
use super::process::{Process, Seen};
use super::requests::Requests;
use super::usage::Usage;
use anyhow::{Context, bail};
use probe::addresses::Addresses;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How many attacks may run on one server at a time.
const MOST_ATTACKS: usize = 32;

/// The highest rate of a steady load, in requests per second.
pub const FASTEST: u32 = 100;

/// A server whose probe has waited for longer is shown as silent.
const SILENCE_MS: u64 = 500;

/// What its latest probe found.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulse {
    /// When the first probe was sent that has had no response since.
    pub(super) silent_since_ms: Option<u64>,
    /// How long the last response took.
    pub(super) latency_ms: Option<u64>,
    /// Why the last probe got none, if it did not.
    pub(super) failure: Option<String>,
    /// The figures of its queue.
    pub(super) queue: Option<Value>,
    pub(super) usage: Option<Usage>,
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
    attacks: Mutex<(CancellationToken, Vec<Attack>)>,
    rate: AtomicU32,
    retry: AtomicBool,
    not_sent: AtomicU64,
}

impl Column {
    /// A stage, which is started here: this needs a thread where it may block.
    ///
    /// # Errors
    /// It does not start.
    pub fn stage(
        stage: u8,
        name: String,
        binary: PathBuf,
        options: Vec<String>,
        opened: Instant,
    ) -> anyhow::Result<Self> {
        let process = Process::start(binary, options)
            .with_context(|| format!("stage {stage} does not start"))?;
        let addr = process.addr();
        let column = Self::new(name, addr.to_string(), addr.into(), opened);
        Ok(Self { stage: Some(stage), process: Some(process), ..column })
    }

    /// A server that somebody else has started.
    pub fn new(name: String, host: String, addresses: Addresses, opened: Instant) -> Self {
        Self {
            name,
            stage: None,
            host,
            addresses,
            process: None,
            requests: Requests::new(opened),
            places: Arc::new(Semaphore::new(MOST)),
            pulse: Mutex::default(),
            attacks: Mutex::default(),
            rate: AtomicU32::new(0),
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

    /// Begins an attack. A steady load that runs already goes on at the rate of the column.
    pub(super) fn attack(self: &Arc<Self>, attack: Attack) -> anyhow::Result<()> {
        let mut attacks = self.attacks();
        let (stop, running) = &mut *attacks;
        if attack == Attack::Steady && running.contains(&attack) {
            return Ok(());
        }
        if running.len() == MOST_ATTACKS {
            bail!("{MOST_ATTACKS} attacks on it are running; stop them first");
        }
        running.push(attack);
        let (column, stop) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            attack.run(column.clone(), stop.clone()).await;
            let mut attacks = column.attacks();
            if stop.is_cancelled() {
                return; // the list is that of later attacks
            }
            if let Some(place) = attacks.1.iter().position(|one| *one == attack) {
                attacks.1.swap_remove(place);
            }
            if attack == Attack::Steady && !attacks.1.contains(&attack) {
                column.set_rate(0);
            }
        });
        Ok(())
    }

    /// Ends all attacks on it, with their requests in flight.
    pub(super) fn stop(&self) {
        self.set_rate(0);
        let mut attacks = self.attacks();
        std::mem::take(&mut *attacks).0.cancel();
    }

    pub(super) fn rate(&self) -> u32 {
        self.rate.load(Ordering::Relaxed)
    }

    pub(super) fn set_rate(&self, rate: u32) {
        self.rate.store(rate.min(FASTEST), Ordering::Relaxed);
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
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attacks(&self) -> MutexGuard<'_, (CancellationToken, Vec<Attack>)> {
        self.attacks.lock().unwrap_or_else(PoisonError::into_inner)
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
        let state = match &seen {
            Some(Seen { ended: Some(why), .. }) => json!({"is": "ended", "text": why}),
            Some(Seen { is_paused: true, .. }) => json!({"is": "paused"}),
            Some(Seen { is_starting: true, .. }) => json!({"is": "starting"}),
            _ => match (pulse.silent_since_ms, pulse.failure) {
                (_, Some(failure)) => json!({"is": "failing", "text": failure}),
                (Some(since), _) if self.requests.now_ms() > since + SILENCE_MS => {
                    json!({"is": "silent", "since": since})
                }
                _ => json!({"is": "responds", "ms": pulse.latency_ms}),
            },
        };
        json["state"] = state;
        json["pid"] = json!(seen.and_then(|seen| seen.pid));
        json["queue"] = pulse.queue.unwrap_or_default();
        json["cpu"] = json!(pulse.usage.map(|usage| usage.cores));
        json["memory"] = json!(pulse.usage.map(|usage| usage.bytes));
        json["attacks"] = json!(self.attacks().1.len());
        json["steady"] = json!(self.rate());
        json["retry"] = json!(self.retries());
        json["not_sent"] = json!(self.not_sent.load(Ordering::Relaxed));
        json
    }
}
