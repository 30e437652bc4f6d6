//! The failures by hand: runs one of `scripts/` as people do, and fails if it leaves a process behind.

use crate::PATIENCE;
use claims::{GARBAGE, Garbage};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio, exit};
use std::sync::Once;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// A script that runs, in a process group of its own; killed with all of it when it is dropped.
#[derive(Debug)]
pub struct Script {
    name: String,
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    errors: Option<JoinHandle<String>>,
}

/// A script that has ended.
#[derive(Debug)]
pub struct Ran {
    /// How.
    pub status: ExitStatus,
    /// The lines that it wrote on stdout.
    pub lines: Vec<String>,
    /// What it wrote on stderr.
    pub errors: String,
}

impl Script {
    /// Starts it, with bash's own /dev/tcp in place of `nc`: that is there wherever bash is.
    pub fn start(name: &str, args: &[&str]) -> Self {
        catch_interrupts();
        let path = format!("{}/../../scripts/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(&path);
        command.args(args).env("NC", "none").env("RUST_LOG", "off").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{path} does not start: {error}"));
        let (stdout, stderr) =
            (child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
        let (line, lines) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).all(|said| line.send(said).is_ok())
        });
        let errors = thread::spawn(move || {
            let mut errors = String::new();
            let _ = BufReader::new(stderr).read_to_string(&mut errors); // what came until then will do
            errors
        });
        Self {
            name: format!("{name} {args:?}"),
            child,
            lines,
            said: Vec::new(),
            errors: Some(errors),
        }
    }

    /// Waits until it says a line with this in it.
    pub fn says(&mut self, part: &str) {
        let began = Instant::now();
        loop {
            match self.lines.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok(line) => self.said.push(line),
                Err(_) => panic!("{} should say {part:?}, and said {:#?}", self.name, self.said),
            }
            if self.said.last().is_some_and(|line| line.contains(part)) {
                return;
            }
        }
    }

    /// Sends a signal to all of its processes, as a terminal does with Ctrl-C.
    pub fn signal_all(&self, name: &str) {
        self.kill(name, &format!("-{}", self.child.id()));
    }

    /// Sends a signal to it alone, as `kill` does.
    pub fn signal_alone(&self, name: &str) {
        self.kill(name, &self.child.id().to_string());
    }

    fn kill(&self, name: &str, whom: &str) {
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" -- \"$1\"", name, whom]).status();
        assert!(sent.is_ok_and(|status| status.success()), "no signal {name} to {}", self.name);
    }

    /// Waits until it has ended by itself; fails unless all of its processes have.
    pub fn end(mut self) -> Ran {
        let began = Instant::now();
        // its output ends when nobody is left who could write
        while let Ok(line) = self.lines.recv_timeout((2 * PATIENCE).saturating_sub(began.elapsed()))
        {
            self.said.push(line);
        }
        let status = loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => break status,
                None => assert!(
                    began.elapsed() < 2 * PATIENCE,
                    "{} should end, and said {:#?}",
                    self.name,
                    self.said
                ),
            }
            thread::sleep(Duration::from_millis(5)); // there is no event: std waits for a child only without a deadline
        };
        let left = self.left_behind();
        assert!(left.is_empty(), "{} left these behind: {left:#?}", self.name);
        let errors = self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default();
        Ran { status, lines: std::mem::take(&mut self.said), errors }
    }

    /// Its processes; those that are dead, and only wait for someone who asks, do no harm.
    fn left_behind(&self) -> Vec<String> {
        let list =
            Command::new("ps").args(["-A", "-o", "pgid=", "-o", "stat=", "-o", "args="]).output();
        let list = String::from_utf8_lossy(&list.expect("ps runs").stdout).into_owned();
        let is_left = |line: &&str| {
            let mut words = line.split_whitespace();
            words.next() == Some(&self.group())
                && words.next().is_some_and(|state| !state.starts_with('Z'))
        };
        list.lines().filter(is_left).map(str::to_owned).collect()
    }

    fn group(&self) -> String {
        self.child.id().to_string()
    }
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

impl Ran {
    /// Its exit code; `None` if a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails unless it ended well, quietly, and in this verdict.
    #[track_caller]
    pub fn must_be(&self, verdict: &str) {
        let last = self.lines.last().map_or("", String::as_str);
        assert!(
            last.starts_with(&format!("verdict: {verdict} (")),
            "should be {verdict}: {self:#?}"
        );
        assert_eq!((self.code(), &*self.errors), (Some(0), ""), "{self:#?}");
    }
}

/// No shell can trap Ctrl-C if whoever started it ignores that, and what a shell script runs in its background does: the
/// tests, perhaps. What is caught here, no child ignores.
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
                exit(128 + 2) // as without us
            })
        });
        is_caught.recv().expect("the thread is there");
    });
}

/// Runs a script against a server; it must end in this verdict.
#[track_caller]
pub fn must_end_in(verdict: &str, script: &str, args: &[&str], addr: SocketAddr) -> Ran {
    let addr = addr.to_string();
    let ran = Script::start(script, &[args, &[&addr]].concat()).end();
    ran.must_be(verdict);
    ran
}

/// The same where a stopwatch decides: again and again until it is so, since a busy machine can make a server look
/// slow, not fast.
#[track_caller]
pub fn must_end_in_time_in(verdict: &str, script: &str, args: &[&str], addr: SocketAddr) {
    let (began, text) = (Instant::now(), addr.to_string());
    let args = [args, &["--expect", verdict, &text]].concat();
    while began.elapsed() < PATIENCE {
        if Script::start(script, &args).end().code() == Some(0) {
            return;
        }
    }
    panic!("{script} does not end in {verdict}");
}

/// A server of little patience tells half a head and half a body, each once, that they were too late, and closes.
#[track_caller]
pub fn must_end_halves(addr: SocketAddr) {
    let ran = must_end_in("closed", "partial.sh", &["-t", "60"], addr);
    for half in ["half the headers: 408 after ", "half the body: 408 after "] {
        assert_eq!(ran.lines.iter().filter(|line| line.starts_with(half)).count(), 1, "{ran:#?}");
    }
}

/// What is no HTTP is refused by every stage; of what is no event, which is the same that the client's claim sends,
/// each kind gets this status.
#[track_caller]
pub fn must_make_of_garbage(verdict: &str, addr: SocketAddr, status: impl Fn(&Garbage) -> u16) {
    let ran = must_end_in(verdict, "garbage.sh", &["--expect", verdict], addr);
    let answers: Vec<_> = ran
        .lines
        .iter()
        .filter_map(|line| Some((line.split_once(": ")?.0, status_in(line)?)))
        .collect();
    let (no_http, no_event) = answers.split_at(answers.len().saturating_sub(GARBAGE.len()));
    assert!(no_http.len() == 16 && no_http.iter().all(|(_, status)| *status >= 400), "{no_http:?}");
    let wanted: Vec<_> = GARBAGE.iter().map(|garbage| (garbage.what, status(garbage))).collect();
    assert_eq!(no_event, wanted);
}

/// Of a line such as `an array: 422 this JSON is not an event`.
fn status_in(line: &str) -> Option<u16> {
    line.split_once(": ")?.1.get(..3)?.parse().ok()
}

/// Has `crash.sh` start this server and kill it with this signal: it must end in this verdict, with these figures.
#[track_caller]
pub fn must_crash_in(verdict: &str, signal: &str, figures: &str, binary: &str, args: &[&str]) {
    let ran = Script::start(
        "crash.sh",
        &[&["--kill", signal, "--expect", verdict, binary, "--"], args].concat(),
    )
    .end();
    ran.must_be(verdict);
    assert_eq!(ran.lines.last(), Some(&format!("verdict: {verdict} ({figures})")), "{ran:#?}");
}

/// Runs a script until it says this, and ends it with Ctrl-C: it must end in this verdict. Then with SIGTERM, early.
#[track_caller]
pub fn must_stop_when_told(script: &str, args: &[&str], addr: &str, said: &str, verdict: &str) {
    let args = [args, &[addr]].concat();
    interrupt_at(said, script, &args).must_be(verdict);
    let mut script = Script::start(script, &args);
    script.says("Ctrl-C ends it");
    script.signal_alone("TERM");
    let ran = script.end();
    assert_eq!((ran.code(), &*ran.errors), (Some(128 + 15), ""), "{ran:#?}");
}

/// Runs a script until it says this, and presses Ctrl-C: how it ended.
pub fn interrupt_at(said: &str, script: &str, args: &[&str]) -> Ran {
    let mut script = Script::start(script, args);
    script.says(said);
    script.signal_all("INT");
    script.end()
}
