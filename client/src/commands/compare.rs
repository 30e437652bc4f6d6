//! `client compare`.

use super::{say, stop_signal};
use clap::Args;
use client::{compare, table};
use std::process::ExitCode;

/// Build and start all five stages, try every claim of the lessons on each, and show them side by side.
#[derive(Args)]
pub(crate) struct Compare {}

impl Compare {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let stopped = stop_signal()?;
        let matrix = tokio::select! {
            matrix = compare::compare(|line| eprintln!("{line}")) => matrix?,
            () = stopped => {
                eprintln!("stopped, and the servers with it"); // they go with what is dropped here
                return Ok(ExitCode::from(130));
            }
        };
        say(&format!("\n{}", table::table(&matrix)));
        Ok(if matrix.is_as_expected() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
