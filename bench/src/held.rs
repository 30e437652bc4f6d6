//! Connections that are held: what each costs in memory, and whether many of them make each response dearer.

use crate::rounds::{Contender, Sample};
use crate::server::Server;
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

/// How many connections are many.
pub const MANY: usize = 10_000;

/// How many requests are under way at a time.
const AT_ONCE: usize = 10;

/// Connections on which nothing was sent yet.
pub struct Held {
    connections: Vec<TcpStream>,
    request: String,
}

impl Held {
    /// Opens so many; all of them are accepted when this returns.
    pub fn open(server: &Server, count: usize) -> Result<Self> {
        let open = |_| TcpStream::connect(&server.addr);
        let connections = (0..count).map(open).collect::<Result<Vec<_>, _>>();
        let connections = connections.with_context(|| {
            format!("{count} connections cannot be opened: does `ulimit -Hn` allow twice as many descriptors?")
        })?;
        let mut held = Self {
            connections,
            request: format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr),
        };
        held.serve(&[count - 1])?; // they are accepted in their order
        Ok(held)
    }

    /// Sends a request on each of these connections, then reads the responses.
    fn serve(&mut self, places: &[usize]) -> Result<()> {
        for &place in places {
            self.connections[place].write_all(self.request.as_bytes())?;
        }
        for &place in places {
            let mut response = [0; 4096];
            let length = self.connections[place].read(&mut response)?;
            ensure!(response[..length].starts_with(b"HTTP/1.1 "), "a held connection was closed");
        }
        Ok(())
    }

    /// So many requests, a few at a time, on one connection after another.
    fn serve_in_turn(&mut self, requests: usize) -> Result<()> {
        let places: Vec<usize> = (0..requests).map(|n| n % self.connections.len()).collect();
        places.chunks(AT_ONCE).try_for_each(|places| self.serve(places))
    }
}

/// What a connection costs a server in resident memory, in KiB.
#[derive(Serialize)]
pub struct Memory {
    /// The server.
    pub name: &'static str,
    /// With nothing sent on it.
    pub silent: f64,
    /// After one request, kept alive.
    pub served: f64,
}

/// Measures a server that was just started.
pub fn memory(name: &'static str, binary: &Path, args: &[&str]) -> Result<Memory> {
    let server = Server::start(binary, args)?;
    drop(Held::open(&server, AT_ONCE)?); // what the first ones cost is the server's
    let before = server.resident()?;
    let mut held = Held::open(&server, MANY)?;
    let silent = server.resident()?.saturating_sub(before) as f64 / MANY as f64;
    held.serve_in_turn(MANY)?;
    let served = server.resident()?.saturating_sub(before) as f64 / MANY as f64;
    Ok(Memory { name, silent, served })
}

/// Stage 2 with a few connections and with many: the same requests, on one after another.
pub fn few_and_many<'a>(stages: &Path) -> Result<Vec<Contender<'a>>> {
    let mut contenders = Vec::new();
    for (name, count) in
        [("10 connections", AT_ONCE), ("10,000 connections", MANY), ("10 again", AT_ONCE)]
    {
        let server = Server::start(&stages.join("stage2-async"), &[])?;
        let mut held = Held::open(&server, count)?;
        contenders.push(Contender::new(name, move || {
            let (before, ours) = (server.cpu()?, crate::cpu::of_this()?);
            held.serve_in_turn(2 * MANY)?;
            let cpu = server.cpu()? - before;
            Ok(Sample { answers: 2 * MANY as u64, cpu, ours: cpu + crate::cpu::of_this()? - ours })
        }));
    }
    Ok(contenders)
}
