//! Text to stdout and stderr.

use std::io::Write;

/// Prints to stdout. A closed stdout is not an error.
pub(crate) fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints a line to stderr. A closed stderr is not an error either.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
