//! The manners of the scripts: what they say to a bad command line, and where there is nobody to talk to.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;
use testkit::scripts::{Ran, Script, interrupt_at, must_stop_when_told};

const SCRIPTS: [&str; 7] =
    ["flood.sh", "partial.sh", "garbage.sh", "pileup.sh", "overload.sh", "cost.sh", "crash.sh"];

fn run(script: &str, args: &[&str]) -> Ran {
    Script::start(script, args).end()
}

fn must_refuse(script: &str, args: &[&str], because: &str) {
    let ran = run(script, args);
    let complaint = ran.errors.lines().next().unwrap_or_default();
    assert!(
        complaint.starts_with(&format!("{script}: ")) && complaint.contains(because),
        "{args:?}: {ran:#?}"
    );
    assert!(ran.errors.contains(&format!("\nusage: scripts/{script} ")), "{args:?}: {ran:#?}");
    assert_eq!((ran.code(), ran.lines.len()), (Some(2), 0), "{args:?}: {ran:#?}");
}

#[test]
fn a_bad_command_line_is_refused_with_the_usage() {
    for script in SCRIPTS {
        must_refuse(script, &["--nonsense"], "unknown option --nonsense");
        must_refuse(script, &["-x"], "unknown option -x");
        must_refuse(script, &["--expect"], "--expect needs a value");
        must_refuse(script, &["--expect", "nonsense"], "--expect takes ");
        must_refuse(script, &["--expect=none"], "not 'none'");
        must_refuse(script, &["--nc", "no-such-nc"], "'no-such-nc' is not installed");
        must_refuse(script, &["-t"], "-t needs a value");
        for number in ["0", "-1", "1.5", "100000", "ten"] {
            must_refuse(script, &["-t", number], number);
        }
    }
    for script in ["cost.sh", "flood.sh", "pileup.sh", "overload.sh", "crash.sh"] {
        must_refuse(script, &["-n", "0"], "-n takes ");
    }
    for script in ["partial.sh", "garbage.sh"] {
        must_refuse(script, &["-n", "1"], "unknown option -n");
    }
    must_refuse("pileup.sh", &["-n", "2"], "-n takes 3 or more");
}

#[test]
fn a_bad_address_is_refused() {
    for script in &SCRIPTS[..6] {
        for address in [
            "localhost",
            ":8080",
            "8080",
            "a b:80",
            "127.0.0.1:0",
            "127.0.0.1:65536",
            "https://a:80",
            "",
        ] {
            must_refuse(script, &[address], "bad address");
        }
        must_refuse(script, &["127.0.0.1:1", "127.0.0.1:2"], "one address is enough");
    }
}

#[test]
fn what_is_no_server_is_not_crashed() {
    for (args, because) in [
        (&["6"][..], "a stage is a number from 1 to 5"),
        (&["cat"], "a program has a slash"),
        (&["./no/such/program"], "no executable file './no/such/program'"),
        (&["/tmp"], "no executable file '/tmp'"),
        (&["4", "5"], "one stage is enough"),
        (&["--kill", "HUP"], "--kill takes KILL or TERM"),
        (&["--kill"], "--kill needs a value"),
    ] {
        must_refuse("crash.sh", args, because);
    }
    let ran = run("crash.sh", &["/bin/cat"]); // which knows no --addr
    assert_eq!(ran.code(), Some(1), "{ran:#?}");
    assert!(ran.errors.ends_with("crash.sh: /bin/cat does not start\n"), "{ran:#?}");
}

#[test]
fn help_is_the_usage_and_no_failure() {
    for script in SCRIPTS {
        for option in ["-h", "--help"] {
            let ran = run(script, &[option]);
            assert_eq!((ran.code(), &*ran.errors), (Some(0), ""), "{ran:#?}");
            for part in [
                &*format!("usage: scripts/{script} "),
                "--expect",
                "--nc NC",
                "-h, --help",
                "verdict",
            ] {
                assert!(ran.lines.iter().any(|line| line.contains(part)), "{part}: {ran:#?}");
            }
            assert!(ran.lines.iter().all(|line| !line.contains("value_options=")), "{ran:#?}");
        }
    }
}

#[test]
fn nobody_there_is_one_line_that_says_what_to_start() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let free = free.expect("a port is to be had").to_string(); // and nobody listens there any more
    for (script, stage) in SCRIPTS.iter().zip([1, 1, 3, 4, 5, 2]) {
        let ran = run(script, &[&free]);
        assert_eq!(
            (ran.code(), ran.errors.lines().count(), ran.lines.len()),
            (Some(1), 1, 0),
            "{ran:#?}"
        );
        let start = format!("start one: cargo stage{stage} --addr {free}");
        let wait = "wait until the stage prints that it listens, or "; // cargo may still build it
        assert!(ran.errors.contains(&format!("{wait}{start}")), "{ran:#?}");
    }
}

/// A server that answers `GET / HTTP/1.1`, and leaves everybody else waiting.
fn for_the_honest_alone() -> String {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port is to be had");
    let addr = server.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        let mut waiting = Vec::new();
        for stream in server.incoming().flatten() {
            let head: Vec<_> = BufReader::new(&stream)
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            if head.first().is_some_and(|line| line == "GET / HTTP/1.1") {
                let _ = (&stream).write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
            } else {
                waiting.push(stream);
            }
        }
    });
    addr
}

#[test]
fn garbage_that_nobody_answers_ends_when_told() {
    let addr = for_the_honest_alone();
    must_stop_when_told("garbage.sh", &["-t", "60"], &addr, "Ctrl-C ends it", "none");
    interrupt_at("not HTTP: no response in 1 s", "garbage.sh", &["-t", "1", &addr])
        .must_be("silent");
}

#[test]
fn another_verdict_than_the_expected_is_a_failure() {
    let addr = for_the_honest_alone();
    let ran = run("overload.sh", &["-n", "3", "-t", "1", "--expect", "accepted", &addr]);
    assert_eq!((ran.code(), &*ran.errors), (Some(1), ""), "{ran:#?}");
    assert!(
        ran.lines.last().is_some_and(|line| line.starts_with("verdict: piled-up (accepted 0 of 3")),
        "{ran:#?}"
    );
}

#[test]
fn the_earlier_names_of_verdicts_are_still_accepted() {
    let addr = for_the_honest_alone();
    let ran = run("overload.sh", &["-n", "3", "-t", "1", "--expect", "piled", &addr]);
    ran.must_be("piled-up");
    for (script, verdict) in
        [("garbage.sh", "refused"), ("overload.sh", "refused"), ("overload.sh", "taken")]
    {
        let ran = run(script, &["--expect", verdict, "--help"]);
        assert_eq!((ran.code(), &*ran.errors), (Some(0), ""), "{ran:#?}");
    }
    must_refuse("flood.sh", &["--expect", "refused"], "takes frozen or served, not 'refused'");
}

#[test]
fn an_nc_that_reaches_nobody_is_said() {
    let addr = for_the_honest_alone();
    for script in &SCRIPTS[1..5] {
        let ran = run(script, &["--nc", "false", &addr]);
        assert_eq!((ran.code(), ran.lines.len()), (Some(1), 0), "{ran:#?}");
        assert!(
            ran.errors.contains("with false: connection closed without a response; does it reach"),
            "{ran:#?}"
        );
    }
}
