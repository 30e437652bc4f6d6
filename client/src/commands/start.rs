//! `--start`: the server is started for the command, and ends with it.

use super::arguments::positive_duration;
use super::print::complain;
use clap::Args;
use probe::started::{StartCommand, Started};
use std::path::Path;
use std::time::Duration;

/// How long a server may take to respond, unless it is said: some commands compile it first.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(super) struct Start {
    /// Start the server with this shell command, such as 'python3 server.py {port}', on a free port,
    /// and end it afterwards
    #[arg(long, value_name = "COMMAND")]
    start: Option<StartCommand>,
    /// How long it may take to respond [default: 60s]
    #[arg(long, value_name = "DURATION", requires = "start", value_parser = positive_duration, allow_hyphen_values = true)]
    start_timeout: Option<Duration>,
}

impl Start {
    pub(super) fn is_given(&self) -> bool {
        self.start.is_some()
    }

    pub(super) fn patience(&self) -> Duration {
        self.start_timeout.unwrap_or(PATIENCE)
    }

    /// The server, once it responds; else it is said why there is none. What it prints is in
    /// `output`.
    pub(super) async fn server(&self, output: &Path) -> Option<Started> {
        let command = self.start.clone()?;
        let started = Started::start(command, output, self.patience()).await;
        started.map_err(|error| complain(&format!("error: --start: {error:#}"))).ok()
    }

    /// The same, with its output in a file that is gone when the result is dropped.
    pub(super) async fn server_without_log(&self) -> anyhow::Result<Option<Temporary>> {
        let output = tempfile::NamedTempFile::new()?.into_temp_path();
        Ok(self.server(&output).await.map(|server| Temporary { server, _output: output }))
    }
}

/// A server whose output is not kept.
pub(super) struct Temporary {
    pub(super) server: Started,
    _output: tempfile::TempPath,
}

impl Temporary {
    /// Ends the server; if it had ended before, that is said, with its last lines.
    pub(super) async fn end(mut self) {
        if let Some(ended) = self.server.ended() {
            complain(&format!("note: {ended}"));
        }
        self.server.end().await;
    }
}
