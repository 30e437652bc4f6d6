//! Stops processes for a while. They continue whatever ends this one: a return, a signal, or `kill -9`.

#[cfg_attr(unix, path = "pause/unix.rs")]
#[cfg_attr(windows, path = "pause/windows.rs")]
mod system;

use std::io;
use std::str::FromStr;
use std::time::Duration;

/// What is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paused {
    /// One process, by its id.
    Process(u32),
    /// A process group, by its id.
    Group(u32),
}

impl FromStr for Paused {
    type Err = String;

    /// A process of this user, by its id.
    fn from_str(pid: &str) -> Result<Self, Self::Err> {
        let number = pid.parse().ok().filter(|pid| (2..=i32::MAX as u32).contains(pid));
        let pid = number.ok_or("a process id is a whole number, 2 or more")?;
        system::check(pid)?;
        Ok(Self::Process(pid))
    }
}

/// A pause that can begin once.
#[derive(Debug)]
pub struct Pause(system::Watcher);

impl Pause {
    /// Gets ready for it, so that nothing can go wrong between stopping and continuing.
    ///
    /// # Errors
    /// The system has no such signals, or no `sh`.
    pub fn new(paused: Paused, duration: Duration) -> io::Result<Self> {
        system::Watcher::new(paused, duration).map(Self)
    }

    /// Stops them now. They continue after the duration, or earlier when this is dropped or this process ends.
    pub fn begin(&mut self) {
        self.0.begin();
    }

    /// Lets them continue, if they do not yet, and returns whether they had been stopped.
    pub fn end(mut self) -> bool {
        self.0.end()
    }
}
