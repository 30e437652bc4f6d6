//! The outcomes of the requests, counted in constant space, however many there are.

use crate::error_response::ErrorResponse;
use crate::latency::Latency;
use crate::plan::Plan;
use crate::ramp::Steps;
use crate::retry::Resent;
use crate::schedule::Shape;
use crate::timeline::Second;
use http1::StatusCode;
use probe::http_client::{Failure, Outcome};
use std::collections::BTreeMap;
use std::time::Duration;

/// The outcomes of the requests of a run.
#[derive(Clone, Debug)]
pub struct LoadStats {
    /// From the first request to the last response; 0 for a burst that was stopped before it began.
    pub elapsed: Duration,
    /// Statuses under 400.
    pub served: OutcomeStats<StatusCode>,
    /// 503, by the seconds of its `Retry-After`.
    pub shed: OutcomeStats<Option<u64>>,
    /// Other statuses.
    pub rejected: OutcomeStats<StatusCode>,
    /// No complete response in time.
    pub timed_out: OutcomeStats<()>,
    /// No response.
    pub failed: OutcomeStats<Failure>,
    /// Not done when the run was stopped, by whether they had got 503 and waited to be sent again; their latency is
    /// how long they had waited.
    pub aborted: OutcomeStats<bool>,
    /// At a rate: due before the end, and not sent, since every connection was busy.
    pub not_sent: u64,
    /// The connections that were opened.
    pub connects: Connects,
    /// How often a request was sent again; each counts as one request above, by the outcome of its last attempt.
    pub resent: Resent,
    /// Second by second.
    pub timeline: Vec<Second>,
    /// At a rising rate: what was due and served in each tenth of the run.
    pub ramp: Steps,
    /// The most that were sent again after a 503 within one tenth of a second.
    pub retry_burst: u64,
    /// How many responses were followed by bytes that were not asked for.
    pub surplus: u64,
    /// How many connections stopped before the end of the run, since they were told to come back after it.
    pub too_late: u64,
    /// An error among the first responses.
    pub first_error: Option<ErrorResponse>,
    /// How many connections sent.
    pub senders: u64,
    /// How many of them had no response while there was more to send.
    pub starved: u64,
    /// The largest share of its time that one of our threads spent working, 0 to 1.
    pub load: f64,
    /// How often each of the requests was acknowledged (served).
    pub acknowledged: Vec<u64>,
    /// How often each of the requests had no response, or a 5xx other than 503, so that it may have been applied or not.
    pub unknown: Vec<u64>,
    /// The CPU time of one thread.
    pub(crate) busy: Duration,
    /// For each connection, whether it had a response.
    heard: Vec<bool>,
    /// Whether latency counts from another moment than sending.
    open: bool,
    /// Whether a request has the same key each time it is sent, so that it is applied once.
    has_keys: bool,
}

/// The connections that were opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connects {
    /// How many.
    pub count: u64,
    /// How many took 900 ms or more: the kernel sends an unanswered SYN again after a second.
    pub slow: u64,
    /// How long the slowest took.
    pub slowest: Duration,
}

impl Connects {
    pub(crate) fn count(&mut self, took: Duration) {
        self.count += 1;
        self.slow += u64::from(took >= Duration::from_millis(900));
        self.slowest = self.slowest.max(took);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.slow += other.slow;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// The requests of one outcome.
#[derive(Clone, Debug)]
pub struct OutcomeStats<Kind: Ord> {
    /// How many there are of each kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Their latencies, from when each was due.
    pub latency: Latency,
    /// Their latencies from when each was sent, which hide the time before (coordinated omission).
    /// Empty in a closed loop, where a request is due when it is sent.
    pub as_sent: Latency,
}

impl<Kind: Ord + Copy> OutcomeStats<Kind> {
    fn new() -> Self {
        Self { kinds: BTreeMap::new(), latency: Latency::new(), as_sent: Latency::new() }
    }

    fn count(&mut self, kind: Kind, latency: Duration, as_sent: Option<Duration>) {
        *self.kinds.entry(kind).or_default() += 1;
        self.latency.record(latency);
        as_sent.into_iter().for_each(|as_sent| self.as_sent.record(as_sent));
    }

    fn merge(&mut self, other: &Self) {
        for (kind, count) in &other.kinds {
            *self.kinds.entry(*kind).or_default() += count;
        }
        self.latency.merge(&other.latency);
        self.as_sent.merge(&other.as_sent);
    }

    /// How many requests.
    pub fn total(&self) -> u64 {
        self.latency.count()
    }
}

impl LoadStats {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            elapsed: Duration::ZERO,
            served: OutcomeStats::new(),
            shed: OutcomeStats::new(),
            rejected: OutcomeStats::new(),
            timed_out: OutcomeStats::new(),
            failed: OutcomeStats::new(),
            aborted: OutcomeStats::new(),
            not_sent: 0,
            connects: Connects::default(),
            resent: Resent::default(),
            timeline: Vec::new(),
            ramp: Steps::new(plan.shape.ramp()),
            retry_burst: 0,
            surplus: 0,
            too_late: 0,
            first_error: None,
            senders: 0,
            starved: 0,
            load: 0.0,
            acknowledged: vec![0; plan.distinct_requests],
            unknown: vec![0; plan.distinct_requests],
            busy: Duration::ZERO,
            heard: Vec::new(),
            has_keys: plan.keys.is_some(),
            open: plan.shape != Shape::ClosedLoop,
        }
    }

    pub(crate) fn count(
        &mut self,
        number: u64,
        outcome: Outcome,
        latency: Duration,
        as_sent: Duration,
    ) {
        let as_sent = self.open.then_some(as_sent);
        match outcome {
            Outcome::Served(status) => self.served.count(status, latency, as_sent),
            Outcome::Shed(retry_after) => self.shed.count(retry_after, latency, as_sent),
            Outcome::Rejected(status) => self.rejected.count(status, latency, as_sent),
            Outcome::TimedOut => self.timed_out.count((), latency, as_sent),
            Outcome::Failed(failure) => self.failed.count(failure, latency, as_sent),
        }
        let ledger = match outcome {
            Outcome::Served(_) => &mut self.acknowledged,
            Outcome::TimedOut | Outcome::Failed(_) => &mut self.unknown,
            Outcome::Rejected(status) if status.is_server_error() => &mut self.unknown, // it may have failed half-way
            Outcome::Shed(_) | Outcome::Rejected(_) => return,
        };
        note(ledger, number);
    }

    /// Records a request that had no response when the run was stopped, or waited to be sent again.
    pub(crate) fn abort(&mut self, number: u64, latency: Duration, as_sent: Duration, shed: bool) {
        self.aborted.count(shed, latency, self.open.then_some(as_sent));
        if !shed {
            note(&mut self.unknown, number);
        }
    }

    /// Attempts before the last one timed out, so each may have been applied besides it; with a key all are applied once,
    /// if at all. `answer`: the outcome of the last attempt if it was answered.
    pub(crate) fn record_lost(&mut self, number: u64, timed_out: u32, answer: Option<Outcome>) {
        let is_known = match answer {
            Some(Outcome::Shed(_)) => false,
            Some(Outcome::Rejected(status)) => status.is_server_error(), // it counts as unknown already
            _ => true,
        };
        let lost = match self.has_keys {
            true => u32::from(timed_out > 0 && !is_known),
            false => timed_out,
        };
        (0..lost).for_each(|_| note(&mut self.unknown, number));
    }

    /// A connection has an outcome, and there is more to send.
    pub(crate) fn record_answered(&mut self, place: usize, outcome: Outcome) {
        if self.heard.len() <= place {
            self.heard.resize(place + 1, false);
        }
        self.heard[place] |= outcome.is_answer();
    }

    /// Adds what another thread has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.served.merge(&other.served);
        self.shed.merge(&other.shed);
        self.rejected.merge(&other.rejected);
        self.timed_out.merge(&other.timed_out);
        self.failed.merge(&other.failed);
        self.aborted.merge(&other.aborted);
        self.connects.merge(&other.connects);
        self.ramp.merge(&other.ramp);
        self.surplus += other.surplus;
        self.too_late += other.too_late;
        self.first_error = self.first_error.take().or_else(|| other.first_error.clone());
        self.heard.extend_from_slice(&other.heard);
        self.busy = self.busy.max(other.busy);
        let ledgers =
            [(&mut self.acknowledged, &other.acknowledged), (&mut self.unknown, &other.unknown)];
        for (sums, counts) in ledgers {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }

    /// What is known at the end: how many connections sent, and how many requests were due at a rate.
    pub(crate) fn finish(&mut self, senders: u64, due: u64, elapsed: Duration, stopped: bool) {
        self.elapsed = elapsed;
        self.ramp.end(elapsed);
        self.load = self.busy.as_secs_f64() / elapsed.as_secs_f64().max(1e-6);
        self.senders = senders;
        self.starved = senders - self.heard.iter().filter(|heard| **heard).count() as u64;
        // if the run was stopped, the last one may have become due at that moment
        self.not_sent = due.saturating_sub(self.total()).saturating_sub(u64::from(stopped));
    }

    /// How many requests were served, shed, rejected, timed out and failed.
    pub fn totals(&self) -> [u64; 5] {
        [
            self.served.total(),
            self.shed.total(),
            self.rejected.total(),
            self.timed_out.total(),
            self.failed.total(),
        ]
    }

    /// How many requests.
    pub fn total(&self) -> u64 {
        self.totals().iter().sum::<u64>() + self.aborted.total()
    }

    /// The error that every response was; `None` if one was served, or if they differ.
    pub fn only_error(&self) -> Option<&ErrorResponse> {
        let shed = (self.shed.total() > 0).then_some(&StatusCode::SERVICE_UNAVAILABLE);
        let mut statuses = shed.into_iter().chain(self.rejected.kinds.keys());
        let (only, other) = (statuses.next(), statuses.next());
        let is_only = |error: &&ErrorResponse| {
            only.is_some_and(|only| only.as_u16() == error.status) && other.is_none()
        };
        self.first_error.as_ref().filter(is_only).filter(|_| self.served.total() == 0)
    }

    /// How many had a response, of any status.
    pub fn answered(&self) -> u64 {
        self.served.total() + self.shed.total() + self.rejected.total()
    }

    /// Responses per second.
    pub fn throughput(&self) -> f64 {
        self.per_second(self.answered())
    }

    /// Served requests per second.
    pub fn goodput(&self) -> f64 {
        self.per_second(self.served.total())
    }

    fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.elapsed.as_secs_f64().max(1e-6)
    }

    /// Whether no connection could be opened.
    pub fn never_connected(&self) -> bool {
        self.connects.count == 0
    }
}

fn note(ledger: &mut [u64], number: u64) {
    if !ledger.is_empty() {
        let place = (number % ledger.len() as u64) as usize;
        ledger[place] += 1;
    }
}
