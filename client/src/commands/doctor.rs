//! `client doctor`.

use super::print::say;
use clap::Args;
use client::doctor::{Check, Health, examine};
use console::{Term, style};
use std::net::SocketAddr;
use std::process::ExitCode;

/// Check this machine before a class, and say how to fix what is found
#[derive(Args)]
#[command(after_help = "\
✓ is as it should be. ! is good to know before the class: something takes
longer, or a step has to be done differently. ✗ is a lesson that would fail.

Exit code: 0 if no lesson would fail, 1 if one would, 2 for a bad command line.")]
pub(crate) struct Doctor {
    /// Where the servers will listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    addr: SocketAddr,
}

impl Doctor {
    pub(crate) fn run(self) -> ExitCode {
        let terminal = Term::stdout();
        let columns = terminal.is_term().then(|| usize::from(terminal.size().1));
        let findings = examine(self.addr, columns);
        for finding in &findings {
            say(&in_words(finding));
        }
        let count = |health| findings.iter().filter(|finding| finding.health == health).count();
        match (count(Health::Fail), count(Health::Warn)) {
            (0, 0) => say("\nready for a class\n"),
            (0, noted) => say(&format!("\nready for a class; {noted} to know of (!)\n")),
            (failing, noted) => say(&format!(
                "\nnot ready for a class: {failing} to fix (✗), {noted} to know of (!)\n"
            )),
        }
        if count(Health::Fail) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// A line, and under it what to do, if anything.
fn in_words(finding: &Check) -> String {
    let Check { name, health, found, fix } = finding;
    let sign = match health {
        Health::Ok => style("✓").green(),
        Health::Warn => style("!").yellow().bold(),
        Health::Fail => style("✗").red().bold(),
    };
    let mut text = format!("{sign} {name:<13}  {found}\n");
    if let Some(fix) = fix {
        text += &format!("    Fix: {fix}\n");
    }
    text
}
