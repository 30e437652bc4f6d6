//! `client claims`.

use super::print::say;
use claims::{CLAIMS, Claim, Group};
use clap::Args;
use console::style;
use std::process::ExitCode;

/// List the claims: which stages keep each, and the command that reproduces it
#[derive(Args)]
pub(crate) struct Claims {
    /// Print a line of JSON for each claim
    #[arg(long)]
    json: bool,
}

impl Claims {
    pub(crate) fn run(self) -> ExitCode {
        for claim in CLAIMS {
            let by_hand = claim.command("127.0.0.1:8080");
            if self.json {
                let line = serde_json::json!({
                    "name": claim.name,
                    "sentence": claim.sentence,
                    "group": group(claim),
                    "race": claim.is_race,
                    "kept_by": claim.kept_by,
                    "compared": claim.compared,
                    "by_hand": by_hand,
                });
                say(&format!("{line}\n"));
                continue;
            }
            let stages = (1..=7).map(|stage| match claim.kept_by.contains(&stage) {
                true => char::from(b'0' + stage),
                false => '-',
            });
            let (stages, name) = (stages.collect::<String>(), format!("{:<17}", claim.name));
            say(&format!(
                "{stages}  {}  {}{}\n                            {by_hand}\n",
                style(name).bold(),
                claim.sentence,
                match claim.group {
                    Group::Lesson => "",
                    Group::Http => " (HTTP)",
                    Group::Bound => " (a patch in bounds/)",
                },
            ));
        }
        ExitCode::SUCCESS
    }
}

/// The group as the formats name it.
pub(super) fn group(claim: &Claim) -> &'static str {
    match claim.group {
        Group::Lesson => "lesson",
        Group::Http => "http",
        Group::Bound => "bound",
    }
}
