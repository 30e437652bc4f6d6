//! The load generators: how each is told to send GETs on 64 connections for a while.

use crate::cpu;
use crate::rounds::{Contender, Sample};
use crate::server::Server;
use anyhow::{Context, Result, bail};
use std::cell::RefCell;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// Runs a command to its end: what it printed, and the CPU time that it took.
pub fn run(command: &mut Command) -> Result<(Output, Duration)> {
    let before = cpu::of_ended()?;
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{name} does not start"))?;
    if !output.status.success() {
        bail!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok((output, cpu::of_ended()? - before))
}

/// Whether a command is on the PATH.
pub fn is_there(tool: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(tool).is_file())
}

/// Our client and its peers against one server; the answers are those that the server counts itself.
pub fn generators<'a>(
    stages: &Path,
    seconds: u64,
    server: &'a RefCell<Server>,
) -> Vec<Contender<'a>> {
    let url = format!("http://{}/", server.borrow().addr);
    let ours = stages.join("client").display().to_string();
    let time = format!("{seconds}s");
    let plain = seconds.to_string();
    let tools: [(&str, Vec<&str>); 5] = [
        ("client load", vec![&ours, "load", "-z", &time, "-c", "64", &url]),
        ("client load again", vec![&ours, "load", "-z", &time, "-c", "64", &url]),
        ("wrk", vec!["wrk", "-t2", "-c64", "-d", &time, &url]),
        ("h2load", vec!["h2load", "--h1", "-t2", "-c64", "-D", &plain, &url]),
        ("oha", vec!["oha", "--no-tui", "-c", "64", "-z", &time, &url]),
    ];
    let mut contenders = Vec::new();
    for (name, line) in tools {
        if !line[0].contains('/') && !is_there(line[0]) {
            eprintln!("{name} is not installed: left out");
            continue;
        }
        let line: Vec<String> = line.into_iter().map(str::to_owned).collect();
        contenders.push(Contender::new(name, move || {
            let mut server = server.borrow_mut();
            let (sent, cpu_before) = (server.sent()?, server.cpu()?);
            let (_, cpu) = run(Command::new(&line[0]).args(&line[1..]))?;
            let answers = server.sent()? - sent;
            Ok(Sample { answers, cpu, ours: cpu + server.cpu()? - cpu_before })
        }));
    }
    contenders
}
