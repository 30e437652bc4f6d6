//! A server in any language, started by a command that a user gives.

use crate::children::Group;
use crate::pause::Paused;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// How often a server that was just started is asked whether it responds.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How long a server may take to end by itself.
const END: Duration = Duration::from_secs(2);

/// How many of a server's last lines are shown, and of how many bytes.
const LAST_LINES: usize = 10;
const LAST_BYTES: u64 = 4096;

/// A command that starts a server, with `{port}` where its port belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartCommand(Line);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// For the system's shell.
    Shell(String),
    /// A program and its arguments.
    Program(PathBuf, Vec<String>),
}

impl FromStr for StartCommand {
    type Err = &'static str;

    fn from_str(command: &str) -> Result<Self, Self::Err> {
        match command.contains("{port}") {
            true => Ok(Self(Line::Shell(command.to_owned()))),
            false => Err("write {port} where the port belongs, as in 'python3 server.py {port}'"),
        }
    }
}

impl StartCommand {
    /// A program of ours, which logs nothing; one of its arguments has the `{port}`.
    pub fn of(program: PathBuf, args: Vec<String>) -> Self {
        Self(Line::Program(program, args))
    }

    fn for_port(&self, port: u16) -> Command {
        let filled = |text: &String| text.replace("{port}", &port.to_string());
        match &self.0 {
            Line::Shell(line) => {
                let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
                let mut command = Command::new(shell);
                command.args([option, &filled(line)]);
                command
            }
            Line::Program(program, args) => {
                let mut command = Command::new(program);
                command.args(args.iter().map(filled)).env("RUST_LOG", "off");
                command
            }
        }
    }
}

/// A server that was started by a command, on a free port of 127.0.0.1. It ends, with everything
/// that it has started, when this is dropped, and when this process ends, whatever ends it.
#[derive(Debug)]
pub struct Started {
    command: StartCommand,
    group: Group,
    child: Child,
    addr: SocketAddr,
    output: File,
}

impl Started {
    /// Starts it, and waits until it sends anything in response to a request. What it prints goes
    /// to the file `output`, in place of what was there.
    ///
    /// # Errors
    /// It ends, or does not respond within `patience`; its last lines are in the message.
    pub async fn start(
        command: StartCommand,
        output: &Path,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        let output = File::create(output)
            // each of its processes adds to the end, and here it is read
            .and_then(|_| File::options().read(true).append(true).open(output))
            .with_context(|| format!("cannot write {}", output.display()))?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
        let addr = free.local_addr()?;
        drop(free); // std's listener on Unix lets the address be used again at once
        let group = Group::new()?;
        let child = group.spawn(&mut printing(&command, addr, &output)?)?;
        let mut started = Self { command, group, child, addr, output };
        started.await_response(patience).await?;
        Ok(started)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The processes that it consists of, where the system can stop them.
    pub fn paused(&self) -> Option<Paused> {
        self.group.process_group().map(Paused::Group)
    }

    /// Kills it, with everything that it has started, at once (SIGKILL), and starts it again on the
    /// same port.
    ///
    /// # Errors
    /// As those of [`start`](Self::start).
    pub async fn kill_and_start(&mut self, patience: Duration) -> anyhow::Result<()> {
        // the new group is there before the old one is dropped, and so killed; the new server is not
        let group = std::mem::replace(&mut self.group, Group::new()?);
        drop(group);
        let _ = self.child.wait();
        self.child = self.group.spawn(&mut printing(&self.command, self.addr, &self.output)?)?;
        self.await_response(patience).await
    }

    /// How it ended, and its last lines, if it has ended by itself.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!("the server has ended ({}){}", in_words(status), self.last_lines()))
    }

    /// The same, for a server whose connections have just ended: its process ends a moment later.
    pub async fn ends_now(&mut self) -> Option<String> {
        for _ in 0..10 {
            if let Some(ended) = self.ended() {
                return Some(ended);
            }
            sleep(ASK_AGAIN / 5).await; // a child of std's cannot be awaited
        }
        None
    }

    /// Ends it: SIGTERM, and after two seconds SIGKILL, for all that it has started.
    pub async fn end(mut self) {
        self.group.terminate();
        let end = Instant::now() + END;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            sleep(ASK_AGAIN / 5).await;
        }
    }

    async fn await_response(&mut self, patience: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + patience;
        loop {
            let responds = matches!(timeout(ASK_AGAIN * 20, ask(self.addr)).await, Ok(Ok(())));
            if let Some(ended) = self.ended() {
                if responds {
                    bail!(
                        "the command has ended, but something responds at {}: it must not put the server in the background",
                        self.addr
                    );
                }
                bail!("{ended}");
            }
            if responds {
                return Ok(());
            }
            if Instant::now() >= end {
                let (addr, last_lines) = (self.addr, self.last_lines());
                bail!(
                    "no response at {addr} in {}: the server must listen on the port that {{port}} stands for{last_lines}",
                    crate::duration::show(patience),
                );
            }
            sleep(ASK_AGAIN).await;
        }
    }

    /// What it printed last, ready to follow a sentence.
    fn last_lines(&mut self) -> String {
        let mut text = Vec::new();
        let mut read = || {
            let length = self.output.seek(SeekFrom::End(0))?;
            self.output.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES)))?;
            self.output.read_to_end(&mut text)
        };
        if read().is_err() || text.trim_ascii().is_empty() {
            return "; it printed nothing".into();
        }
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.trim_end().lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n    ");
        format!("; its last lines:\n    {last}")
    }
}

/// The command, with stdout and stderr in that file.
fn printing(command: &StartCommand, addr: SocketAddr, output: &File) -> anyhow::Result<Command> {
    let mut command = command.for_port(addr.port());
    let file = || output.try_clone().map(Stdio::from).context("no descriptor is left");
    command.stdout(file()?).stderr(file()?);
    Ok(command)
}

/// Whether anything comes back.
async fn ask(addr: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(&crate::http_client::get(addr, "/")).await?;
    match stream.read(&mut [0; 1]).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn in_words(status: ExitStatus) -> String {
    match status.code() {
        Some(0) => "exit code 0: it must not go into the background".into(),
        Some(127) if cfg!(unix) => "exit code 127: there is no such command".into(),
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}
