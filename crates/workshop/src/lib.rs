//! What every stage's `main` needs and no lesson teaches: options, the banner, the log, listening
//! and accepting, Ctrl-C.
//!
//! Use it for a small server that is started in a terminal and explains itself there: its `--help`
//! and its banner say what it is about, how to try it and how to break it. Nothing here knows HTTP.
//!
//! ```no_run
//! use std::io::Write;
//! use workshop::blocking::{accept, listen};
//! use workshop::{Addr, Stage, clap};
//!
//! const STAGE: Stage = Stage {
//!     number: 1,
//!     name: "hello",
//!     idea: "greets every client and disconnects it",
//!     try_it: "curl --http0.9 {url}",
//!     break_it: "nc {addr}",
//! };
//!
//! #[derive(clap::Parser)]
//! struct Options {
//!     /// Where to listen; port 0 picks a free one
//!     #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
//!     addr: Addr,
//! }
//!
//! fn main() -> workshop::Result {
//!     let options = STAGE.options::<Options>();
//!     let listener = listen(&STAGE, &options.addr)?;
//!     loop {
//!         let mut stream = accept(&listener);
//!         stream.write_all(b"hello\n")?;
//!     }
//! }
//! ```
//!
//! With the feature `tokio` (on by default) there are [`accept`], [`listen`] and
//! [`stop_signal`] for async servers; without it, [`blocking`] needs only std.

pub mod blocking;
#[cfg(feature = "tokio")]
mod listener;
mod log;
mod options;
#[cfg(feature = "tokio")]
mod signals;
mod socket;

pub use clap;
#[cfg(feature = "tokio")]
pub use listener::{accept, listen};
pub use log::print_last;
pub use options::{Addr, count, duration, timeout};
#[cfg(feature = "tokio")]
pub use signals::stop_signal;
pub use tracing::{debug, warn};

use std::io::Write;
use std::net::SocketAddr;

/// What a stage's `main` returns; an error goes to stderr in one line, with exit code 1.
pub type Result = std::result::Result<(), OneLineError>;

/// An error with its causes in one line, even when `RUST_BACKTRACE` asks for more. It ends the
/// process, so making one waits until the log before it is written, for a second at most.
pub struct OneLineError(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for OneLineError {
    fn from(error: E) -> Self {
        log::flush();
        Self(error.into())
    }
}

impl std::fmt::Debug for OneLineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

/// How a stage introduces itself: in its `--help`, and in its banner once it listens.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// 1 to 5, and beyond the course 6.
    pub number: u8,
    /// The name of its folder and its binary.
    pub name: &'static str,
    /// Its lesson in one line.
    pub idea: &'static str,
    /// A command that shows it working; `{url}` and `{addr}` stand for its address.
    pub try_it: &'static str,
    /// A command that breaks it, or shows that it holds; with the same placeholders.
    pub break_it: &'static str,
}

impl Stage {
    pub(crate) fn announce(&self, addr: SocketAddr) {
        let Self { number, name, idea, .. } = self;
        let [try_it, break_it] = [self.try_it, self.break_it].map(|command| fill_in(command, addr));
        let banner = format!(
            "listening on http://{addr}\n\
             stage {number}: {idea}\n  \
               try it    {try_it}\n  \
               break it  {break_it}\n  \
               read      {name}/src/main.rs\n"
        );
        // a closed stdout is not an error
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(banner.as_bytes()).and_then(|()| stdout.flush());
        if !addr.ip().is_loopback() {
            warn!(
                "{addr} can be reached from other machines; \
                 use this server only on a network that you trust"
            );
        }
    }
}

fn fill_in(command: &str, addr: impl std::fmt::Display) -> String {
    let command = if cfg!(windows) { without_bash(command) } else { command.into() };
    command.replace("{url}", &format!("http://{addr}")).replace("{addr}", &addr.to_string())
}

/// For a system without bash: what does the same as a script, with the same options.
const INSTEAD: [(&str, &str); 4] = [
    ("scripts/flood.sh", "cargo client hold --probe"),
    ("scripts/cost.sh", "cargo client hold -z 30s"),
    ("scripts/pileup.sh", "cargo client load -n 10 -c 10 --event"),
    (
        "scripts/crash.sh 6",
        "cargo client check 6 --only survives-kill --start \
         \"cargo stage6 --addr 127.0.0.1:{port} --data target/check.redb\"",
    ),
];

/// The command, with the client's in place of a script.
fn without_bash(command: &str) -> String {
    for (script, instead) in INSTEAD {
        if let Some(arguments) = command.strip_prefix(script) {
            return format!("{instead}{arguments}");
        }
    }
    command.into()
}

#[cfg(test)]
mod tests {
    use super::without_bash;
    use std::fs;
    use std::path::Path;

    #[test]
    fn on_windows_a_banner_names_the_client_in_place_of_a_script() {
        assert_eq!(
            without_bash("scripts/flood.sh -n 1000 {addr}"),
            "cargo client hold --probe -n 1000 {addr}"
        );
        assert_eq!(without_bash("pkill -9 nats-server"), "pkill -9 nats-server");
        // every command of every stage, also of those that a patch makes
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut scripts = 0;
        for folder in [".", "beyond", "wrong-cures", "bounds"] {
            for entry in fs::read_dir(root.join(folder)).expect("it is there") {
                let path = entry.expect("a name").path();
                let file = if path.is_dir() { path.join("src/main.rs") } else { path };
                let Ok(text) = fs::read_to_string(file) else { continue };
                for command in text.split("break_it: \"").skip(1) {
                    let command = command.split("\",").next().unwrap_or_default();
                    scripts += usize::from(command.contains("scripts/"));
                    assert!(!without_bash(command).contains("scripts/"), "{command}");
                }
            }
        }
        assert!(scripts > 2, "{scripts} commands name a script");
    }
}
