//! The client's commands.

mod commands;
mod help;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What attacks the servers of the course, and what judges them
#[derive(Parser)]
#[command(name = "client", after_help = "client COMMAND --help tells more of each.")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send requests, and tell what came of them: served, refused, rejected, timed out or failed
    Load(Box<commands::Load>),
    /// Hold connections that misbehave, and tell what the server did to each
    Hold(commands::Hold),
    /// Try on a server what a stage promises, whoever wrote it and in whatever language
    Check(commands::Check),
    /// List what the stages promise, which of them keep it, and the command that repeats it by hand
    Claims(commands::Claims),
    /// Build and start all five stages, try every claim of the lessons on each, and show them side by side
    Compare(commands::Compare),
    /// Look at this machine before a class, and tell how to mend what is found
    Doctor(commands::Doctor),
}

#[tokio::main]
async fn main() -> ExitCode {
    // each connection takes a descriptor, and many systems begin with 1024 or 256; if it fails, the report will say so
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return help::end(error),
    };
    let done = match args.command {
        Command::Load(load) => load.run().await,
        Command::Hold(hold) => hold.run().await,
        Command::Check(check) => check.run().await,
        Command::Claims(claims) => Ok(claims.run()),
        Command::Compare(compare) => compare.run().await,
        Command::Doctor(doctor) => Ok(doctor.run()),
    };
    done.unwrap_or_else(|error| {
        commands::print::complain(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}
