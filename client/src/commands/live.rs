//! `client live`.

use super::compare::page_file;
use super::open::open;
use super::print::{complain, say};
use super::signals::stop_signal;
use anyhow::{Context, bail};
use clap::Args;
use client::also::{Also, Place};
use client::compare::WORK;
use client::live::guard::Guard;
use client::live::{Column, Room, server};
use client::output::Output;
use probe::stages::{self, STAGES, idea};
use probe::started::Started;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// How long a server of `--also` may take to respond.
const START: Duration = Duration::from_secs(60);

/// Build and start the stages, and serve a page that shows them side by side and attacks them.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo client live --open                  five columns, in a browser
  cargo client live --stage 4 --stage 5     two of them
  cargo client live --also mine=8080        your own server beside them
  cargo client live --addr 0.0.0.0:8000     a room watches and votes on its phones
  cargo client live --out run.html          save the run when it ends

client/README.md describes the page, and who may do what.

Exit code: 0 if interrupted, 1 if it cannot serve, 2 for a bad command line.")]
pub(crate) struct Live {
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
    /// Where the page is; an address that other machines reach lets them watch and vote
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000", value_parser = addr)]
    addr: String,
    /// Start this stage, 1 to 5, again for another one [default: all five]
    #[arg(long = "stage", value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    stages: Vec<u8>,
    /// Show another server: its name, and where it is or the shell command that starts it on {port};
    /// may be repeated
    #[arg(long, value_name = "NAME=HOST:PORT")]
    also: Vec<Also>,
    /// How long stages 4 and 5 work on an event [default: 500ms]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    work: Option<Duration>,
    /// How many events may wait in stage 5 [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    queue: Option<u32>,
    /// Where to write the run when it ends, as a page: a file that ends in .html, or a folder for an
    /// index.html
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Write the run as JSON to FILE when it ends
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Visitors may attack, too, but not end or pause a server
    #[arg(long)]
    let_visitors_attack: bool,
}

/// How many lines about the servers may wait for the terminal.
const NEWS: usize = 16;

/// What is served, and what ends with it.
struct Site {
    listener: TcpListener,
    room: Arc<Room>,
    guard: Guard,
    started: Vec<Started>,
    news: Receiver<String>,
}

impl Live {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let stages: Vec<u8> = match &self.stages[..] {
            [] => (1..=5).collect(),
            some => (1..=5).filter(|stage| some.contains(stage)).collect(),
        };
        if let Some(wrong) = self.option_of_no(&stages) {
            complain(&format!("error: {wrong}"));
            return Ok(ExitCode::from(2));
        }
        let stopped = stop_signal()?;
        tokio::pin!(stopped);
        // before the run: a file that cannot be written is an error right away
        let page = self.out.as_deref().map(|out| Output::reserve(&page_file(out))).transpose()?;
        let json = self.json.as_deref().map(Output::reserve).transpose()?;
        let site = tokio::select! {
            site = self.open(stages) => site?,
            () = &mut stopped => return Ok(ExitCode::SUCCESS), // ending kills what was started
        };
        let room = site.room.clone();
        tokio::select! {
            () = server::serve_all(site.listener, site.room, site.guard) => {}
            () = print(site.news) => {}
            () = stopped => {}
        }
        let run = room.record();
        room.end(); // before the files, which take a moment
        drop(site.started);
        if let Some(page) = page {
            complain(&format!("page: {}", page.write(&run.to_html())?.display()));
        }
        if let Some(json) = json {
            complain(&format!("traces: {}", json.write(&run.to_json())?.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// An option that none of these stages has.
    fn option_of_no(&self, stages: &[u8]) -> Option<&'static str> {
        if self.work.is_some() && !stages.iter().any(|stage| *stage >= 4) {
            return Some("--work is an option of stages 4 and 5; add --stage 4 or --stage 5");
        }
        let is_queueless = self.queue.is_some() && !stages.contains(&5);
        is_queueless.then_some("--queue is an option of stage 5; add --stage 5")
    }

    async fn open(&self, stages: Vec<u8>) -> anyhow::Result<Site> {
        // before the build, which takes a while: a port in use, or a name that is not known, is an error
        // right away
        let listener = TcpListener::bind(&self.addr).await.with_context(|| {
            format!("cannot listen on {}; choose another address with --addr", self.addr)
        })?;
        let addr = listener.local_addr()?;
        for Also { name, place } in &self.also {
            if let Place::At(target) = place {
                target.resolve().await.with_context(|| format!("--also {name}"))?;
            }
        }
        let opened = Instant::now();
        let mut columns = self.start(stages, opened).await?;
        let mut started = Vec::new();
        for Also { name, place } in &self.also {
            let (host, addresses) = match place {
                Place::At(target) => {
                    let addresses = target.resolve().await;
                    let addresses = addresses.with_context(|| format!("--also {name}"))?;
                    (target.host.clone(), addresses)
                }
                Place::By(command) => {
                    // its output is read if it does not start; nothing of it is left behind
                    let folder = tempfile::tempdir()?;
                    let log = folder.path().join("output");
                    let server = Started::start(command.clone(), &log, START).await;
                    let server = server.with_context(|| format!("--also {name}"))?;
                    let addr = server.addr();
                    started.push(server);
                    (addr.to_string(), addr.into())
                }
            };
            columns.push(Column::new(name.clone(), host, addresses, opened));
        }
        let guard = Guard::new(addr, self.let_visitors_attack)?;
        let page = guard.address();
        say(&format!("open {page}\nCtrl-C ends the page and every server that it has started\n"));
        if !addr.ip().is_loopback() {
            let what =
                if self.let_visitors_attack { "watch, vote and attack" } else { "watch and vote" };
            let room = guard.room_address().map(|room| format!(", at {room}")).unwrap_or_default();
            complain(&format!(
                "note: every machine that reaches port {} of this one can {what}{room}; the address above also \
                 pauses and kills: keep it to yourself, and use this only on a network that you trust",
                addr.port()
            ));
        }
        if self.open {
            spawn_blocking(move || open(OsStr::new(&page)));
        }
        let (sender, news) = channel(NEWS);
        let room = Arc::new(Room::new(columns, opened, &sender));
        Ok(Site { listener, room, guard, started, news })
    }

    /// Builds the stages and starts each on a free port.
    async fn start(&self, stages: Vec<u8>, opened: Instant) -> anyhow::Result<Vec<Column>> {
        let root = stages::workspace()
            .context("live builds the stages, so it needs the repository: cd to your clone")?;
        complain(&format!("building {} of the stages", stages.len()));
        let options: Vec<_> = stages.iter().map(|stage| self.options(*stage)).collect();
        let work = self.work.unwrap_or(WORK);
        let start = move || {
            let packages: Vec<_> = stages.iter().map(|stage| format!("stage{stage}")).collect();
            let built = stages::build_packages(&root, &packages)?;
            let start = |(stage, options): (u8, Vec<String>)| {
                let name = STAGES[usize::from(stage) - 1];
                let is_it = |path: &&PathBuf| path.file_stem().is_some_and(|stem| stem == name);
                let Some(binary) = built.iter().find(is_it) else { bail!("cargo built no {name}") };
                Column::stage(stage, idea(name), binary.clone(), options, work, opened)
            };
            stages.into_iter().zip(options).map(start).collect()
        };
        spawn_blocking(start).await?
    }

    /// What is passed on to that stage.
    fn options(&self, stage: u8) -> Vec<String> {
        let mut options = Vec::new();
        if let Some(work) = self.work.filter(|_| stage >= 4) {
            options.extend(["--work".into(), humantime::format_duration(work).to_string()]);
        }
        if let Some(queue) = self.queue.filter(|_| stage == 5) {
            options.extend(["--queue".into(), queue.to_string()]);
        }
        options
    }
}

/// Prints a line for each server that goes down. A terminal that takes none blocks nothing else.
async fn print(mut news: Receiver<String>) {
    while let Some(line) = news.recv().await {
        let _ = spawn_blocking(move || complain(&format!("note: {line}"))).await;
    }
    std::future::pending().await
}

/// HOST:PORT, with a port that may be 0: any that is free.
fn addr(text: &str) -> Result<String, &'static str> {
    let is_addr = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !port.starts_with('+') && port.parse::<u16>().is_ok()
    });
    is_addr.then(|| text.to_owned()).ok_or("give a host and a port, such as 127.0.0.1:8000")
}
