//! `live` does what its own page asks for, and nothing else; whatever ends it, nothing survives it.

mod outside;
mod room;

use room::{Live, OWN};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};
use testkit::PATIENCE;
use testkit::processes::processes;

#[test]
fn an_action_needs_the_key_of_this_run_the_page_as_its_origin_and_an_address_as_host() {
    let live = Live::start(&[]);
    let silent = json!({"action": "silent", "columns": [0]});
    let page_key = live.page_key();
    for (key, fields, status) in [
        (&*live.key, "Host: {addr}\nContent-Type: application/json", 403), // no Origin
        (&live.key, "Host: {addr}\nOrigin: null\nContent-Type: application/json", 403),
        (
            &live.key,
            "Host: {addr}\nOrigin: http://evil.example\nContent-Type: application/json",
            403,
        ),
        (&live.key, "Host: {addr}\nOrigin: https://{addr}\nContent-Type: application/json", 403),
        (
            &live.key,
            "Host: evil.example:{port}\nOrigin: http://evil.example:{port}\nContent-Type: application/json",
            421,
        ),
        (
            &live.key,
            "Host: 192.0.2.1:{port}\nOrigin: http://192.0.2.1:{port}\nContent-Type: application/json",
            421,
        ),
        (
            &live.key,
            "Host: 127.0.0.1:1\nOrigin: http://127.0.0.1:1\nContent-Type: application/json",
            421,
        ),
        (&live.key, "Host: {addr}\nOrigin: http://{addr}\nContent-Type: text/plain", 415),
        (&live.key, "Host: {addr}\nOrigin: http://{addr}", 415),
        ("00000000000000000000000000000000", OWN, 403),
        ("", OWN, 403),
        (&page_key, OWN, 403), // a visitor only watches
    ] {
        assert_eq!(live.act(key, fields, &silent), status, "{key} {fields}");
    }
    assert_eq!(live.state()["columns"][0]["held"], 0, "none of them did anything");
    for wanted in [
        json!({"action": "nonsense", "columns": [0]}),
        json!({"action": "silent", "columns": []}),
        json!({"action": "silent", "columns": [2]}),
        json!({"action": "silent", "columns": [-1]}),
        json!({"action": "silent", "columns": [0, 0, 0]}),
        json!({"action": "steady", "columns": [0], "rate": 101}),
        json!([]),
    ] {
        assert_eq!(live.act(&live.key, OWN, &wanted), 422, "{wanted}");
    }
    assert_eq!(live.act(&live.key, OWN, &json!({"action": "x".repeat(5000)})), 413);
    let (status, _) = live.ask("GET /state HTTP/1.1\nHost: evil.example:{port}", "");
    assert_eq!(status, 421, "a page of another name must not read, either");
    let localhost =
        "Host: localhost:{port}\nOrigin: http://localhost:{port}\nContent-Type: application/json";
    assert_eq!(live.act(&live.key, localhost, &silent), 200);
}

#[test]
fn visitors_attack_only_if_that_is_allowed_and_never_touch_a_process() {
    let live = Live::start(&["--let-visitors-attack"]);
    let key = live.page_key();
    assert_eq!(live.act(&key, OWN, &json!({"action": "garbage", "columns": [1]})), 200);
    for action in ["pause", "continue", "term", "kill", "restart", "calm"] {
        assert_eq!(
            live.act(&key, OWN, &json!({"action": action, "columns": [1]})),
            403,
            "{action}"
        );
    }
}

#[test]
fn attacks_are_bounded_in_count() {
    let live = Live::start(&[]);
    for _ in 0..40 {
        assert_eq!(live.act(&live.key, OWN, &json!({"action": "silent", "columns": [0]})), 200);
        assert_eq!(live.act(&live.key, OWN, &json!({"action": "burst", "columns": [0]})), 200);
    }
    let state = live.state();
    let column = &state["columns"][0];
    let number = |name: &str| column[name].as_u64().expect("a number");
    assert!(number("attacks") <= 32, "{column:#}");
    // the probes come in addition
    assert!(number("in_flight") <= 212 && number("not_sent") > 0, "{column:#}");
    assert!(column["bars"].as_array().expect("bars").len() <= 120);
}

#[test]
fn whatever_ends_live_even_a_paused_server_does_not_survive_it() {
    for signal in ["INT", "TERM", "HUP", "KILL"] {
        let mut live = Live::start(&[]);
        let pids: Vec<_> = (0..2)
            .map(|index| live.state()["columns"][index]["pid"].as_u64().expect("a pid"))
            .collect();
        assert_eq!(live.act(&live.key, OWN, &json!({"action": "pause", "columns": [0]})), 200);
        assert_eq!(
            live.act(&live.key, OWN, &json!({"action": "steady", "columns": [0, 1], "rate": 20})),
            200
        );
        assert_eq!(live.state()["columns"][0]["state"]["is"], "paused");
        let began = Instant::now();
        live.signal(signal);
        live.child.wait().expect("it ends");
        while processes().iter().any(|one| pids.contains(&u64::from(one.id))) {
            // after kill -9 other processes notice it, and need their time on a busy machine
            let limit = if signal == "KILL" { PATIENCE } else { Duration::from_secs(2) };
            assert!(began.elapsed() < limit, "{signal} left {pids:?}");
            thread::sleep(Duration::from_millis(5)); // what is killed dies a moment later
        }
    }
}

#[test]
fn a_run_is_saved_when_live_ends_and_by_whoever_watches() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (page, data) = (file("run.html"), file("run.json"));
    let mut live = Live::start(&["--out", &page, "--json", &data]);
    assert_eq!(live.act(&live.key, OWN, &json!({"action": "silent", "columns": [0]})), 200);
    live.wait_until(|state| state["columns"][0]["state"]["is"] == "silent");
    let check = |page: &str, data: &str| {
        let data: Value = serde_json::from_str(data).expect("JSON");
        let attack = &data["attacks"][0];
        assert_eq!((&data["version"], &attack["name"]), (&json!(1), &json!("silent")), "{data:#}");
        assert_eq!(attack["servers"], json!(["stage1-blocking"]));
        let [frozen, other] = [0, 1].map(|server| &attack["trials"][server]);
        assert_eq!(frozen["responds"], json!(false));
        assert!(
            frozen["state"].as_str().is_some_and(|state| state.starts_with("no response for "))
        );
        assert_eq!(other["figure"], "not attacked");
        let fates = |of: &Value| {
            let all = of["requests"].as_array().expect("requests").iter();
            all.map(|one| one["fate"].as_str().expect("a fate").to_owned()).collect::<Vec<_>>()
        };
        assert!(
            fates(frozen).contains(&"held".into()) && fates(frozen).contains(&"unanswered".into())
        );
        assert!(!fates(other).contains(&"held".into()), "{other:#}");
        assert!(page.contains("Silent client on stage 1, at 0:0") && page.contains("no response"));
    };
    let saved = |ending: &str| {
        let (status, body) = live.ask(&format!("GET /run.{ending} HTTP/1.1\nHost: {{addr}}"), "");
        assert_eq!(status, 200, "{body}");
        body
    };
    check(&saved("html"), &saved("json"));
    let (status, _) = live.ask("GET /run.html HTTP/1.1\nHost: evil.example:{port}", "");
    assert_eq!(status, 421, "a page of another name must not read it");
    live.signal("TERM");
    assert!(live.child.wait().expect("it ends").success());
    let read = |path| std::fs::read_to_string(path).expect("a file");
    check(&read(page), &read(data));
}

#[test]
fn what_is_wrong_is_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("an address").to_string();
    for (args, code, said) in [
        (&["live", "--addr", &addr][..], 1, "choose another address with --addr"),
        (&["live", "--addr", "8000"], 2, "give a host and a port, such as 127.0.0.1:8000"),
        (&["live", "--addr", "localhost:65536"], 2, "give a host and a port"),
        (&["live", "--stage", "6"], 2, "--stage"),
        (&["live", "--stage", "1", "--work", "1s"], 2, "--work is an option of stages 4 and 5"),
        (&["live", "--stage", "4", "--queue", "8"], 2, "--queue is an option of stage 5"),
        (&["live", "--also", "mine"], 2, "NAME=HOST:PORT"),
        (&["live", "--addr", "127.0.0.1:0", "--also", "mine=a.invalid:80"], 1, "does not resolve"),
        (&["live", "--out", "Cargo.toml/run.html"], 1, "name another place"),
        (&["live", "--json", "src"], 1, "name another place"),
    ] {
        let output = testkit::run(env!("CARGO_BIN_EXE_client"), args, &[]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        assert!(error.lines().last().is_some_and(|line| line.contains(said)), "{args:?}: {error}");
    }
}

/// Waits until a line is printed that begins so, and has that.
fn must_print(lines: &Receiver<String>, begin: &str, part: &str) {
    let wanted = |line: &String| line.starts_with(begin) && line.contains(part);
    while !wanted(&lines.recv_timeout(PATIENCE).expect("another line")) {}
}

#[test]
fn a_server_that_is_not_there_or_dies_is_a_line_in_the_terminal_and_in_its_column() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut live = Live::start_with(&["--also", &format!("mine={free}")], Stdio::piped());
    let stderr = BufReader::new(live.child.stderr.take().expect("it is piped"));
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        stderr.lines().map_while(Result::ok).for_each(|line| _ = sender.send(line));
    });
    let must_show = |column: usize, is: &str, part: &str| {
        let state = live.wait_until(|state| state["columns"][column]["state"]["is"] == is);
        let text = &state["columns"][column]["state"]["text"];
        assert!(text.as_str().is_some_and(|text| text.contains(part)), "{text}");
    };
    must_print(&lines, "note: mine: ", "no server listens");
    must_show(2, "failing", "no server listens");
    let pid = live.state()["columns"][1]["pid"].to_string();
    Command::new("sh").args(["-c", "kill -s KILL \"$0\"", &pid]).status().expect("sh runs");
    must_print(&lines, "note: parse: ", "signal: 9");
    must_show(1, "ended", "signal: 9");
}
