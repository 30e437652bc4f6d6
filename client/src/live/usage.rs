//! How much of a core and of the memory a process uses.

use std::time::Instant;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

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
    system: System,
    /// The process, when it was looked at, and its CPU time until then, in milliseconds.
    last: Option<(u32, Instant, u64)>,
}

impl Meter {
    /// `None` if the process has ended, or the system does not show what it uses.
    pub(super) fn look(&mut self, pid: Option<u32>) -> Option<Usage> {
        let (pid, now) = (pid?, Instant::now());
        let (only, what) = ([Pid::from_u32(pid)], ProcessRefreshKind::nothing());
        let what = what.with_cpu().with_memory();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&only), true, what);
        let process = self.system.process(only[0])?;
        let spent = process.accumulated_cpu_time();
        let cores = match self.last.replace((pid, now, spent)) {
            Some((same, then, before)) if same == pid => {
                spent.saturating_sub(before) as f64 / 1000.0 / (now - then).as_secs_f64().max(0.01)
            }
            _ => 0.0,
        };
        Some(Usage { cores, bytes: process.memory() })
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use std::hint::black_box;
    use std::time::{Duration, Instant};

    #[test]
    fn the_usage_of_a_process_is_its_memory_and_the_cores_that_it_keeps_busy() {
        let (mut meter, me) = (Meter::default(), Some(std::process::id()));
        let memory = vec![1_u8; 64 << 20];
        let before = meter.look(me).expect("this process can be seen");
        assert!(before.bytes > 64 << 20 && before.cores == 0.0, "{before:?}");
        let began = Instant::now();
        let mut cores = 0.0;
        while cores == 0.0 {
            let spent = began.elapsed();
            assert!(spent < Duration::from_secs(60), "a minute of computing counts as idle");
            black_box(&memory);
            if spent > Duration::from_millis(100) {
                // the clock has steps, and other processes keep this one from the core
                cores = meter.look(me).expect("this process can be seen").cores;
            }
        }
    }

    #[test]
    fn a_process_that_has_ended_uses_nothing() {
        let mut meter = Meter::default();
        assert!(meter.look(None).is_none() && meter.look(Some(u32::MAX - 1)).is_none());
    }
}
