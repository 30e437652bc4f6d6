//! Runs a lesson: each `sh` block in order, as its reader does, and compares what comes with the
//! `text` block after it.
//!
//! `cargo stageN` and `scripts/cure.sh NAME` start a server, which stays for what follows and ends
//! the one before. It listens on a free port in place of 8080. Everything else is a command that
//! ends by itself.

use crate::output;
use crate::page::{Block, Page};
use probe::server::Server;
use probe::stages::STAGES;
use probe::tools::{self, Tool};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a block may take: this only bounds a broken one.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a reader types without an address goes to 127.0.0.1:8080; here it goes to the server that
/// the lesson has started.
const HABITS: &str = r#"
script() {
    local name=$1
    shift
    case " $* " in *" $ADDR "* | *" http://$ADDR/"*) "$name" "$@" ;; *) "$name" "$@" "$ADDR" ;; esac
}
curl() { command curl -sS "$@"; } # as in a terminal: what shows the progress is for files
cargo() {
    [ "$1" = client ] || { echo "this is not a command of a lesson: cargo $*"; return 1; }
    shift
    case $1 in load | hold | check) script "$BIN/client" "$@" ;; *) "$BIN/client" "$@" ;; esac
}
"#;

/// The scripts that take an address.
const SCRIPTS: [&str; 6] = ["cost", "flood", "garbage", "overload", "partial", "pileup"];

/// The address for commands without a server: another program may listen on 8080.
const NO_SERVER: &str = "127.0.0.1:1";

/// Where a lesson is followed.
#[derive(Debug)]
pub struct Terminal<'a> {
    /// The workspace.
    pub root: &'a Path,
    /// Where the binaries are.
    pub binaries: PathBuf,
}

impl Terminal<'_> {
    /// Follows a lesson by the letter; what went otherwise than it says, each with its file and
    /// line.
    pub fn follow(&self, page: &Page) -> Vec<String> {
        let is_run = |block: &&Block| {
            ["sh", "text"].contains(&&*block.language) && is_for_this_system(block)
        };
        let mut blocks = page.blocks.iter().filter(is_run).peekable();
        let (mut server, mut wrong) = (None, Vec::new());
        let not_tried: Vec<_> = not_tried(page).into_iter().map(|(line, _)| line).collect();
        while let Some(block) = blocks.next() {
            let at = |line: usize| format!("{}:{line}", page.path.display());
            if not_tried.contains(&block.line) {
                blocks.next_if(|next| next.language == "text");
                continue;
            }
            if block.language == "text" {
                wrong.push(format!("{}: this is the output of no command", at(block.line)));
                continue;
            }
            let shown = blocks.next_if(|next| next.language == "text");
            if let Some(start) = start_of(&block.text) {
                server = None; // the one before ends first
                match self.start(&start) {
                    Ok(started) => server = Some(started),
                    Err(error) => wrong.push(format!("{}: {error:#}", at(block.line))),
                }
                continue;
            }
            let addr = server.as_ref().map_or(NO_SERVER.into(), |server| server.addr().to_string());
            if let Err((line, why)) = self.run(block, shown, &addr) {
                wrong.push(format!("{}: {why}", at(line)));
            }
        }
        wrong
    }

    fn start(&self, command: &str) -> anyhow::Result<Server> {
        let mut shell = Command::new("bash");
        shell.args(["-c", command, "bash"]).current_dir(self.root).env("BIN", &self.binaries);
        shell.env("RUST_LOG", "off").stderr(Stdio::null());
        Server::start(shell)
    }

    fn run(&self, block: &Block, shown: Option<&Block>, addr: &str) -> Result<(), (usize, String)> {
        let mut text = block.text.replace("127.0.0.1:8080", addr);
        for name in SCRIPTS {
            text =
                text.replace(&format!("scripts/{name}.sh"), &format!("script scripts/{name}.sh"));
        }
        if text.contains("--start '") {
            text = with_stages(&text);
        }
        let broken = |error: std::io::Error| (block.line, format!("cannot be run: {error}"));
        let mut output = tempfile::tempfile().map_err(broken)?;
        let into = |file: &File| file.try_clone().map_err(broken);
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("{HABITS}\n{text}")]).current_dir(self.root).process_group(0);
        shell
            .env("BIN", &self.binaries)
            .env("ADDR", addr)
            .env("NC", "none")
            .env("NO_COLOR", "1")
            .env("RUST_LOG", "off");
        shell.stdin(Stdio::null()).stdout(into(&output)?).stderr(into(&output)?);
        let succeeded =
            end_of(shell.spawn().map_err(broken)?).map_err(|error| (block.line, error))?;
        let mut came = String::new();
        output.rewind().and_then(|()| output.read_to_string(&mut came)).map_err(broken)?;
        let came = came.replace(addr, "127.0.0.1:8080").replace("with bash's /dev/tcp", "with nc");
        match shown {
            None if succeeded => Ok(()),
            None => {
                Err((block.line, format!("this fails, and the lesson does not say so\n{came}")))
            }
            Some(shown) => output::matches(&shown.text, &came).map_err(|(line, text)| {
                (
                    shown.line + line,
                    format!(
                        "this is shown: {text}\nand the command of line {} printed\n{came}",
                        block.line
                    ),
                )
            }),
        }
    }
}

/// What cannot be tried on this machine: the line of each command, and the program that it or the
/// server before it needs.
pub fn not_tried(page: &Page) -> Vec<(usize, &'static Tool)> {
    let (mut not_tried, mut no_server) = (Vec::new(), None);
    let is_run = |block: &&Block| block.language == "sh" && is_for_this_system(block);
    for block in page.blocks.iter().filter(is_run) {
        let missing = tools::missing_for(&block.text);
        if start_of(&block.text).is_some() {
            no_server = missing;
        }
        not_tried.extend(missing.or(no_server).map(|tool| (block.line, tool)));
    }
    not_tried
}

/// `sh linux` and `text linux` are for Linux alone.
fn is_for_this_system(block: &Block) -> bool {
    block.file.is_empty() || block.file == std::env::consts::OS
}

/// A command with the binaries in the folder `$BIN`, in place of cargo, which would build them.
pub fn with_binaries(command: &str) -> String {
    with_stages(&command.replace("cargo client", "\"$BIN/client\""))
}

fn with_stages(command: &str) -> String {
    STAGES.iter().zip(1..).fold(command.into(), |command: String, (name, number)| {
        command.replace(&format!("cargo stage{number}"), &format!("\"$BIN/{name}\""))
    })
}

/// Whether it ended with 0; killed with all that it started if it does not end.
fn end_of(mut child: Child) -> Result<bool, String> {
    let (pid, (ended, end)) = (child.id(), mpsc::channel());
    thread::spawn(move || ended.send(child.wait()));
    match end.recv_timeout(PATIENCE) {
        Ok(Ok(status)) => Ok(status.success()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => {
            let _ = Command::new("sh").args(["-c", &format!("kill -s KILL -- -{pid}")]).status(); // it has failed
            Err(format!("this does not end within {PATIENCE:?}"))
        }
    }
}

/// How the shell is to start a server, if this block does; what is added to the command line goes
/// to the server.
fn start_of(text: &str) -> Option<String> {
    let text = text.trim();
    if text.contains("--start '") {
        return None; // the client starts it, and ends it
    }
    if text.contains("scripts/cure.sh ") {
        let options = if text.contains(" -- ") { "" } else { " --" };
        return Some(format!("exec {text}{options} \"$@\""));
    }
    let (before, stage) = text.split_once("cargo stage")?;
    let number = stage.chars().next()?.to_digit(10)? as usize;
    let options = &stage[1..];
    if number == 6 {
        // it stores data where it is started, which is not to be the workspace
        return Some(format!(
            "cd \"$BIN\" && {before}exec \"$BIN/stage6-durable\" {options} \"$@\""
        ));
    }
    let name = STAGES.get(number.checked_sub(1)?)?;
    Some(format!("{before}exec \"$BIN/{name}\" {options} \"$@\""))
}
