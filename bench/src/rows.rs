//! The servers' rows: the same work for a stage and for its peers.

use crate::load;
use crate::rounds::{Contender, Rounds, Sample};
use crate::server::Server;
use crate::table::{MICROS, Row, Target};
use anyhow::{Context, Result, ensure};
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

const EVENT: &str = r#"{"user": "alice", "amount": 5}"#;

/// One kind of work, who does it, and what the first of them is to reach.
pub struct Work {
    pub name: &'static str,
    pub title: &'static str,
    load: Load,
    servers: &'static [Peer],
    bases: &'static [&'static str],
    /// So many times the second one's figure, at most.
    targets: &'static [(&'static str, f64)],
}

/// A server as a row starts it: its name in the table, its binary, the arguments, and where the work is.
type Peer = (&'static str, &'static str, &'static [&'static str], &'static str);

/// What wrk sends.
#[derive(Clone, Copy)]
enum Load {
    Get,
    /// A connection per request.
    GetClose,
    /// One client, and so one connection.
    GetAlone,
    /// A body of so many bytes.
    Post(usize),
    Event,
    /// Events to a queue that was filled before: each is refused.
    Refused,
}

pub const ROWS: [Work; 8] = [
    Work {
        name: "get",
        title: "GET, 64 connections, kept alive",
        load: Load::Get,
        servers: &[
            ("stage 2", "stage2-async", &[], "/"),
            ("hyper", "hyper", &[], "/"),
            ("hyper again", "hyper", &[], "/"),
            ("bare tokio", "bare", &[], "/"),
            ("axum", "axum", &[], "/"),
        ],
        bases: &["hyper", "bare tokio"],
        targets: &[("hyper", 0.92), ("bare tokio", 1.06)],
    },
    Work {
        name: "post",
        title: "POST of 1 KiB, echoed, kept alive",
        load: Load::Post(1024),
        servers: &[
            ("stage 2", "stage2-async", &[], "/"),
            ("hyper", "hyper", &[], "/"),
            ("hyper again", "hyper", &[], "/"),
            ("bare tokio", "bare", &["--echo", "1024"], "/"),
            ("axum", "axum", &[], "/"),
        ],
        bases: &["hyper", "bare tokio"],
        targets: &[("hyper", 0.90)],
    },
    Work {
        name: "event",
        title: "POST of an event, typed and checked; hyper echoes it as bytes",
        load: Load::Event,
        servers: &[
            ("stage 3", "stage3-parse", &[], "/events"),
            ("axum", "axum", &[], "/events"),
            ("axum again", "axum", &[], "/events"),
            ("hyper", "hyper", &[], "/events"),
        ],
        bases: &["axum", "hyper"],
        targets: &[("axum", 0.70), ("hyper", 0.95)],
    },
    Work {
        name: "refused",
        title: "an event refused by a full queue; axum with tower's load_shed and buffer",
        load: Load::Refused,
        servers: &[
            ("stage 5", "stage5-backpressure", &["--work", "1h"], "/events"),
            ("axum", "axum", &[], "/queued"),
            ("axum again", "axum", &[], "/queued"),
        ],
        bases: &["axum"],
        targets: &[("axum", 0.75)],
    },
    Work {
        name: "close",
        title: "GET, a connection per request; hyper accepts on a worker",
        load: Load::GetClose,
        servers: &[
            ("stage 2", "stage2-async", &[], "/"),
            ("hyper", "hyper", &["--spawned"], "/"),
            ("hyper again", "hyper", &["--spawned"], "/"),
            ("hyper in main", "hyper", &[], "/"),
            ("bare tokio", "bare", &["--close"], "/"),
        ],
        bases: &["hyper", "bare tokio"],
        targets: &[("hyper", 0.90)],
    },
    Work {
        name: "64k",
        title: "POST of 64 KiB, echoed",
        load: Load::Post(64 * 1024),
        servers: &[
            ("stage 2", "stage2-async", &[], "/"),
            ("hyper", "hyper", &[], "/"),
            ("hyper again", "hyper", &[], "/"),
            ("hyper, as it comes", "hyper", &["--stream"], "/"),
        ],
        bases: &["hyper", "hyper, as it comes"],
        targets: &[("hyper", 0.90)],
    },
    Work {
        name: "1m",
        title: "POST of 1 MiB, echoed",
        load: Load::Post(1024 * 1024),
        servers: &[
            ("stage 2", "stage2-async", &[], "/"),
            ("hyper", "hyper", &[], "/"),
            ("hyper again", "hyper", &[], "/"),
            ("hyper, as it comes", "hyper", &["--stream"], "/"),
        ],
        bases: &["hyper", "hyper, as it comes"],
        targets: &[("hyper", 0.90)],
    },
    Work {
        name: "one",
        title: "GET, one client at a time, kept alive",
        load: Load::GetAlone,
        servers: &[
            ("stage 1", "stage1-blocking", &[], "/"),
            ("tiny_http", "tiny_http", &[], "/"),
            ("tiny_http again", "tiny_http", &[], "/"),
        ],
        bases: &["tiny_http"],
        targets: &[("tiny_http", 0.50)],
    },
];

impl Work {
    /// Starts the servers, measures them in rounds, and ends them.
    pub fn measure(&self, stages: &Path, peers: &Path, rounds: usize, seconds: u64) -> Result<Row> {
        let mut contenders = Vec::new();
        let mut queued = Vec::new();
        for &(name, binary, args, path) in self.servers {
            let folder = if binary.starts_with("stage") { stages } else { peers };
            let server = Server::start(&folder.join(binary), args)?;
            if let Load::Refused = self.load {
                queued.extend(fill(&server.addr, path)?);
            }
            let load = self.load;
            contenders.push(Contender::new(name, move || load.trial(&server, path, seconds)));
        }
        let first = self.servers[0].0;
        let target = |&(base, at_most): &(&'static str, f64)| Target { name: first, at_most, base };
        Ok(Row {
            name: self.name,
            title: self.title.into(),
            targets: self.targets.iter().map(target).collect(),
            bases: self.bases.to_vec(),
            rounds: Rounds::run(contenders, rounds)?,
            unit: MICROS,
        })
    }
}

/// Sends more events than a queue takes; those that wait for an answer do so while the connections are held.
fn fill(addr: &str, path: &str) -> Result<Vec<TcpStream>> {
    let length = EVENT.len();
    let event = format!(
        "POST {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{EVENT}"
    );
    let send = |_| {
        let mut stream = TcpStream::connect(addr)?;
        stream.write_all(event.as_bytes())?;
        Ok(stream)
    };
    (0..40).map(send).collect()
}

impl Load {
    fn trial(self, server: &Server, path: &str, seconds: u64) -> Result<Sample> {
        let mut wrk = Command::new("wrk");
        let alone = matches!(self, Self::GetAlone);
        wrk.args(if alone { ["-t1", "-c1"] } else { ["-t2", "-c64"] });
        wrk.args(["-d", &format!("{seconds}s")]);
        match self {
            Self::Get | Self::GetAlone => {}
            Self::GetClose => _ = wrk.args(["-H", "Connection: close"]),
            Self::Post(bytes) => _ = wrk.env("BYTES", bytes.to_string()),
            Self::Event | Self::Refused => {
                _ = wrk.env("BODY", EVENT).args(["-H", "Content-Type: application/json"])
            }
        }
        if !matches!(self, Self::Get | Self::GetAlone | Self::GetClose) {
            wrk.arg("-s").arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("load/post.lua"));
        }
        let before = server.cpu()?;
        let (output, load) = load::run(wrk.arg(format!("http://{}{path}", server.addr)))?;
        let cpu = server.cpu()? - before;
        let output = String::from_utf8_lossy(&output.stdout);
        let answers =
            number(&output, " requests in ").context("wrk does not say how many answers it got")?;
        let refused = number_after(&output, "Non-2xx or 3xx responses: ").unwrap_or(0);
        // the first ones of a full queue's warm-up may be taken
        let expected =
            if let Self::Refused = self { refused + 40 >= answers } else { refused == 0 };
        ensure!(expected, "{refused} of {answers} responses were refusals");
        ensure!(!output.contains("Socket errors"), "connections were lost:\n{output}");
        Ok(Sample { answers, cpu, ours: cpu + load })
    }
}

/// The number before a word.
fn number(text: &str, word: &str) -> Option<u64> {
    text.split_once(word)?.0.split_whitespace().last()?.parse().ok()
}

/// The number after a word.
fn number_after(text: &str, word: &str) -> Option<u64> {
    text.split_once(word)?.1.split_whitespace().next()?.parse().ok()
}
