//! Text to stdout and stderr.

use std::io::Write;

/// To stdout; whoever closed that does not want to know.
pub(crate) fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// A line to stderr; whoever closed that does not want to know either.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
