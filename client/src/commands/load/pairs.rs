//! Every pair of options of `load`: allowed, or exit code 2.

use super::Load;
use clap::{Args, Command};
use std::collections::BTreeSet;

/// A run that `load --json` has printed.
const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outside/recorded.json");

/// An argument for each option, by clap's name for it.
const ARGUMENTS: [(&str, &[&str]); 30] = [
    ("count", &["-n", "5"]),
    ("connections", &["-c", "5"]),
    ("duration", &["-z", "5s"]),
    ("rate", &["-q", "5"]),
    ("burst", &["--burst"]),
    ("timeout", &["-t", "5s"]),
    ("method", &["-m", "PUT"]),
    ("body", &["-d", "x"]),
    ("file", &["-D", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]),
    ("content_type", &["-T", "text/plain"]),
    ("fields", &["-H", "Accept: text/plain"]),
    ("disable_keepalive", &["--disable-keepalive"]),
    ("event", &["--event"]),
    ("keys", &["--keys"]),
    ("verify", &["--verify"]),
    ("retry", &["--retry"]),
    ("no_jitter", &["--no-jitter"]),
    ("retry_timeouts", &["--retry-timeouts", "5"]),
    ("retry_budget", &["--retry-budget", "5:0.5"]),
    ("timeline", &["--timeline"]),
    ("pause", &["--pause", "3s@5s"]),
    ("pid", &["--pid", "OWN"]),
    ("seed", &["--seed", "5"]),
    ("expectations", &["--expect", "failed=0"]),
    ("against", &["--against", RECORDED]),
    ("json", &["--json"]),
    ("no_color", &["--no-color"]),
    ("start", &["--start", "exit {port}"]),
    ("start_timeout", &["--start-timeout", "5s"]),
    ("target", &["127.0.0.1:8080"]),
];

/// What contradicts what. Every other pair is allowed.
const FORBIDDEN: [(&str, &[&str]); 6] = [
    ("against", &["json"]),
    ("pid", &["start", "start_timeout"]),
    ("duration", &["count", "burst"]),
    ("burst", &["rate"]),
    ("body", &["file", "event"]),
    ("event", &["file", "method", "content_type"]),
];

/// What has no effect without another option: one of these.
const NEEDS: [(&str, &[&str]); 8] = [
    ("keys", &["event"]),
    ("verify", &["event"]),
    ("no_jitter", &["retry"]),
    ("retry_budget", &["retry", "retry_timeouts"]),
    ("pause", &["start", "pid"]),
    ("pid", &["pause"]),
    ("seed", &["event", "retry"]),
    ("start_timeout", &["start"]),
];

fn is_allowed(options: &BTreeSet<&str>) -> bool {
    let has = |name: &&&str| options.contains(**name);
    let contradicts =
        FORBIDDEN.iter().any(|(name, others)| has(&name) && others.iter().any(|other| has(&other)));
    let lacks =
        NEEDS.iter().any(|(name, needed)| has(&name) && !needed.iter().any(|needed| has(&needed)));
    let is_possible = cfg!(unix) || !has(&&"pid");
    !contradicts && !lacks && is_possible
}

#[test]
fn every_pair_of_options_is_allowed_or_exit_code_2() {
    let command = Load::augment_args(Command::new("load"));
    let defined: BTreeSet<_> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
    let listed: BTreeSet<_> = ARGUMENTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(defined, listed, "a new option needs an argument here");
    let mut tried = 0;
    for (first, _) in ARGUMENTS {
        for (second, _) in ARGUMENTS {
            // alone, and with each option that may be needed
            for needed in [first, "event", "retry", "pause"] {
                let options = BTreeSet::from([first, second, needed]);
                let of = ARGUMENTS.iter().filter(|(name, _)| options.contains(name));
                let line =
                    ["load"].into_iter().chain(of.flat_map(|(_, args)| args.iter().copied()));
                let own = std::process::id().to_string();
                let line: Vec<_> =
                    line.map(|arg| if arg == "OWN" { own.as_str() } else { arg }).collect();
                let parsed = command.clone().try_get_matches_from(&line);
                let code = parsed.as_ref().err().map(clap::Error::exit_code);
                let expected = (!is_allowed(&options)).then_some(2);
                assert_eq!(code, expected, "{line:?}: {parsed:?}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 30 * 30 * 4);
}
