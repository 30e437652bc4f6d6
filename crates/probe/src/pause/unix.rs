//! A shell that was started before the pause, stops and continues the processes, and waits for the end of a pipe meanwhile.
//! Only this process holds the other end, so the pipe ends when this process does.

use super::Paused;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What the shell runs: the first argument is what it stops, the second for how many seconds. It has its own clock, so
/// that the pause ends in time although the client is stopped, too.
const WATCH: &str = r#"
    trap '' HUP INT QUIT TERM TSTP
    read -r _ || exit 0
    kill -s STOP -- "$1" || exit 1
    echo stopped
    exec 3<&0
    sleep "$2" >/dev/null & timer=$!
    { read -r _; kill -s KILL "$timer"; } <&3 >/dev/null & reader=$!
    wait "$timer"
    kill -s CONT -- "$1"
    kill -s KILL "$reader""#;

/// What tells whose a process is where there is no /proc; two words if it is there.
const WHOSE: &str = r#"id -u && ps -o uid= -p "$1""#;

/// Whether that process exists and is this user's.
pub(super) fn check(pid: u32) -> Result<(), String> {
    if let Ok(own) = fs::metadata("/proc/self") {
        return match fs::metadata(format!("/proc/{pid}")) {
            Ok(of) if of.uid() == own.uid() => Ok(()),
            Ok(_) => Err("that process is not yours".into()),
            Err(_) => Err("there is no such process".into()),
        };
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", WHOSE, "sh", &pid.to_string()]).stdin(Stdio::null());
    let output = shell.output().map_err(|error| format!("cannot start sh: {error}"))?;
    if output.status.code() == Some(127) {
        return Err("ps is missing, which shows whose process that is".into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut users = text.split_whitespace();
    match (users.next(), users.next()) {
        (_, None) => Err("there is no such process".into()),
        (own, of) if own == of => Ok(()),
        _ => Err("that process is not yours".into()),
    }
}

#[derive(Debug)]
pub(super) struct Watcher(Child);

impl Watcher {
    pub(super) fn new(paused: Paused, duration: Duration) -> io::Result<Self> {
        let target = match paused {
            Paused::Process(id) => id.to_string(),
            Paused::Group(id) => format!("-{id}"),
        };
        let seconds = format!("{:.3}", duration.as_secs_f64());
        let mut shell = Command::new("sh");
        // a group of its own, so that Ctrl-C in the terminal does not reach it
        shell.args(["-c", WATCH, "sh", &target, &seconds]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        shell.spawn().map(Self)
    }

    pub(super) fn begin(&mut self) {
        if let Some(pipe) = &mut self.0.stdin {
            let _ = pipe.write_all(b"\n"); // without a shell, nothing was stopped
        }
    }

    pub(super) fn end(&mut self) -> bool {
        drop(self.0.stdin.take());
        let mut text = String::new();
        if let Some(mut stdout) = self.0.stdout.take() {
            let _ = stdout.read_to_string(&mut text); // what cannot be read was not said
        }
        let _ = self.0.wait();
        !text.is_empty()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.end();
    }
}
