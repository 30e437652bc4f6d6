//! Stage 6 on a disk that is full: nothing promised is forgotten, and it recovers without a restart.
//!
//! A limit on the size of files stands for the full disk; it can be set on a running process on Linux only.
#![cfg(target_os = "linux")]

mod durable;

use durable::{Data, end_of, keyed};
use http1::header::RETRY_AFTER;
use rlimit::{Resource, prlimit};
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use testkit::{PATIENCE, Peer, Server, ask, event, get, json, must_have_status, wait_until};

/// The signal for a file that grows too large would end the process, and is ignored: a write fails.
fn start(data: &Data, args: &[&str]) -> Server {
    start_with_log(data, args, Stdio::null())
}

fn start_with_log(data: &Data, args: &[&str], log: impl Into<Stdio>) -> Server {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap '' XFSZ && exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_stage6-durable"),
    ]);
    command.arg("--data").arg(data.path()).args(args).env("RUST_LOG", "warn").stderr(log);
    Server::start(command).expect("it starts")
}

fn set_full(server: &Server, full: bool) {
    let (_, hard) = Resource::FSIZE.get().expect("a limit can be read");
    let limit = if full { 0 } else { hard };
    prlimit(server.pid() as i32, Resource::FSIZE, Some((limit, hard)), None)
        .expect("the limit of a child can be set");
}

#[test]
fn a_full_disk_gets_503_with_the_reason_and_later_everything_counts_once() {
    let data = Data::new();
    let server = start(&data, &["--work", "0s", "--queue", "100"]);
    must_have_status(&ask(server.addr(), keyed("k0", "alice", 1)), 202, "there is room");
    wait_until(server.addr(), "/stats", |stats| stats["processed"] == 1);
    set_full(&server, true);
    let mut peer = Peer::connect(server.addr());
    for number in 1..=5 {
        let response = peer.send(keyed(&format!("k{number}"), "alice", 1)).response();
        must_have_status(&response, 503, "the disk is full");
        let detail = json(&response)["detail"].to_string();
        assert!(detail.contains("File too large"), "{detail}");
        assert_eq!(response.header(RETRY_AFTER), Some("1"));
    }
    // what is known stays known
    must_have_status(&peer.send(keyed("k0", "alice", 1)).response(), 202, "a stored event");
    let stats = json(&peer.send(get("/stats")).response());
    assert_eq!((&stats["accepted"], &stats["rejected"]), (&1.into(), &5.into()), "{stats}");
    set_full(&server, false);
    // a rejected key leaves no trace: with another event it is new
    must_have_status(&peer.send(keyed("k1", "alice", 10)).response(), 202, "there is room again");
    for number in 2..=5 {
        let response = peer.send(keyed(&format!("k{number}"), "alice", 1)).response();
        must_have_status(&response, 202, "a retry");
    }
    wait_until(server.addr(), "/stats", |stats| stats["processed"] == 6);
    server.signal("KILL").unwrap();
    let server = data.start(&[]);
    let after = json(&ask(server.addr(), get("/stats")));
    assert_eq!((&after["accepted"], &after["processed"]), (&6.into(), &6.into()), "{after}");
    assert_eq!(json(&ask(server.addr(), get("/balances"))), serde_json::json!({"alice": 15}));
}

#[test]
fn what_was_applied_while_the_disk_was_full_is_written_without_a_further_event() {
    let data = Data::new();
    let (log, stderr) = UnixStream::pair().expect("a pair of sockets can be opened");
    log.set_read_timeout(Some(PATIENCE)).expect("a socket's timeout can be set");
    let server = start_with_log(&data, &["--work", "1s"], OwnedFd::from(stderr));
    for _ in 0..3 {
        must_have_status(&ask(server.addr(), event("alice", 1)), 202, "there is room");
    }
    set_full(&server, true);
    // until the worker is done with all three, and the last of them could not be written, or more
    // of them: on a busy machine the first ones may have been done while there was room
    let lines = BufReader::new(log).lines().map(|line| line.expect("a line in time"));
    let mut unwritten = lines.filter_map(|line| {
        assert!(line.contains("does not store"), "{line}");
        line.rsplit_once("applied=")?.1.parse::<u64>().ok()
    });
    let processed = || json(&ask(server.addr(), get("/stats")))["processed"].as_u64();
    assert!(unwritten.any(|count| count + processed().unwrap() == 3), "the log ended");
    assert!(processed().unwrap() < 3, "what is not on the disk is not in the figures");
    set_full(&server, false);
    wait_until(server.addr(), "/stats", |stats| stats["processed"] == 3);
}

#[test]
fn a_start_on_a_full_disk_ends_with_one_line_and_leaves_no_file_behind() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let data = folder.path().join("data.redb");
    let data = data.to_str().expect("the path is UTF-8");
    let start = "trap '' XFSZ && ulimit -f 0 && exec \"$0\" \"$@\"";
    let args = ["-c", start, env!("CARGO_BIN_EXE_stage6-durable"), "--addr", "127.0.0.1:0"];
    let output = testkit::run("sh", &[&args[..], &["--data", data]].concat(), &[]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains(data) && error.contains("File too large"), "{error}");
    let left = std::fs::read_dir(folder.path()).expect("the folder is there");
    assert_eq!(left.count(), 0, "its file would use up what is left");
}

#[test]
fn a_signal_ends_a_server_whose_disk_is_full() {
    let data = Data::new();
    let server = start(&data, &["--work", "1ms"]);
    must_have_status(&ask(server.addr(), event("alice", 1)), 202, "there is room");
    set_full(&server, true);
    must_have_status(&ask(server.addr(), event("alice", 1)), 503, "the disk is full");
    server.signal("TERM").unwrap();
    assert_eq!(end_of(server).status.code(), Some(0));
    let server = data.start(&["--work", "0s"]);
    let after = wait_until(server.addr(), "/stats", |stats| stats["processed"] == 1);
    assert_eq!(after["accepted"], 1);
}
