//! The command line of a stage, and the values that its options accept.

use crate::log::start_log;
use crate::{Stage, fill_in};
use clap::{Arg, Command, Parser};
use std::str::FromStr;
use std::time::Duration;
use textwrap::WordSplitter;

impl Stage {
    /// Parses the command line, starts the log, and raises the limit on open files as far as the
    /// system allows: it is often 1024 or 256, and every connection is an open file.
    ///
    /// Ends the process with an error and exit code 2 if the command line is wrong, and with the
    /// help if that was asked for.
    pub fn options<O: Parser>(&self) -> O {
        let mut command = self.command::<O>();
        let options = command
            .try_get_matches_from_mut(std::env::args_os())
            .and_then(|mut matches| O::from_arg_matches_mut(&mut matches))
            .unwrap_or_else(|error| error.format(&mut command).exit());
        start_log();
        // if the limit stays low, accept retries until a connection is closed
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        options
    }

    fn command<O: Parser>(&self) -> Command {
        let [try_it, break_it] = [self.try_it, self.break_it].map(|command| {
            fill_in(command, "127.0.0.1:8080").replace(" -H ", " \\\n             -H ")
        });
        O::command()
            .name(self.name)
            .mut_args(format_option)
            .about(fold(&format!("Stage {}: {}", self.number, self.idea), 80))
            .after_help(format!(
                "Try it:    {try_it}\nBreak it:  {break_it}\nRead:      {}/src/main.rs\n\n\
                 RUST_LOG=debug logs requests, RUST_LOG=warn hides connections. Ctrl-C stops it.",
                self.name
            ))
    }
}

/// Folds the help of an option to the 50 columns beside the longest name, and gives its default a
/// separate line.
fn format_option(option: Arg) -> Arg {
    let mut help = fold(&option.get_help().map(ToString::to_string).unwrap_or_default(), 50);
    if let [default, ..] = option.get_default_values() {
        help += &format!("\n[default: {}]", default.to_string_lossy());
    }
    // so that `--queue -1` is an invalid value instead of an unknown option `-1`
    let allows_hyphen = option.get_possible_values().is_empty();
    option
        .help(help)
        .hide_default_value(true)
        .hide_possible_values(true)
        .allow_hyphen_values(allows_hyphen)
}

/// clap's feature `wrap_help` does the same, but stage 1 would have to build rustix for it.
fn fold(text: &str, width: usize) -> String {
    textwrap::fill(text, textwrap::Options::new(width).word_splitter(WordSplitter::NoHyphenation))
}

/// Parses a duration from 0 to 1 hour, such as `500ms`, `2s` or `1m`.
///
/// # Errors
/// The message says what a valid duration looks like.
pub fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= Duration::from_secs(3600) => Ok(duration),
        Ok(_) => Err("must be at most 1h".into()),
        Err(_) => Err("give a number and a unit, such as 500ms, 2s or 1m".into()),
    }
}

/// Parses a [`duration`] of more than 0.
///
/// # Errors
/// The message says what a valid timeout looks like.
pub fn timeout(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be more than 0".into()),
        timeout => Ok(timeout),
    }
}

/// Parses a number from 1 to 1,000,000: more than any lesson needs, and too small for any sum here
/// to overflow.
///
/// # Errors
/// The message says which numbers are valid.
pub fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1_000_000) => Ok(count),
        _ => Err("give a number from 1 to 1000000".into()),
    }
}

/// HOST:PORT, such as `127.0.0.1:8080` or `localhost:0`; resolved when the server listens.
#[derive(Clone, Debug)]
pub struct Addr(pub(crate) String);

impl FromStr for Addr {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |host: &str| {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        };
        // digits only: a number would be parsed with a sign, too
        let is_port = |port: &str| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
        };
        let is_addr = text.parse::<std::net::SocketAddr>().is_ok()
            || text.rsplit_once(':').is_some_and(|(host, port)| is_name(host) && is_port(port));
        if is_addr {
            Ok(Self(text.to_owned()))
        } else {
            Err("give a host and a port up to 65535, such as 127.0.0.1:8080")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Addr, count, duration, timeout};
    use std::time::Duration;

    #[test]
    fn durations_are_at_most_an_hour_and_timeouts_are_more_than_0() {
        for (text, millis) in [("500ms", 500), ("2s", 2000), ("1m 30s", 90_000), ("1h", 3_600_000)]
        {
            let expected = Ok(Duration::from_millis(millis));
            assert_eq!((duration(text), timeout(text)), (expected.clone(), expected), "{text}");
        }
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert!(timeout("0s").is_err());
        for text in ["", "500", "-1s", "1h 1ns", "soon"] {
            assert!(duration(text).is_err() && timeout(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_from_1_to_a_million() {
        assert_eq!((count("1"), count("1000000")), (Ok(1), Ok(1_000_000)));
        for text in ["", "-1", "0", "1000001", "18446744073709551616", "1.5"] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_are_a_host_and_a_port() {
        for text in ["127.0.0.1:8080", "[::1]:0", "localhost:65535", "my-host.example:80"] {
            assert!(text.parse::<Addr>().is_ok(), "{text}");
        }
        for text in ["", "8080", ":8080", "localhost", "localhost:", "localhost:+80", "a:65536"] {
            assert!(text.parse::<Addr>().is_err(), "{text}");
        }
    }
}
