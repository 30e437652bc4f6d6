//! A server as a process: started on a free port, and killed when its owner is dropped or this
//! process ends.

use crate::children;
use anyhow::{Context, anyhow, bail};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a server may take until it listens: an event is awaited, so this only bounds a broken
/// one.
const START: Duration = Duration::from_secs(60);

/// A running server that announces itself as our stages do: `listening on http://ADDR` is its first
/// line. Killed when it is dropped, and when this process ends, whatever ends it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    addr: SocketAddr,
    output: Option<JoinHandle<String>>,
}

/// A server that has exited.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote on stdout after its first line.
    pub output: String,
}

impl Server {
    /// Starts `command`, with `--addr 127.0.0.1:0`, and waits until it listens.
    ///
    /// # Errors
    /// The command does not start, or prints something else first.
    pub fn start(command: Command) -> anyhow::Result<Self> {
        Self::start_at(command, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Starts `command` with that `--addr`, and waits until it listens.
    ///
    /// # Errors
    /// As those of [`start`](Self::start); the port may be in use.
    pub fn start_at(mut command: Command, addr: SocketAddr) -> anyhow::Result<Self> {
        command.args(["--addr", &addr.to_string()]).stdout(Stdio::piped());
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = children::spawn(&mut command)?;
        let stdout = child.stdout.take().context("a piped stdout is there")?;
        let (first, listening) = mpsc::channel();
        let output = thread::spawn(move || {
            let (mut stdout, mut line, mut rest) =
                (BufReader::new(stdout), String::new(), String::new());
            let _ = stdout.read_line(&mut line); // no line and a broken one are the same to the receiver
            let _ = first.send(line);
            let _ = stdout.read_to_string(&mut rest);
            rest
        });
        let mut server = Self { child, addr, output: Some(output) };
        let line = listening
            .recv_timeout(START)
            .map_err(|_| anyhow!("{name} does not say that it listens"))?;
        match line.trim_end().strip_prefix("listening on http://").map(str::parse) {
            Some(Ok(addr)) => server.addr = addr,
            _ => bail!("{name} should say where it listens, and said {line:?}"),
        }
        Ok(server)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by its name, such as `TERM`.
    ///
    /// # Errors
    /// The process has ended.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        // every shell has its own `kill`; not every machine has one beside it
        let pid = self.pid().to_string();
        let status =
            Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status()?;
        if status.success() { Ok(()) } else { bail!("no signal {name} to process {pid}") }
    }

    /// Waits until it exits, however long that takes.
    ///
    /// # Errors
    /// What the system reports.
    pub fn wait(mut self) -> anyhow::Result<Ended> {
        let status = self.child.wait()?;
        let output = self.output.take().and_then(|output| output.join().ok()).unwrap_or_default();
        Ok(Ended { status, output })
    }

    /// How it ended; `None` while it runs.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}
