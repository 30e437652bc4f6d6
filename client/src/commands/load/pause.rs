//! `--pause`: the server is stopped during the run, and continues.

use crate::commands::arguments::positive_duration;
use probe::pause::{Pause, Paused};
use std::time::Duration;

/// For how long, and how long after the beginning of the run.
#[derive(Clone, Copy)]
pub(super) struct PauseAt {
    duration: Duration,
    at: Duration,
}

pub(super) fn pause_at(text: &str) -> Result<PauseAt, String> {
    let (duration, at) =
        text.split_once('@').ok_or("a pause reads DURATION@START, such as 3s@5s")?;
    Ok(PauseAt { duration: positive_duration(duration)?, at: positive_duration(at)? })
}

/// The pause of a run.
pub(super) struct RunPause {
    plan: PauseAt,
    pause: Pause,
    began: Option<Duration>,
}

impl RunPause {
    pub(super) fn new(plan: PauseAt, paused: Paused) -> std::io::Result<Self> {
        Ok(Self { plan, pause: Pause::new(paused, plan.duration)?, began: None })
    }

    /// To be called often: the pause begins when the run has lasted so long.
    pub(super) fn tick(&mut self, elapsed: Duration) {
        if self.began.is_none() && elapsed >= self.plan.at {
            self.pause.begin();
            self.began = Some(elapsed);
        }
    }

    /// Ends the pause with the run, and returns from when to when the server was stopped, or why it was not.
    pub(super) fn end(self, elapsed: Duration) -> Result<(Duration, Duration), &'static str> {
        let stopped = self.pause.end();
        match self.began {
            None => Err("the run was over before --pause"),
            Some(_) if !stopped => Err("nothing was stopped by --pause: the process had ended"),
            Some(began) => Ok((began, elapsed.clamp(began, began + self.plan.duration))),
        }
    }
}
