//! `client chart`.

use super::compare::width;
use super::open::open;
use super::print::say;
use clap::Args;
use client::compare::table::Screen;
use client::output::Output;
use client::over_time::{html, terminal};
use client::recorded::Recorded;
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw goodput per second of runs that `load --json` has recorded, one below the other.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo client load -z 10s -q 50 --json >before.json
  cargo client chart before.json after.json
  cargo client chart before.json --out talk.html --open

Exit code: 0; 2 for a bad command line or a file that is something else.")]
pub(crate) struct Chart {
    /// What `client load --json` has printed, a file for each run; its name is the title
    #[arg(value_name = "FILE", required = true, value_parser = Recorded::read)]
    runs: Vec<Recorded>,
    /// Also write a page, in one file that needs no network
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Open the page in a browser
    #[arg(long, requires = "out")]
    open: bool,
    /// Print ASCII only
    #[arg(long)]
    ascii: bool,
}

impl Chart {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let page = self.out.as_deref().map(Output::reserve).transpose()?;
        let screen = Screen { width: width(), ascii: self.ascii };
        let mut text = terminal::render(&self.runs, screen);
        if let Some(page) = page {
            let page = page.write(&html::render(&self.runs))?;
            text += &format!("\npage: {}\n", page.display());
            if self.open {
                open(page.as_os_str());
            }
        }
        say(&text);
        Ok(ExitCode::SUCCESS)
    }
}
