//! A job object that ends its processes when its last handle is closed. This process is in it, and
//! holds that handle, so what it starts is in it from the first instruction.

use anyhow::Context;
use std::io;
use std::os::windows::process::CommandExt;
use std::process::{Child, Command};
use std::sync::Mutex;
use win32job::{ExtendedLimitInfo, Job};

/// `CREATE_NEW_PROCESS_GROUP`: Ctrl-C in the console does not reach the child.
const NEW_GROUP: u32 = 0x200;

static JOB: Mutex<Option<Job>> = Mutex::new(None);

pub(super) fn spawn(command: &mut Command) -> anyhow::Result<io::Result<Child>> {
    let mut job = JOB.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if job.is_none() {
        *job = Some(join().context("cannot make a job object")?);
    }
    Ok(command.creation_flags(NEW_GROUP).spawn())
}

fn join() -> Result<Job, win32job::JobError> {
    let job = Job::create_with_limit_info(ExtendedLimitInfo::new().limit_kill_on_job_close())?;
    job.assign_current_process()?;
    Ok(job)
}

/// Nothing to do: the caller ends this process next, and that ends the job.
pub(super) fn end_all() {}
