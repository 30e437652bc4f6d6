//! What a response costs, measured side by side with the servers and the load generators that people know.

mod cpu;
mod load;
mod rounds;
mod rows;
mod server;
mod table;

use anyhow::Result;
use clap::{CommandFactory, Parser};
use rounds::Rounds;
use server::Server;
use std::cell::RefCell;
use std::path::PathBuf;
use table::{Row, Target};

/// CPU time per response, in interleaved rounds; each figure is the median over the rounds, each ratio the median of the
/// ratios within a round. A contender against its own copy ("again") shows the error.
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
    /// Where the release builds of the stages and of the client are
    #[arg(long, value_name = "FOLDER", default_value = "target/release")]
    stages: PathBuf,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let known: Vec<&str> = rows::ROWS.iter().map(|row| row.name).chain(["client"]).collect();
    if let Some(unknown) = options.rows.iter().find(|row| !known.contains(&row.as_str())) {
        let text = format!("there is no row {unknown}; there are: {}", known.join(", "));
        Options::command().error(clap::error::ErrorKind::InvalidValue, text).exit();
    }
    let mut measured = Vec::new();
    for name in known.iter().filter(|name| options.rows.is_empty() || options.rows.iter().any(|row| row == *name)) {
        let row = options.measure(name)?;
        if !options.json {
            row.print();
        }
        measured.push(row);
    }
    if options.json {
        println!("{}", serde_json::to_string(&measured)?);
    }
    Ok(())
}

impl Options {
    fn measure(&self, name: &str) -> Result<Row> {
        let peers = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
        let rounds = self.rounds as usize;
        if let Some(work) = rows::ROWS.iter().find(|row| row.name == name) {
            return work.measure(&self.stages, &peers, rounds, self.seconds);
        }
        let server = RefCell::new(Server::start(&peers.join("bare"), &["--count"])?);
        let contenders = load::generators(&self.stages, self.seconds, &server);
        Ok(Row {
            name: "client",
            title: "what a request costs the load generator: GET, 64 connections, kept alive".into(),
            targets: vec![
                Target { name: "client load", at_most: 1.0, base: "wrk" },
                Target { name: "client load", at_most: 0.8, base: "oha" },
            ],
            bases: vec!["wrk", "oha"],
            rounds: Rounds::run(contenders, rounds)?,
        })
    }
}
