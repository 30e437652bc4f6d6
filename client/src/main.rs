//! The client's commands.

mod commands;
mod help;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Attacks the servers of the course, and judges them
#[derive(Parser)]
#[command(
    name = "client",
    version,
    after_help = "`cargo client COMMAND --help` says more about each."
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send requests, and report what was served, shed, rejected, timed out or failed
    Load(Box<commands::Load>),
    /// Hold connections that misbehave, and report what the server did to each
    Hold(commands::Hold),
    /// Check what a stage promises on any server, in whatever language it is written
    Check(commands::Check),
    /// List the claims: which stages keep each, and the command that reproduces it by hand
    Claims(commands::Claims),
    /// Build and start all five stages, try every claim of the lessons on each, and show them side
    /// by side
    Compare(commands::Compare),
    /// Draw goodput per second of runs that `load --json` has recorded, one below the other
    Chart(commands::Chart),
    /// Build and start the stages, and serve a page that shows them side by side and attacks them
    Live(commands::Live),
    /// Check this machine before a class, and say how to fix what is found
    Doctor(commands::Doctor),
}

fn main() -> ExitCode {
    // without threads: under Wine, a process that ends while they start sometimes ends with another exit code
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return commands::print::end(help::end(Args::command(), error)),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            commands::print::complain(&format!("error: cannot start threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = commands::print::end(runtime.block_on(run(args)));
    probe::children::end_all(); // a signal may have interrupted a build
    runtime.shutdown_background();
    code
}

async fn run(args: Args) -> ExitCode {
    // each connection takes a descriptor, and many systems begin with 1024 or 256; if it fails, the
    // report will say so
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let done = match args.command {
        Command::Load(load) => load.run().await,
        Command::Hold(hold) => hold.run().await,
        Command::Check(check) => check.run().await,
        Command::Claims(claims) => Ok(claims.run()),
        Command::Compare(compare) => compare.run().await,
        Command::Chart(chart) => chart.run(),
        Command::Live(live) => live.run().await,
        Command::Doctor(doctor) => Ok(doctor.run()),
    };
    done.unwrap_or_else(|error| match error.downcast::<clap::Error>() {
        Ok(error) => help::end(Args::command(), error),
        Err(error) => {
            commands::print::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    })
}
