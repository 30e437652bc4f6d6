//! The NATS server of stage 7's column. One is enough for what is compared: no claim ends it.

use crate::doctor::{self, Health};
use anyhow::Context;
use probe::started::{StartCommand, Started};
use probe::tools::find;
use std::time::Duration;
use tempfile::TempDir;

const SERVER: &str = "nats-server";

/// Why none can be started; `None` if one can.
pub(super) fn missing() -> Option<String> {
    if find(SERVER).is_none() {
        return Some(format!("{SERVER} is not installed; client doctor says where it comes from"));
    }
    let check = doctor::nats_server();
    (check.health != Health::Ok).then(|| format!("{SERVER} {}", check.found))
}

/// Starts it on a free port, with its data in this folder.
///
/// # Errors
/// It does not start within this time.
pub(super) async fn start(folder: &TempDir, within: Duration) -> anyhow::Result<Started> {
    let program = find(SERVER).with_context(|| format!("{SERVER} is not installed"))?;
    let data = folder.path().join(SERVER).to_string_lossy().into_owned();
    let args = ["-js", "-a", "127.0.0.1", "-p", "{port}", "-sd", &data].map(String::from);
    let log = folder.path().join("nats-server.log");
    // it introduces itself to each connection, so it counts as responding
    Started::start(StartCommand::of(program, args.into()), &log, within).await.context(SERVER)
}
