//! Builds and starts the stages, and runs the claims on all servers concurrently.

use crate::also::{Also, Place};
use crate::compare::matrix::{Column, Matrix, Row, WORK};
use crate::compare::nats;
use anyhow::Context;
use claims::{Books, CLAIMS, Claim, Finding, claim};
use probe::started::{StartCommand, Started};
use probe::target::Target;
use probe::{duration, stages};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// How long a server may take to respond once it is built, or to accept if it runs.
const START: Duration = Duration::from_secs(60);
const ACCEPT: Duration = Duration::from_secs(5);

/// The claim that shows what stages 6 and 7 are for.
const SURVIVES_KILL: &str = "survives-kill";

/// Which servers are compared.
#[derive(Clone, Debug, Default)]
pub struct Servers {
    /// Stages 6 and 7 too, and the claim that stages 1 to 5 break. Stage 7 needs a NATS server.
    pub beyond: bool,
    /// Others, which are no stages.
    pub also: Vec<Also>,
}

/// A step of a comparison, for a progress display. A column is counted from 0.
#[derive(Debug)]
pub enum Progress<'a> {
    /// This server is left out, for this reason.
    LeftOut(&'static str, &'a str),
    /// Cargo builds the stages.
    Building,
    /// These are the columns.
    Begins(&'a [Column]),
    /// A claim has begun on a server.
    Trying(usize, &'static Claim),
    /// The claim has ended, with this finding.
    Tried(&'a Column, &'static Claim, &'a Finding),
    /// All claims have ended on this server.
    Done(usize),
}

/// A server that is compared.
struct Compared {
    column: Column,
    addr: SocketAddr,
    process: Option<Started>,
}

/// Builds the stages, starts each on a free port, and runs every claim marked `compared` on each of
/// the servers. They are tried concurrently, the claims of one server one at a time. Calls `report`
/// at each step.
///
/// # Errors
/// If the current folder is not in the workspace, or a server does not build or does not start.
pub async fn compare(
    servers: Servers,
    report: impl Fn(Progress) + Clone + Send + 'static,
) -> anyhow::Result<Matrix> {
    let root = workspace()?;
    for Also { name, place } in &servers.also {
        if let Place::At(target) = place {
            reached(target, name).await?; // a build may take minutes: first what can be known now
        }
    }
    let beyond = servers.beyond;
    let has_nats = match beyond.then(nats::missing).flatten() {
        Some(reason) => {
            report(Progress::LeftOut("stage 7", &reason));
            false
        }
        None => beyond,
    };
    report(Progress::Building);
    let binaries = tokio::task::spawn_blocking(move || build(&root, beyond, has_nats)).await??;
    let folder = tempfile::tempdir()?; // what they print, and what stages 6 and 7 store
    let nats = if has_nats { Some(nats::start(&folder, START).await?) } else { None };
    let compared = start(binaries, servers.also, &folder, nats.as_ref().map(Started::addr)).await?;
    let columns: Vec<_> = compared.iter().map(|server| server.column.clone()).collect();
    report(Progress::Begins(&columns));
    let (at, began) = (SystemTime::now(), Instant::now());
    let mut claims: Vec<_> = CLAIMS.iter().filter(|claim| claim.compared).collect();
    if let Some(kills) = claim(SURVIVES_KILL).filter(|_| beyond) {
        claims.insert(claims.len() - 1, kills); // the burst is the last: it leaves stage 4 with work to do
    }
    let mut trials = JoinSet::new();
    for (place, server) in compared.into_iter().enumerate() {
        let (report, claims) = (report.clone(), claims.clone());
        trials.spawn(async move {
            let Compared { column, addr, mut process } = server;
            let (books, mut findings) = (Books::default(), Vec::new());
            for claim in claims {
                report(Progress::Trying(place, claim));
                let finding = claim.try_in_check(addr, &books, &mut process).await;
                report(Progress::Tried(&column, claim, &finding));
                findings.push(finding);
            }
            report(Progress::Done(place));
            (place, findings, process)
        });
    }
    let mut found = BTreeMap::new();
    let mut processes = Vec::new(); // a server that ends early would leave the others its share of the machine
    while let Some(trial) = trials.join_next().await {
        let (place, findings, process) = trial?;
        found.insert(place, findings.into_iter());
        processes.push(process);
    }
    let took = began.elapsed();
    drop((processes, nats));
    let mut row =
        |claim| Row { claim, findings: found.values_mut().filter_map(Iterator::next).collect() };
    Ok(Matrix { rows: claims.into_iter().map(&mut row).collect(), columns, at, took })
}

/// Takes minutes if the stages are not built, so it needs a thread where it may block.
fn build(root: &Path, beyond: bool, has_nats: bool) -> anyhow::Result<Vec<PathBuf>> {
    let mut binaries = stages::build(root)?;
    let wanted = [("stage6", beyond), ("stage7", has_nats)];
    for (package, _) in wanted.into_iter().filter(|(_, is_wanted)| *is_wanted) {
        binaries.push(stages::build_beyond(root, package).with_context(|| {
            format!("{package} does not build: it needs Rust 1.90; without --beyond the course is compared")
        })?);
    }
    Ok(binaries)
}

async fn start(
    binaries: Vec<PathBuf>,
    also: Vec<Also>,
    folder: &TempDir,
    nats: Option<SocketAddr>,
) -> anyhow::Result<Vec<Compared>> {
    let mut compared = Vec::new();
    for (binary, number) in binaries.into_iter().zip(1u8..) {
        let mut args = vec!["--addr".to_owned(), "127.0.0.1:{port}".to_owned()];
        if number >= 4 {
            args.extend(["--work".into(), humantime::format_duration(WORK).to_string()]);
        }
        match (number, nats) {
            (6, _) => {
                let data = folder.path().join("6.redb");
                args.extend(["--data".into(), data.to_string_lossy().into_owned()]);
            }
            (7, Some(nats)) => {
                args.extend(["--replicas", "1", "--nats"].map(String::from));
                args.push(nats.to_string());
            }
            _ => {}
        }
        let name = binary.file_stem().map(|name| stages::idea(&name.to_string_lossy()));
        let column = Column { stage: Some(number), name: name.unwrap_or_default() };
        let log = folder.path().join(format!("stage{number}"));
        let process = Started::start(StartCommand::of(binary, args), &log, START).await?;
        compared.push(Compared { column, addr: process.addr(), process: Some(process) });
    }
    for Also { name, place } in also {
        let (addr, process) = match place {
            Place::At(target) => (reached(&target, &name).await?, None),
            Place::By(command) => {
                let log = folder.path().join(format!("also{}", compared.len()));
                let process = Started::start(command, &log, START).await;
                let process = process.with_context(|| format!("--also {name}"))?;
                (process.addr(), Some(process))
            }
        };
        compared.push(Compared { column: Column { stage: None, name }, addr, process });
    }
    Ok(compared)
}

/// The address of a server that runs.
async fn reached(target: &Target, name: &str) -> anyhow::Result<SocketAddr> {
    let addresses = target.resolve().await.with_context(|| format!("--also {name}"))?;
    let connecting = tokio::time::timeout(ACCEPT, addresses.connect()).await;
    let waited =
        || format!("--also {name}: {} does not accept in {}", target.host, duration::show(ACCEPT));
    connecting
        .with_context(waited)?
        .with_context(|| format!("--also {name}: nothing listens at {}", target.host))?;
    Ok(addresses.preferred())
}

/// The root of the workspace that contains the current folder.
///
/// # Errors
/// If the current folder is not in the workspace.
pub fn workspace() -> anyhow::Result<PathBuf> {
    stages::workspace()
        .context("compare builds the stages, so it needs the repository: cd to your clone")
}
