//! How much of a core and of the memory a process uses, where the system has /proc.

use std::time::Instant;

/// The clock of /proc: USER_HZ, 100 on every Linux that this course runs on.
const TICKS: f64 = 100.0;

/// What a process uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// Cores in use since the last look.
    pub(super) cores: f64,
    /// Resident memory.
    pub(super) bytes: u64,
}

/// One process, looked at again and again.
#[derive(Default)]
pub(super) struct Meter {
    last: Option<(u32, Instant, u64)>,
}

impl Meter {
    pub(super) fn look(&mut self, pid: Option<u32>) -> Option<Usage> {
        let now = Instant::now();
        let (pid, (ticks, bytes)) = pid.and_then(|pid| Some((pid, read(pid)?)))?;
        let last = self.last.replace((pid, now, ticks));
        let cores = match last {
            Some((same, then, before)) if same == pid => {
                ticks.saturating_sub(before) as f64 / TICKS / (now - then).as_secs_f64().max(0.01)
            }
            _ => 0.0,
        };
        Some(Usage { cores, bytes })
    }
}

/// Its CPU time in ticks, and its resident bytes.
fn read(pid: u32) -> Option<(u64, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the name in parentheses may contain spaces; proc_pid_stat(5)
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some((ticks(11)? + ticks(12)?, kilobytes * 1024))
}
