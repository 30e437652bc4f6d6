//! `--start`: a server in any language is started, and gone when the client is.

mod outside;

use outside::{client, stdout};
use probe::stages::{build_packages, workspace};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::LazyLock;
use std::time::Instant;
use testkit::PATIENCE;
use testkit::processes::processes;

/// Stage 2, as anybody's server.
static STAGE2: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = workspace().expect("the tests run in the workspace");
    build_packages(&root, &["stage2".into()]).expect("stage 2 builds").remove(0)
});

/// The command of a server that `mark` makes findable.
fn server(mark: &str) -> String {
    format!("'{}' --addr 127.0.0.1:{{port}} # {mark}", STAGE2.display())
}

/// Each in a folder of its own, since a check writes there what the server prints.
fn run(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    client(args).current_dir(folder.path()).output().expect("the client runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Fails if a process with that in its command line outlives its owner.
fn must_be_gone(mark: &str) {
    let began = Instant::now();
    loop {
        let left: Vec<_> =
            processes().into_iter().filter(|process| process.args.contains(mark)).collect();
        if left.is_empty() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "left behind: {left:?}");
    }
}

#[test]
fn check_starts_a_server_and_ends_it_and_keeps_what_it_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy();
    let started = format!("echo hello; sleep 997531 & {}", server("kept"));
    let output = run(&["check", "2", "--only", "echo", "--out", &out, "--start", &started]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("stage 2: 1 of 1 claims"), "{}", stdout(&output));
    let log = std::fs::read_to_string(folder.path().join("server.log")).expect("a log");
    assert!(log.starts_with("hello\n") && log.contains("listening on http://127.0.0.1"), "{log}");
    must_be_gone("997531");
}

#[test]
fn load_and_hold_start_a_server_too() {
    let load = run(&["load", "-n", "20", "--expect", "served=20", "--start", &server("load")]);
    assert_eq!(load.status.code(), Some(0), "{}{}", stdout(&load), stderr(&load));
    let held = run(&["hold", "-n", "3", "-z", "200ms", "--start", &server("hold")]);
    assert!(stdout(&held).contains("3  still open"), "{}{}", stdout(&held), stderr(&held));
}

#[test]
fn a_server_that_never_responds_is_an_error_with_its_last_lines() {
    let limit = ["--start-timeout", "300ms"];
    let elsewhere = format!("sleep 997536 & {} {{port}}", server("").replace("{port}", "0"));
    for (command, timeout, says) in [
        (&*elsewhere, Some(limit), "the server must listen on the port that {port} stands for"),
        ("no-such-command {port}", None, "exit code 127: there is no such command"),
        (
            "echo one; echo two >&2; exit 7; {port}",
            None,
            "(exit code 7); its last lines:\n    one\n    two",
        ),
        (
            "exit 0; {port}",
            None,
            "(exit code 0: it must not go into the background); it printed nothing",
        ),
        (
            "echo hi; exec sleep 997532; {port}",
            Some(limit),
            "the port that {port} stands for; its last lines:\n    hi",
        ),
    ] {
        let timeout: &[&str] = timeout.as_ref().map_or(&[], |limit| limit);
        let output = run(&[&["check", "2", "--start", command], timeout].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{command}: {said}");
        assert!(said.starts_with("error: --start: ") && said.contains(says), "{command}: {said}");
    }
    must_be_gone("997532");
    must_be_gone("997536");
}

#[test]
fn a_server_that_does_not_start_ends_each_command_that_starts_one() {
    let command = "sleep 997537 & echo no; exit 7; {port}";
    let also = format!("mine={command}");
    for (args, code, option) in [
        (&["load", "-n", "1", "--start", command][..], 3, "--start"),
        (&["hold", "-n", "1", "--start", command], 3, "--start"),
        (&["compare", "--also", &also], 1, "--also mine"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let root = workspace().expect("the tests run in the workspace");
        let mut client = client(args);
        if args[0] == "compare" {
            client.current_dir(&root).arg("--out").arg(folder.path());
        } else {
            client.current_dir(&folder);
        }
        let output = client.output().expect("the client runs");
        let said = stderr(&output);
        let says =
            format!("error: {option}: the server has ended (exit code 7); its last lines:\n    no");
        assert!(said.contains(&says), "{args:?}: {said}");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    }
    must_be_gone("997537");
}

#[test]
fn a_server_that_goes_into_the_background_is_an_error_and_ends() {
    // `set -m` puts it in a process group of its own
    let daemon = server("daemon").replace(" # daemon", "");
    let command = format!("exec bash -c \"set -m; sleep 997535 & {daemon} & sleep 0.5\"");
    let output = run(&["check", "2", "--only", "echo", "--repeat", "1000", "--start", &command]);
    let said = format!("{}{}", stdout(&output), stderr(&output));
    // at the start, or during the claims, whatever comes first
    let found = ["must not put the server in the background", "it must not go into the background"];
    assert!(found.iter().any(|found| said.contains(found)), "{said}");
    assert!(matches!(output.status.code(), Some(1 | 3)), "{said}");
    must_be_gone("997535");
}

#[test]
fn a_server_that_ignores_sigterm_and_prints_a_megabyte_is_checked_and_ended() {
    let command =
        format!("trap '' TERM; sleep 997533 & yes | head -c 1000000; {}; wait", server("deaf"));
    let output = run(&["check", "2", "--only", "echo", "--start", &command]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    must_be_gone("997533");
}

#[test]
fn a_server_that_dies_makes_its_claim_broken_and_the_others_unknown() {
    let command = format!("(sleep 1; kill -s KILL $$) & exec {}", server("dies"));
    let claims = ["--only", "echo", "--only", "threads", "--repeat", "1000"];
    let output = run(&[&["check", "2", "--start", &command][..], &claims].concat());
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the server has ended (signal: 9 (SIGKILL))"), "{said}");
    assert!(said.contains("? the server ended during echo"), "{said}");
    assert!(said.contains("stage 2: 0 of 2 claims, 1 unknown"), "{said}");
}

#[test]
fn a_killed_client_leaves_no_server_behind() {
    let command = format!("sleep 997534 & {}", server("orphan"));
    let mut check =
        client(&["check", "2", "--only", "echo", "--repeat", "1000", "--start", &command]);
    let mut child = check.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let began = Instant::now();
    while !processes().iter().any(|process| process.args.starts_with("sleep 997534")) {
        assert!(began.elapsed() < PATIENCE, "the server does not start");
    }
    child.kill().expect("it runs");
    child.wait().expect("a child can be waited for");
    must_be_gone("997534");
}

#[test]
fn a_start_command_without_a_port_is_a_bad_command_line() {
    for args in [
        &["check", "2", "--start", "python3 server.py"][..],
        &["check", "2", "--start", "x {port}", "127.0.0.1:9000"],
        &["check", "2", "--start", "x {port}", "--addr", "127.0.0.1:9000"],
        &["hold", "--start", "x {port}", "127.0.0.1:9000"],
        &["check", "2", "--start-timeout", "1s"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn junit_has_a_case_for_each_claim() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("verdicts.xml");
    let only = ["--only", "echo", "--only", "garbage", "--only", "stats-consistent"];
    let file_name = file.to_string_lossy();
    // stage 2 keeps the first, breaks the second, and has no figures for the third
    let args = ["check", "5", "--junit", &file_name, "--start", &server("junit")];
    let output = run(&[&args[..], &only[2..]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let xml = std::fs::read_to_string(&file).expect("a file");
    for part in [
        r#"<?xml version="1.0" encoding="UTF-8"?>"#,
        r#"tests="2" failures="1" errors="1" skipped="0""#,
        r#"classname="stage5.lesson" name="garbage: malformed input"#,
        r#"<failure message="accepted 12 of 12"></failure>"#,
        r#"<error message="GET /stats returns "#,
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    let folder = folder.path().to_string_lossy();
    let nowhere = run(&["check", "2", "--junit", &folder, "--start", &server("nowhere")]);
    assert_eq!(nowhere.status.code(), Some(1), "{}", stderr(&nowhere));
}
