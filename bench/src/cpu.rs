//! CPU time: of a server, of the load generators that have ended, and of the whole machine.

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::process::Child;
use std::time::{Duration, Instant};

/// What a running process has used so far, its threads that have ended included.
#[cfg(target_os = "linux")]
pub fn of(process: &Child) -> Result<Duration> {
    let clock =
        nix::time::ClockId::pid_cpu_clock_id(nix::unistd::Pid::from_raw(process.id() as i32));
    Ok(clock.and_then(|clock| clock.now()).context("the server has ended")?.into())
}

/// What a running process has used so far, to a hundredth of a second.
#[cfg(not(target_os = "linux"))]
pub fn of(process: &Child) -> Result<Duration> {
    let told = std::process::Command::new("ps")
        .args(["-o", "time=", "-p", &process.id().to_string()])
        .output()?;
    // [[hours:]minutes:]seconds
    let told = String::from_utf8(told.stdout)?;
    let parts = told.trim().split(':').map(str::parse::<f64>);
    let seconds = parts.collect::<Result<Vec<_>, _>>().context("the server has ended")?;
    Ok(Duration::from_secs_f64(seconds.iter().fold(0.0, |sum, part| sum * 60.0 + part)))
}

/// What the processes used that we started and that have ended.
pub fn of_ended() -> Result<Duration> {
    usage(UsageWho::RUSAGE_CHILDREN)
}

/// What this process has used so far.
pub fn of_this() -> Result<Duration> {
    usage(UsageWho::RUSAGE_SELF)
}

fn usage(of: UsageWho) -> Result<Duration> {
    let used = getrusage(of)?;
    let duration =
        |time: TimeVal| Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1000);
    Ok(duration(used.user_time()) + duration(used.system_time()))
}

/// The machine from a moment on.
pub struct Machine {
    began: Instant,
    busy: Option<Duration>,
}

impl Machine {
    pub fn now() -> Self {
        Self { began: Instant::now(), busy: of_machine() }
    }

    /// The share of it that others took since, `ours` being what our processes used; `None` where the system does not say.
    pub fn taken_by_others(&self, ours: Duration) -> Option<f64> {
        let others = (of_machine()? - self.busy?).saturating_sub(ours);
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get()) as f64;
        Some(others.as_secs_f64() / (cores * self.began.elapsed().as_secs_f64()))
    }
}

/// What all processes together used so far, and what other machines on the same hardware took from this one; `None` where
/// the system does not say.
fn of_machine() -> Option<Duration> {
    let all = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> =
        all.lines().next()?.split_whitespace().skip(1).map_while(|n| n.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; in hundredths of a second (USER_HZ)
    let [user, nice, system, _, _, irq, softirq, steal, ..] = ticks[..] else { return None };
    Some(Duration::from_millis(10 * (user + nice + system + irq + softirq + steal)))
}
