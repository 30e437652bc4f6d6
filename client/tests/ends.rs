//! Whatever ends `compare`, nothing that it has started survives it, and no file is half-written.

mod outside;

use outside::client;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use testkit::PATIENCE;
use testkit::processes::{Process, processes};

/// What ends the client, and its exit code if it has a choice.
const ENDS: [(&[&str], Option<i32>); 6] = [
    (&["INT"], Some(130)),
    (&["TERM"], Some(130)),
    (&["HUP"], Some(130)),
    (&["INT", "INT"], Some(130)),
    (&["TERM", "TERM"], None), // 130 or 143: the second one may end it first
    (&["KILL"], None),
];

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let kill = "kill -s \"$0\" -- \"$1\" 2>/dev/null"; // it may have ended already
    Command::new("sh").args(["-c", kill, name, &pid]).status().expect("sh runs");
}

/// What this process has started, and what that has started.
fn started_by(parent: u32, all: &[Process]) -> Vec<Process> {
    let children = all.iter().filter(|process| process.parent == parent);
    children.flat_map(|child| [vec![child.clone()], started_by(child.id, all)].concat()).collect()
}

/// Starts a comparison, ends it once it prints `line` on stderr, and checks what is left.
fn must_leave_nothing(
    mut compare: Command,
    folder: &Path,
    line: &str,
    how: (&[&str], Option<i32>),
) {
    let (signals, code) = how;
    compare.arg("--out").arg(folder).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = compare.spawn().expect("the client starts");
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let seen = lines.by_ref().map_while(Result::ok).find(|text| text.starts_with(line));
    assert!(seen.is_some(), "{signals:?}: {line} was not printed");
    let started = started_by(child.id(), &processes());
    assert!(started.len() > 1, "{signals:?}: {started:?}");
    signals.iter().for_each(|name| signal(&child, name));
    let ended = child.wait().expect("a child can be waited for");
    assert!(code.is_none() || ended.code() == code, "{signals:?}: {ended}");
    let began = Instant::now();
    loop {
        let now = processes();
        let left: Vec<_> =
            started.iter().filter(|one| now.iter().any(|other| is_same(one, other))).collect();
        if left.is_empty() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{signals:?} left these behind: {left:#?}");
        thread::sleep(Duration::from_millis(5)); // what is killed dies a moment later, and is not our child
    }
    let files: Vec<_> = std::fs::read_dir(folder).expect("the folder is there").collect();
    assert!(files.is_empty(), "{signals:?} left these behind: {files:?}");
}

/// A number may be used again, by another program.
fn is_same(one: &Process, other: &Process) -> bool {
    one.id == other.id && one.args == other.args
}

#[test]
fn whatever_ends_compare_during_a_build_nothing_survives() {
    let folder = tempfile::tempdir().unwrap();
    let (cargo, out) = (folder.path().join("cargo"), folder.path().join("out"));
    std::fs::create_dir(&out).unwrap();
    std::fs::write(&cargo, "#!/bin/sh\nsleep 1000 &\necho compiling >&2\nsleep 1001\n").unwrap();
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
    for how in ENDS {
        let mut compare = client(&["compare"]);
        compare.env("CARGO", &cargo);
        must_leave_nothing(compare, &out, "compiling", how);
    }
}

#[test]
fn whatever_ends_compare_during_a_claim_nothing_survives() {
    let folder = tempfile::tempdir().unwrap();
    for how in ENDS {
        must_leave_nothing(client(&["compare"]), folder.path(), "stage ", how);
    }
}
