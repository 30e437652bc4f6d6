//! Runs a script of `scripts/` as a user does, and fails if it leaves a process behind.

use crate::PATIENCE;
use crate::processes::{Process, processes};
use claims::{GARBAGE, Garbage};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio, exit};
use std::sync::Once;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// A running script in a separate process group; the group is killed on drop.
#[derive(Debug)]
pub struct Script {
    name: String,
    child: Child,
    lines: Receiver<String>,
    printed: Vec<String>,
    errors: Option<JoinHandle<String>>,
}

/// The result of a script that has ended.
#[derive(Debug)]
pub struct ScriptOutput {
    /// The exit code or signal.
    pub status: ExitStatus,
    /// Its lines on stdout.
    pub lines: Vec<String>,
    /// Its stderr.
    pub errors: String,
}

impl Script {
    /// Starts a script with bash's own /dev/tcp: `nc` is not installed everywhere.
    pub fn start(name: &str, args: &[&str]) -> Self {
        Self::start_as(Command::new(path(name)), name, args)
    }

    /// Starts a script by this command, which may set its environment or another shell.
    pub fn start_as(mut command: Command, name: &str, args: &[&str]) -> Self {
        catch_interrupts();
        command.args(args).env("NC", "none").env("RUST_LOG", "off").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (stdout, stderr) =
            (child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
        let (line, lines) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).all(|text| line.send(text).is_ok())
        });
        let errors = thread::spawn(move || {
            let mut errors = String::new();
            let _ = BufReader::new(stderr).read_to_string(&mut errors); // or a part of it
            errors
        });
        Self {
            name: format!("{name} {args:?}"),
            child,
            lines,
            printed: Vec::new(),
            errors: Some(errors),
        }
    }

    /// Waits for a line on stdout that contains `part`.
    pub fn wait_for_line(&mut self, part: &str) {
        let began = Instant::now();
        loop {
            match self.lines.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok(line) => self.printed.push(line),
                Err(_) => {
                    panic!("{} should print {part:?}, but printed {:#?}", self.name, self.printed)
                }
            }
            if self.printed.last().is_some_and(|line| line.contains(part)) {
                return;
            }
        }
    }

    /// Sends a signal to all of the script's processes, as a terminal does with Ctrl-C.
    pub fn signal_all(&self, name: &str) {
        self.kill(name, &format!("-{}", self.child.id()));
    }

    /// Sends a signal to the script's own process only, as `kill` does.
    pub fn signal_alone(&self, name: &str) {
        self.kill(name, &self.child.id().to_string());
    }

    /// The same; the script may have ended already.
    fn try_signal_alone(&self, name: &str) {
        let pid = self.child.id().to_string();
        let kill = "kill -s \"$0\" -- \"$1\" 2>/dev/null";
        let _ = Command::new("sh").args(["-c", kill, name, &pid]).status();
    }

    fn kill(&self, name: &str, target: &str) {
        let sent =
            Command::new("sh").args(["-c", "kill -s \"$0\" -- \"$1\"", name, target]).status();
        assert!(sent.is_ok_and(|status| status.success()), "no signal {name} to {}", self.name);
    }

    /// Waits until the script exits; fails if it leaves a process behind.
    pub fn end(mut self) -> ScriptOutput {
        let began = Instant::now();
        // stdout ends when the last process that could write to it has ended
        while let Ok(line) = self.lines.recv_timeout((2 * PATIENCE).saturating_sub(began.elapsed()))
        {
            self.printed.push(line);
        }
        let status = loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => break status,
                None => assert!(
                    began.elapsed() < 2 * PATIENCE,
                    "{} should end, but has only printed {:#?}",
                    self.name,
                    self.printed
                ),
            }
            thread::sleep(Duration::from_millis(5)); // std has no wait with a timeout
        };
        // what a killed script leaves behind is killed a moment later
        let until = if status.code().is_none() { began + 2 * PATIENCE } else { began };
        loop {
            let left = self.leftover_processes();
            if left.is_empty() {
                break;
            }
            assert!(Instant::now() < until, "{} left these behind: {left:#?}", self.name);
            thread::sleep(Duration::from_millis(5)); // they are not our children
        }
        let errors = self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default();
        ScriptOutput { status, lines: std::mem::take(&mut self.printed), errors }
    }

    /// The processes of its group that still run.
    fn leftover_processes(&self) -> Vec<Process> {
        processes().into_iter().filter(|process| process.group == self.child.id()).collect()
    }

    fn group(&self) -> String {
        self.child.id().to_string()
    }
}

/// Where a script is: in `scripts/`, or in the folder that the variable `SCRIPTS` names.
pub fn path(name: &str) -> PathBuf {
    let folder = std::env::var_os("SCRIPTS").map(PathBuf::from);
    folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts")).join(name)
}

impl Drop for Script {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ =
                Command::new("sh").args(["-c", "kill -s KILL -- \"-$0\"", &self.group()]).status();
            let _ = self.child.wait();
        }
    }
}

impl ScriptOutput {
    /// The exit code; `None` if a signal ended the script.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails unless the script exited with 0, an empty stderr and this verdict.
    #[track_caller]
    pub fn must_give_verdict(&self, verdict: &str) {
        let last = self.lines.last().map_or("", String::as_str);
        assert!(
            last.starts_with(&format!("verdict: {verdict} (")),
            "the verdict should be {verdict}: {self:#?}"
        );
        assert_eq!((self.code(), &*self.errors), (Some(0), ""), "{self:#?}");
    }

    /// Fails unless the script ended with `interrupted` in place of a verdict.
    #[track_caller]
    pub fn must_be_interrupted(&self) {
        assert_eq!((self.code(), &*self.errors), (Some(128 + 2), ""), "{self:#?}");
        assert_eq!(self.lines.last().map(String::as_str), Some("interrupted"), "{self:#?}");
        assert!(self.lines.iter().all(|line| !line.starts_with("verdict")), "{self:#?}");
    }
}

/// A shell cannot trap Ctrl-C if its parent ignores that signal, and a shell script starts its
/// background processes (perhaps these tests) with Ctrl-C ignored. A signal that is caught here is
/// not ignored in the children.
fn catch_interrupts() {
    static CAUGHT: Once = Once::new();
    CAUGHT.call_once(|| {
        let (caught, is_caught) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()
                .expect("a runtime starts");
            runtime.block_on(async {
                let mut interrupts =
                    signal(SignalKind::interrupt()).expect("a signal can be waited for");
                let _ = caught.send(());
                interrupts.recv().await;
                exit(128 + 2) // the exit code without this handler
            })
        });
        is_caught.recv().expect("the thread runs until a signal");
    });
}

/// Runs a script against a server and expects this verdict.
#[track_caller]
pub fn must_give_verdict(
    verdict: &str,
    script: &str,
    args: &[&str],
    addr: SocketAddr,
) -> ScriptOutput {
    let addr = addr.to_string();
    let output = Script::start(script, &[args, &[&addr]].concat()).end();
    output.must_give_verdict(verdict);
    output
}

/// The same for verdicts that depend on time: repeats the script until it gives the verdict,
/// because a busy machine can make a server look slow, but not fast.
#[track_caller]
pub fn must_eventually_give_verdict(verdict: &str, script: &str, args: &[&str], addr: SocketAddr) {
    let (began, text) = (Instant::now(), addr.to_string());
    let args = [args, &["--expect", verdict, &text]].concat();
    while began.elapsed() < PATIENCE {
        if Script::start(script, &args).end().code() == Some(0) {
            return;
        }
    }
    panic!("{script} never gave the verdict {verdict}");
}

/// A server with a short timeout sends 408 to half the headers and to half the body, once each, and
/// closes both connections.
#[track_caller]
pub fn must_close_incomplete_requests(addr: SocketAddr) {
    let output = must_give_verdict("closed", "partial.sh", &["-t", "60"], addr);
    for half in ["half the headers: 408 after ", "half the body: 408 after "] {
        assert_eq!(
            output.lines.iter().filter(|line| line.starts_with(half)).count(),
            1,
            "{output:#?}"
        );
    }
}

/// Every stage rejects the malformed requests. Each kind of [`GARBAGE`], which the script sends,
/// too, must get this status.
#[track_caller]
pub fn must_respond_to_garbage(verdict: &str, addr: SocketAddr, status: impl Fn(&Garbage) -> u16) {
    let output = must_give_verdict(verdict, "garbage.sh", &["--expect", verdict], addr);
    let responses: Vec<_> = output
        .lines
        .iter()
        .filter_map(|line| Some((line.split_once(": ")?.0, status_in(line)?)))
        .collect();
    let (malformed, non_events) = responses.split_at(responses.len().saturating_sub(GARBAGE.len()));
    assert!(
        malformed.len() == 16 && malformed.iter().all(|(_, status)| *status >= 400),
        "{malformed:?}"
    );
    let wanted: Vec<_> = GARBAGE.iter().map(|garbage| (garbage.what, status(garbage))).collect();
    assert_eq!(non_events, wanted);
}

/// The status in a line such as `an array: 422 this JSON is not an event`.
fn status_in(line: &str) -> Option<u16> {
    line.split_once(": ")?.1.get(..3)?.parse().ok()
}

/// Lets `crash.sh` start this server and end it with this signal, and expects this verdict with
/// these figures.
#[track_caller]
pub fn must_crash_with_verdict(
    verdict: &str,
    signal: &str,
    figures: &str,
    binary: &str,
    args: &[&str],
) {
    let output = Script::start(
        "crash.sh",
        &[&["--kill", signal, "--expect", verdict, binary, "--"], args].concat(),
    )
    .end();
    output.must_give_verdict(verdict);
    assert_eq!(
        output.lines.last(),
        Some(&format!("verdict: {verdict} ({figures})")),
        "{output:#?}"
    );
}

/// Runs a script again and again and ends it when it prints `line`: with Ctrl-C, SIGTERM, SIGHUP,
/// two signals at once and SIGKILL. It must leave no process and no file behind, and say no more
/// than that it was interrupted.
#[track_caller]
pub fn must_stop_on_signals(script: &str, args: &[&str], addr: &str, line: &str) {
    let args = [args, &[addr]].concat();
    interrupt_at(line, script, &args).must_be_interrupted();
    for (signals, code) in [
        (&["TERM"][..], Some(128 + 15)),
        (&["HUP"], Some(128 + 1)),
        (&["INT", "INT"], Some(128 + 2)),
        (&["TERM", "TERM"], Some(128 + 15)),
        (&["KILL"], None),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(path(script));
        command.env("TMPDIR", folder.path());
        let mut running = Script::start_as(command, script, &args);
        running.wait_for_line(line);
        signals.iter().for_each(|signal| running.try_signal_alone(signal));
        let output = running.end();
        assert_eq!((output.code(), &*output.errors), (code, ""), "{signals:?}: {output:#?}");
        let verdict = output.lines.iter().find(|line| line.starts_with("verdict"));
        assert_eq!(verdict, None, "{signals:?}: {output:#?}");
        let began = Instant::now();
        while fs::read_dir(&folder).expect("the folder is there").next().is_some() {
            assert!(began.elapsed() < PATIENCE, "{script} left files behind after {signals:?}");
            thread::sleep(Duration::from_millis(5)); // only SIGKILL leaves them to another process
        }
    }
}

/// Runs a script and presses Ctrl-C when it prints `line`.
pub fn interrupt_at(line: &str, script: &str, args: &[&str]) -> ScriptOutput {
    let mut script = Script::start(script, args);
    script.wait_for_line(line);
    script.signal_all("INT");
    script.end()
}
