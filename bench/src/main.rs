//! What a response costs, measured side by side with the servers and the load generators that people know.

mod cpu;
mod held;
mod load;
mod refusals;
mod rounds;
mod rows;
mod server;
mod start;
mod table;

use anyhow::Result;
use clap::{CommandFactory, Parser};
use held::Memory;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use refusals::Overload;
use rounds::Rounds;
use serde::Serialize;
use server::Server;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use table::{MICROS, Row, SECONDS, Target};

/// CPU time per response, in interleaved rounds; each figure is the median over the rounds, each ratio the median of the
/// ratios within a round. A contender against its own copy ("again") shows the error. The stages run without a log.
#[derive(Parser)]
#[command(name = "bench/run")]
struct Options {
    /// Which rows, by name; all unless told otherwise
    rows: Vec<String>,
    /// How many rounds
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each contender runs in a round, in seconds
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Print the figures of each round as JSON instead
    #[arg(long)]
    json: bool,
    /// Name the rows, and end
    #[arg(long)]
    list: bool,
    /// Where the release builds of the stages and of the client are
    #[arg(long, value_name = "FOLDER", default_value = "target/release")]
    stages: PathBuf,
}

/// The rows beside those of the servers.
const OTHERS: [(&str, &str); 5] = [
    ("memory", "resident memory per held connection, 10,000 of them"),
    ("growth", "the same requests on 10 connections and on 10,000"),
    ("refusals", "offered load of 10 to 10,000 times what stage 5 can take"),
    ("start", "a development build from nothing: stage 1 and axum's hello"),
    ("client", "what a request costs the load generator: GET, 64 connections, kept alive"),
];

/// A row, measured.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Measured {
    Rounds(Row),
    Memory(Vec<Memory>),
    Refusals(Vec<Overload>),
}

fn main() -> Result<()> {
    let options = Options::parse();
    let rows: Vec<_> = rows::ROWS.iter().map(|row| (row.name, row.title)).chain(OTHERS).collect();
    if options.list {
        rows.iter().for_each(|(name, title)| println!("{name:<10}{title}"));
        return Ok(());
    }
    if let Some(unknown) =
        options.rows.iter().find(|wanted| !rows.iter().any(|(name, _)| name == wanted))
    {
        let text = format!("there is no row {unknown}; bench/run --list names them");
        Options::command().error(clap::error::ErrorKind::InvalidValue, text).exit();
    }
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most.min(1 << 20), most)?; // 10,000 connections, and the servers inherit it
    let mut measured = Vec::new();
    for (name, title) in rows {
        if options.rows.is_empty() || options.rows.iter().any(|wanted| wanted == name) {
            let row = options.measure(name, title)?;
            if !options.json {
                row.print(title);
            }
            measured.push(row);
        }
    }
    if options.json {
        println!("{}", serde_json::to_string(&measured)?);
    }
    Ok(())
}

impl Options {
    fn measure(&self, name: &'static str, title: &str) -> Result<Measured> {
        let peers = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
        let (stages, rounds) = (&self.stages, self.rounds as usize);
        let row = |targets: &[(&'static str, f64, &'static str)],
                   bases: &[&'static str],
                   rounds,
                   unit| {
            let target = |&(name, at_most, base): &_| Target { name, at_most, base };
            let targets = targets.iter().map(target).collect();
            Measured::Rounds(Row {
                name,
                title: title.into(),
                targets,
                bases: bases.to_vec(),
                rounds,
                unit,
            })
        };
        Ok(match name {
            "memory" => Measured::Memory(memory(stages, &peers)?),
            "refusals" => Measured::Refusals(refusals::measure(stages, 5 * self.seconds)?),
            "growth" => {
                let measured = Rounds::run(held::few_and_many(stages)?, rounds)?;
                row(
                    &[("10,000 connections", 1.3, "10 connections")],
                    &["10 connections"],
                    measured,
                    MICROS,
                )
            }
            "start" => {
                let measured = Rounds::run_cold(start::builds(), rounds.min(3))?;
                row(&[("stage 1", 0.75, "axum's hello")], &["axum's hello"], measured, SECONDS)
            }
            "client" => {
                let server = RefCell::new(Server::start(&peers.join("bare"), &["--count"])?);
                let measured =
                    Rounds::run(load::generators(stages, self.seconds, &server), rounds)?;
                let targets = [("client load", 1.0, "wrk"), ("client load", 0.8, "oha")];
                row(&targets, &["wrk", "oha"], measured, MICROS)
            }
            _ => {
                let work = rows::ROWS.iter().find(|row| row.name == name).unwrap_or(&rows::ROWS[0]);
                Measured::Rounds(work.measure(stages, &peers, rounds, self.seconds)?)
            }
        })
    }
}

fn memory(stages: &Path, peers: &Path) -> Result<Vec<Memory>> {
    let patient = ["--timeout", "1h"]; // or those that say nothing would be closed
    let generous = ["--timeout", "1h", "--max-connections", "20000"];
    [
        ("stage 2", stages.join("stage2-async"), &[][..]),
        ("stage 3", stages.join("stage3-parse"), &patient),
        ("stage 4", stages.join("stage4-slow-state"), &patient),
        ("stage 5", stages.join("stage5-backpressure"), &generous),
        ("bare tokio", peers.join("bare"), &[]),
        ("hyper", peers.join("hyper"), &[]),
        ("axum", peers.join("axum"), &[]),
    ]
    .into_iter()
    .map(|(name, binary, args)| held::memory(name, &binary, args))
    .collect()
}

impl Measured {
    fn print(&self, title: &str) {
        match self {
            Self::Rounds(row) => row.print(),
            Self::Memory(servers) => {
                println!("\nmemory: {title}\n  {:<28}{:>12}{:>12}", "KiB", "silent", "served");
                for Memory { name, silent, served } in servers {
                    let limit = if *name == "stage 2" { 1.05 } else { 1.4 };
                    let verdict = match name.starts_with("stage") {
                        true if silent.max(*served) <= limit => {
                            format!("  reached: at most {limit}")
                        }
                        true => format!("  NOT REACHED: at most {limit}"),
                        false => String::new(),
                    };
                    println!("  {name:<28}{silent:>12.2}{served:>12.2}{verdict}");
                }
            }
            Self::Refusals(loads) => {
                println!(
                    "\nrefusals: {title}\n  {:<12}{:>10}{:>10}{:>12}",
                    "× capacity", "accepted", "refused", "p99"
                );
                for Overload { times, accepted, refused, p99_ms, others } in loads {
                    let verdict = if *p99_ms < 5.0 { "reached" } else { "NOT REACHED" };
                    let taken = others
                        .filter(|others| *others > rounds::DISTURBED)
                        .map_or(String::new(), |others| {
                            format!("; others took {:.0} % of the machine", 100.0 * others)
                        });
                    println!(
                        "  {times:<12}{accepted:>10}{refused:>10}{p99_ms:>9.2} ms  {verdict}: under 5 ms{taken}"
                    );
                }
            }
        }
    }
}
