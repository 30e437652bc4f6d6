//! A server as a process: started on a free port, ended with its owner.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    process: Child,
    stdout: BufReader<ChildStdout>,
    /// HOST:PORT
    pub addr: String,
}

impl Server {
    /// Starts a binary, without a log, and waits until it says where it listens.
    pub fn start(binary: &Path, args: &[&str]) -> Result<Self> {
        let mut process = Command::new(binary)
            .args(["--addr", "127.0.0.1:0"])
            .args(args)
            .env("RUST_LOG", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} does not start; bench/run builds it", binary.display()))?;
        let stdout = process.stdout.take().context("stdout is a pipe")?;
        let mut server = Self { process, stdout: BufReader::new(stdout), addr: String::new() };
        let line = server.line()?;
        match line.trim().strip_prefix("listening on http://") {
            Some(addr) => server.addr = addr.to_owned(),
            None => bail!("{} does not say where it listens, but: {line}", binary.display()),
        }
        Ok(server)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line)
    }

    /// The CPU time used so far.
    pub fn cpu(&self) -> Result<Duration> {
        crate::cpu::of(&self.process)
    }

    /// Its resident memory, in KiB.
    pub fn resident(&self) -> Result<u64> {
        let told = Command::new("ps")
            .args(["-o", "rss=", "-p", &self.process.id().to_string()])
            .output()?;
        String::from_utf8_lossy(&told.stdout)
            .trim()
            .parse()
            .context("ps does not say how large the server is")
    }

    /// How many responses it has sent, by its own count: `bare --count`.
    pub fn sent(&mut self) -> Result<u64> {
        self.process.stdin.as_mut().context("stdin is a pipe")?.write_all(b"\n")?;
        self.line()?.trim().parse().context("the server does not say how many responses it sent")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it has ended, then
        let _ = self.process.wait();
    }
}
