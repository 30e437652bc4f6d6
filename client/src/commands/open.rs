//! Opens a page in the browser of this machine.

use super::print::complain;
use client::doctor::OPENER;
use std::ffi::OsStr;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

/// How long to wait for an error of the opener. Some openers run until the browser is closed.
const OPENING: Duration = Duration::from_secs(3);

/// Opens the page in the default browser, or says that it cannot.
pub(super) fn open(page: &OsStr) {
    let mut command = std::process::Command::new(OPENER);
    command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || ended.send(command.status()));
    match end.recv_timeout(OPENING) {
        Ok(Err(_)) => complain(&format!(
            "{OPENER} is not installed; open {} in a browser yourself",
            page.to_string_lossy()
        )),
        // Windows' explorer says so of every page that it opens
        Ok(Ok(status)) if !status.success() && !cfg!(windows) => complain(&format!(
            "{OPENER} failed to open a browser; open {} yourself",
            page.to_string_lossy()
        )),
        _ => {}
    }
}
