//! `client check`.

use super::print::{complain, say};
use super::reach::{NO_CONNECTION, reach};
use super::signals::stop_signal;
use claims::{CLAIMS, Claim, Finding, Verdict, claim};
use clap::Args;
use console::style;
use probe::target::Target;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Check whether a server, written in any language, keeps the claims of a stage
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo client check 3                  stage 3's claims, on 127.0.0.1:8080
  cargo client check 5 --addr 127.0.0.1:9000
  cargo client check 5 --only burst     one of them; `claims` lists their names

Exit code: 0 if every claim is kept, 1 if one is broken, 2 for a bad command
line, 3 if no server listens there.")]
pub(crate) struct Check {
    /// The stage whose claims are checked, 1 to 5
    #[arg(value_name = "STAGE", value_parser = clap::value_parser!(u8).range(1..=5))]
    stage: u8,
    /// Where the server is
    #[arg(value_name = "URL", default_value = "127.0.0.1:8080")]
    target: Target,
    /// The same as URL
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "target")]
    addr: Option<Target>,
    /// Check only this claim; may be repeated
    #[arg(long, value_name = "NAME", value_parser = known)]
    only: Vec<&'static str>,
    /// Print a line of JSON for each claim
    #[arg(long)]
    json: bool,
}

/// The name of a claim, which may also be given by its former name.
fn known(name: &str) -> Result<&'static str, &'static str> {
    claim(name)
        .map(|claim| claim.name)
        .ok_or("there is no claim of that name; client claims lists them")
}

impl Check {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self { stage, target, addr, only, json } = self;
        if let Some(name) = only
            .iter()
            .find(|name| claim(name).is_some_and(|claim| !claim.kept_by.contains(&stage)))
        {
            complain(&format!(
                "error: {name} is not a claim of stage {stage}; client claims lists the stages of each"
            ));
            return Ok(ExitCode::from(2));
        }
        let Some(addr) = reach(&addr.unwrap_or(target)).await else {
            return Ok(NO_CONNECTION.into());
        };
        let claims = CLAIMS.iter().filter(|claim| claim.kept_by.contains(&stage));
        let claims: Vec<_> =
            claims.filter(|claim| only.is_empty() || only.contains(&claim.name)).collect();
        let show = if json { show_as_json } else { show_as_text };
        let trials = async {
            let mut kept = 0;
            for claim in &claims {
                let finding = claim.try_on(addr).await;
                kept += usize::from(finding.verdict == Verdict::Kept);
                show(claim, &finding, addr);
            }
            kept
        };
        let stopped = stop_signal()?;
        let kept = tokio::select! {
            kept = trials => kept,
            () = stopped => return Ok(ExitCode::from(130)),
        };
        if !json {
            say(&format!("\nstage {stage}: {kept} of {} claims\n", claims.len()));
        }
        Ok(if kept == claims.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// One line; for a broken claim also what was found, and the command that reproduces it.
fn show_as_text(claim: &Claim, finding: &Finding, addr: SocketAddr) {
    let Claim { name, sentence, .. } = claim;
    match finding.verdict {
        Verdict::Kept => {
            say(&format!("{} {name:<17}  {sentence}: {}\n", style("✓").green(), finding.figure))
        }
        Verdict::Broken => say(&format!(
            "{} {}  {sentence}\n    found: {}\n    reproduce: {}\n",
            style("✗").red().bold(),
            style(format_args!("{name:<17}")).bold(),
            finding.figure,
            claim.command_for(finding, addr),
        )),
    }
}

fn show_as_json(claim: &Claim, finding: &Finding, addr: SocketAddr) {
    let line = serde_json::json!({
        "name": claim.name,
        "sentence": claim.sentence,
        "kept": finding.verdict == Verdict::Kept,
        "figure": finding.figure,
        "by_hand": claim.command_for(finding, addr),
    });
    say(&format!("{line}\n"));
}
