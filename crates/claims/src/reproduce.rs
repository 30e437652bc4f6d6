//! The command that reproduces a claim here: PowerShell is not bash, and an installed client has no repository.

use crate::claim::Claim;
use probe::stages::workspace;

/// What commands may use.
#[derive(Clone, Copy)]
pub(crate) struct Here {
    /// The shell is PowerShell, with the curl that Windows has.
    powershell: bool,
    /// The scripts and cargo's short commands exist.
    repository: bool,
}

impl Here {
    /// This system, and the current folder.
    pub(crate) fn look() -> Self {
        Self { powershell: cfg!(windows), repository: workspace().is_some() }
    }

    /// The command for a claim of that stage; `by_hand` is the one for a Unix shell in the repository.
    pub(crate) fn command(self, claim: &Claim, by_hand: &str, stage: u8) -> String {
        let by_hand = by_hand.replace("{stage}", &stage.to_string());
        let command = match self.powershell {
            true => in_powershell(&by_hand),
            false => Some(by_hand),
        };
        let command = command.filter(|command| self.repository || !command.contains("scripts/"));
        let command = command.unwrap_or_else(|| self.by_client(claim, stage));
        if self.repository { command } else { command.replace("cargo client ", "client ") }
    }

    /// The client does the same, or tries the claim again: its evidence shows each byte.
    fn by_client(self, claim: &Claim, stage: u8) -> String {
        let probe = "cargo client hold --probe -z 3s";
        let start = match (self.repository, stage) {
            (true, 7) => "cargo stage7 --addr 127.0.0.1:{port} --name check",
            (true, _) => "cargo stage6 --addr 127.0.0.1:{port} --data target/check.redb",
            (false, _) => "COMMAND {port}",
        };
        match claim.name {
            "slow-client" => format!("{probe} -n 1 {{addr}}"),
            "slow-request" => format!("{probe} -n 1 --as half-head {{addr}}"),
            "many-idle" => format!("{probe} -n 300 {{addr}}"),
            name @ ("survives-kill" | "key-after-kill") => {
                format!("cargo client check {stage} --only {name} --start '{start}'")
            }
            name => format!("cargo client check {} --only {name} {{addr}}", claim.first_stage()),
        }
    }
}

/// The same command for PowerShell, if it is a sequence of curl, cargo and sleep. There `curl` may be another command,
/// and Windows PowerShell passes an argument without its double quotes, so a body goes through a pipe.
pub fn in_powershell(command: &str) -> Option<String> {
    let translated: Option<Vec<_>> = sequence(command)?.into_iter().map(translate).collect();
    Some(translated?.join("; "))
}

/// The commands between the semicolons; `None` if something else joins them, or a word is not simply quoted.
fn sequence(command: &str) -> Option<Vec<&str>> {
    let (mut commands, mut begin, mut quoted) = (Vec::new(), 0, false);
    for (at, char) in command.char_indices() {
        match char {
            '\'' => quoted = !quoted,
            ';' if !quoted => {
                commands.push(command[begin..at].trim());
                begin = at + 1;
            }
            '|' | '&' | '$' | '(' | '"' | '\\' if !quoted => return None,
            _ => {}
        }
    }
    commands.push(command[begin..].trim());
    Some(commands)
}

fn translate(command: &str) -> Option<String> {
    let Some(arguments) = command.strip_prefix("curl ") else {
        let is_known = ["cargo ", "sleep "].iter().any(|known| command.starts_with(known));
        return is_known.then(|| command.into());
    };
    let (before, after) = arguments.split_once("-d '").unwrap_or((arguments, ""));
    match after.split_once('\'') {
        Some((body, after)) => Some(format!("'{body}' | curl.exe {before}-d '@-'{after}")),
        None => Some(format!("curl.exe {arguments}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Here, in_powershell};
    use crate::garbage::{GARBAGE, curl};
    use crate::list::{CLAIMS, claim};

    const UNIX: Here = Here { powershell: false, repository: true };
    const WINDOWS: Here = Here { powershell: true, repository: true };

    fn command(here: Here, name: &str) -> String {
        command_of(claim(name).expect(name).first_stage(), here, name)
    }

    fn command_of(stage: u8, here: Here, name: &str) -> String {
        let claim = claim(name).expect(name);
        here.command(claim, claim.by_hand, stage)
    }

    #[test]
    fn on_windows_every_claim_has_a_command_that_needs_no_unix_shell() {
        for claim in CLAIMS {
            let command = command(WINDOWS, claim.name);
            assert!(command.contains("{addr}") || command.contains("{port}"), "{command}");
            assert_eq!(command.matches('\'').count() % 2, 0, "{command}");
            // a double quote is never in an argument, only in what is piped
            let piped = command.split("; ").filter_map(|one| one.split_once("' | curl.exe "));
            let quotes: usize = piped.map(|(body, _)| body.matches('"').count()).sum();
            assert_eq!(command.matches('"').count(), quotes, "{command}");
            for unix in ["curl ", "scripts/", "printf", "for ", "&", "$", "nc "] {
                assert!(!command.contains(unix), "{}: {command}", claim.name);
            }
        }
    }

    #[test]
    fn a_command_for_powershell_does_what_that_of_a_unix_shell_does() {
        for (name, expected) in [
            (
                "garbage",
                "'[\"alice\", 5]' | curl.exe -i -d '@-' -H 'content-type: application/json' http://{addr}/events",
            ),
            (
                "media-type",
                "'{\"user\": \"alice\", \"amount\": 0}' | curl.exe -i -d '@-' \
                 -H 'content-type: Application/JSON; charset=utf-8' http://{addr}/events",
            ),
            (
                "sender-gone",
                "'{\"user\": \"gone\", \"amount\": 5}' | curl.exe -m 0.1 -d '@-' -H 'content-type: application/json' \
                 http://{addr}/events; sleep 1; curl.exe http://{addr}/balances",
            ),
            ("slow-client", "cargo client hold --probe -z 3s -n 1 {addr}"),
            ("malformed", "cargo client check 1 --only malformed {addr}"),
            ("fair-share", "cargo client check 5 --only fair-share {addr}"),
            ("burst", "cargo client load -n 100 -c 100 --event -t 3s {addr}"),
        ] {
            assert_eq!(command(WINDOWS, name), expected);
        }
        // each kind of garbage but that with a byte that no text has
        let addr = ([127, 0, 0, 1], 8080).into();
        let commands = GARBAGE.map(|kind| in_powershell(&curl(addr, kind.content_type, kind.body)));
        assert_eq!(commands.iter().filter(|command| command.is_none()).count(), 1, "{commands:?}");
        let none = commands[0].as_deref().expect("without a body");
        assert!(none.starts_with("'' | curl.exe -i -d '@-' -H "), "{none}");
    }

    #[test]
    fn outside_the_repository_a_command_uses_the_client_alone() {
        let outside = Here { repository: false, ..UNIX };
        for claim in CLAIMS {
            assert_eq!(command(UNIX, claim.name), claim.by_hand.replace("{stage}", "6"));
            let command = command(outside, claim.name);
            for missing in ["scripts/", "cargo "] {
                assert!(!command.contains(missing), "{}: {command}", claim.name);
            }
        }
        assert_eq!(command(outside, "slow-client"), "client hold --probe -z 3s -n 1 {addr}");
        assert_eq!(
            command(outside, "survives-kill"),
            "client check 6 --only survives-kill --start 'COMMAND {port}'"
        );
        assert_eq!(command(outside, "nosniff"), command(UNIX, "nosniff"));
    }

    #[test]
    fn what_kills_a_server_kills_one_of_the_stage_that_is_checked() {
        let outside = Here { repository: false, ..UNIX };
        for (here, expected) in [
            (UNIX, "scripts/crash.sh 7"),
            (outside, "client check 7 --only key-after-kill --start 'COMMAND {port}'"),
            (
                WINDOWS,
                "cargo client check 7 --only key-after-kill \
                 --start 'cargo stage7 --addr 127.0.0.1:{port} --name check'",
            ),
        ] {
            assert_eq!(command_of(7, here, "key-after-kill"), expected);
        }
    }
}
