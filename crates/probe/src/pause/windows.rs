//! Windows has no signal that stops a process.

use super::Paused;
use std::io;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Watcher;

const NONE: &str = "Windows has no signal that stops a process; Linux and macOS do";

pub(super) fn check(_: u32) -> Result<(), String> {
    Err(NONE.into())
}

impl Watcher {
    pub(super) fn new(_: Paused, _: Duration) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, NONE))
    }

    pub(super) fn begin(&mut self) {}

    pub(super) fn end(&mut self) -> bool {
        false
    }
}
