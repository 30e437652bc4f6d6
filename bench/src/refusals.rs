//! Overload without end: how long a refusal takes, and whether the accepted events keep their pace.

use crate::cpu::Machine;
use crate::load;
use crate::server::Server;
use anyhow::{Context, Result};
use serde::Serialize;
use std::path::Path;
use std::process::Command;

/// Stage 5 under so many times the load that it can take.
#[derive(Serialize)]
pub struct Overload {
    /// Offered, in multiples of what one event a second allows.
    pub times: u32,
    /// Events accepted: those that find a place at once, and one for each second.
    pub accepted: u64,
    /// Events refused.
    pub refused: u64,
    /// What 99 of 100 refusals took at most, in milliseconds, from when they were due.
    pub p99_ms: f64,
    /// The share of the machine that others took meanwhile; `None` where the system does not say.
    pub others: Option<f64>,
}

/// Offers more and more events to a worker who takes a second for each, each load for `seconds`.
pub fn measure(stages: &Path, seconds: u64) -> Result<Vec<Overload>> {
    [10, 100, 1_000, 10_000].into_iter().map(|times| offer(stages, times, seconds)).collect()
}

fn offer(stages: &Path, times: u32, seconds: u64) -> Result<Overload> {
    let server = Server::start(&stages.join("stage5-backpressure"), &["--work", "1s"])?;
    let mut client = Command::new(stages.join("client"));
    client.args([
        "load",
        "--event",
        "--json",
        "-c",
        "64",
        "-q",
        &times.to_string(),
        "-z",
        &format!("{seconds}s"),
    ]);
    let (machine, before) = (Machine::now(), server.cpu()?);
    let (output, ours) = load::run(client.arg(&server.addr))?;
    let others = machine.taken_by_others(ours + server.cpu()? - before);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let count = |outcome: &str| report[outcome]["count"].as_u64().unwrap_or(0);
    let p99 = report["refused"]["latency_s"]["p99"].as_f64();
    let p99_ms = 1000.0 * p99.context("the client's report has no p99 of the refusals")?;
    Ok(Overload { times, accepted: count("served"), refused: count("refused"), p99_ms, others })
}
