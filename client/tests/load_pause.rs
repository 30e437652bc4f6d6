//! `client load --pause`: the server stops for a while, and continues whatever ends the client.

#![cfg(unix)]

mod outside;

use outside::{client, run};
use probe::server::Server;
use probe::stages::{build_packages, workspace};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};
use testkit::PATIENCE;

/// Stage 2, as anybody's server.
static STAGE2: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = workspace().expect("the tests run in the workspace");
    build_packages(&root, &["stage2".into()]).expect("stage 2 builds").remove(0)
});

fn server() -> Server {
    let mut command = Command::new(&*STAGE2);
    command.stderr(Stdio::null());
    Server::start(command).expect("it starts")
}

/// Whether the process is stopped, as `ps` says.
fn is_stopped(pid: u32) -> bool {
    if let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // the state follows the name, which may contain anything; not every Linux has ps
        return stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'));
    }
    let ps = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output();
    String::from_utf8_lossy(&ps.expect("ps runs").stdout).trim_start().starts_with('T')
}

fn must_become(stopped: bool, pid: u32, why: &str) {
    let began = Instant::now();
    while is_stopped(pid) != stopped {
        assert!(began.elapsed() < PATIENCE, "{why}: stopped is not {stopped}");
        thread::sleep(Duration::from_millis(20)); // asking costs a process
    }
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let kill = "kill -s \"$0\" -- \"$1\" 2>/dev/null"; // it may have ended already
    Command::new("sh").args(["-c", kill, name, &pid]).status().expect("sh runs");
}

#[test]
fn a_server_is_stopped_from_then_on_for_so_long() {
    let server = server();
    let start = format!("exec '{}' --addr 127.0.0.1:{{port}}", STAGE2.display());
    let (pid, addr) = (server.pid().to_string(), server.addr().to_string());
    for paused in [["--pid", &pid, &addr].as_slice(), &["--start", &start]] {
        let args = ["load", "--json", "-z", "6s", "-q", "20", "-t", "400ms", "-c", "80"];
        let output = run(&[&args, &["--pause", "3s@1s"][..], paused].concat());
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let (from, to) = (&report["pause"]["from_s"], &report["pause"]["to_s"]);
        assert!((0.99..1.9).contains(&from.as_f64().unwrap()), "{report:#}");
        assert!((to.as_f64().unwrap() - from.as_f64().unwrap() - 3.0).abs() < 0.01, "{report:#}");
        let seconds = report["timeline"].as_array().expect("a timeline");
        let served = |second: &Value| second["served"].as_u64().expect("a count");
        // a busy machine serves fewer, before and after, and counts late: in the third second the server was
        // stopped all the time, and still was when that second was over
        assert!(
            served(&seconds[0]) > 0 && seconds[4..].iter().any(|s| served(s) > 0),
            "{report:#}"
        );
        assert!(served(&seconds[2]) <= 10, "{report:#}");
        assert!(report["timed_out"]["count"].as_u64().unwrap() > 0, "{report:#}");
    }
    assert!(!is_stopped(server.pid()));
}

#[test]
fn whatever_ends_the_client_the_server_continues() {
    for signals in [&["INT"][..], &["TERM"], &["HUP"], &["INT", "INT"], &["KILL"]] {
        let server = server();
        let (pid, addr) = (server.pid().to_string(), server.addr().to_string());
        let args = ["load", "-z", "60s", "-q", "5", "--pause", "50s@200ms", "--pid", &pid, &addr];
        let mut load = client(&args).stdout(Stdio::null()).spawn().expect("the client starts");
        must_become(true, server.pid(), "the pause");
        signals.iter().for_each(|name| signal(&load, name));
        load.wait().expect("a child can be waited for");
        must_become(false, server.pid(), &format!("{signals:?}"));
    }
}

#[test]
fn the_pause_ends_in_time_although_the_client_is_stopped() {
    let server = server();
    let (pid, addr) = (server.pid().to_string(), server.addr().to_string());
    let args = ["load", "-z", "60s", "-q", "5", "--pause", "2s@200ms", "--pid", &pid, &addr];
    let mut load = client(&args).stdout(Stdio::null()).spawn().expect("the client starts");
    must_become(true, server.pid(), "the pause");
    signal(&load, "STOP");
    must_become(false, server.pid(), "after two seconds");
    signal(&load, "KILL");
    load.wait().expect("a child can be waited for");
}

#[test]
fn a_run_that_ends_before_the_pause_says_so() {
    let server = server();
    let (pid, addr) = (server.pid().to_string(), server.addr().to_string());
    let output = run(&["load", "-n", "5", "--pause", "2s@50s", "--pid", &pid, &addr]);
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(report.contains("note: the run was over before --pause"), "{report}");
    assert!(!is_stopped(server.pid()));
}

#[test]
fn a_process_that_does_not_exist_or_is_not_yours_is_exit_code_2() {
    let ended = Command::new("true").spawn().and_then(|mut child| {
        let id = child.id();
        child.wait().map(|_| id)
    });
    let ended = ended.expect("true runs").to_string();
    for (pid, why) in [
        ("0", "2 or more"),
        ("1", "2 or more"),
        ("-1", "2 or more"),
        ("4294967295", "2 or more"),
        ("stage4", "2 or more"),
        (&ended, "there is no such process"),
    ] {
        let output = run(&["load", "--pause", "1s@1s", "--pid", pid]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{pid}: {error}");
        assert!(error.contains(why) && error.contains("--pid"), "{pid}: {error}");
    }
    for pause in ["3s", "@5s", "3s@", "0s@1s", "3@5", "-1s@1s"] {
        let output = run(&["load", "--pause", pause, "--start", "true {port}"]);
        assert_eq!(output.status.code(), Some(2), "{pause}: {output:?}");
    }
    let Ok(ps) = Command::new("ps").args(["-A", "-o", "pid=,uid="]).output() else {
        println!("not tried: there is no ps to find a process of another user");
        return;
    };
    let id = Command::new("id").arg("-u").output().expect("id runs");
    let own = String::from_utf8_lossy(&id.stdout).trim().to_owned();
    let text = String::from_utf8_lossy(&ps.stdout).into_owned();
    let mut all = text.lines().filter_map(|line| line.trim().split_once(' '));
    let Some((pid, _)) = all.find(|(pid, uid)| uid.trim() != own && *pid != "1") else {
        println!("not tried: every process is this user's");
        return;
    };
    let output = run(&["load", "--pause", "1s@1s", "--pid", pid]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("is not yours"), "{error}");
}
