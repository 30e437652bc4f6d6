//! Text to stdout and stderr.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Mutex;

/// The first error of stdout.
static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints to stdout. A closed stdout is not an error; any other is for [`end`].
pub(crate) fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            failure().get_or_insert(error);
        }
        _ => {}
    }
}

/// The exit code of a command: its own, or that its output could not be written, which is said in a
/// line.
pub(crate) fn end(code: ExitCode) -> ExitCode {
    match failure().take() {
        None => code,
        Some(error) => {
            complain(&format!("error: cannot write the output: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn failure() -> std::sync::MutexGuard<'static, Option<io::Error>> {
    FAILURE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Prints a line to stderr. A closed stderr is not an error either.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
