//! Job objects that end their processes when their last handle is closed. Only this process has it.

use anyhow::Context;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::os::windows::process::CommandExt;
use std::process::{Child, Command};
use win32job::{ExtendedLimitInfo, Job};

/// `CREATE_NEW_PROCESS_GROUP`: Ctrl-C in the console does not reach the child.
const NEW_GROUP: u32 = 0x200;

#[derive(Debug)]
pub(super) struct Group(Job);

impl Group {
    pub(super) fn new() -> anyhow::Result<Self> {
        let job = Job::create_with_limit_info(ExtendedLimitInfo::new().limit_kill_on_job_close());
        job.map(Self).context("cannot make a job object")
    }

    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let mut child = command.creation_flags(NEW_GROUP).spawn()?;
        match self.0.assign_process(child.as_raw_handle() as isize) {
            Ok(()) => Ok(child),
            Err(error) => {
                let _ = child.kill();
                Err(io::Error::other(error))
            }
        }
    }

    pub(super) fn process_group(&self) -> Option<u32> {
        None
    }

    pub(super) fn terminate(&self) {}
}
