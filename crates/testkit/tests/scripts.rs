//! What the scripts do with a bad command line, without a server, and if the server does not
//! respond.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use testkit::scripts::{Script, ScriptOutput, interrupt_at, must_stop_on_signals, path};

const SCRIPTS: [&str; 7] =
    ["flood.sh", "partial.sh", "garbage.sh", "pileup.sh", "overload.sh", "cost.sh", "crash.sh"];

fn run(script: &str, args: &[&str]) -> ScriptOutput {
    Script::start(script, args).end()
}

fn must_reject(script: &str, args: &[&str], because: &str) {
    let output = run(script, args);
    // the last line, since what stands above a long help scrolls away
    let complaint = output.errors.lines().last().unwrap_or_default();
    assert!(
        complaint.starts_with(&format!("{script}: ")) && complaint.contains(because),
        "{args:?}: {output:#?}"
    );
    assert!(output.errors.contains(&format!("usage: scripts/{script} ")), "{args:?}: {output:#?}");
    assert_eq!((output.code(), output.lines.len()), (Some(2), 0), "{args:?}: {output:#?}");
}

#[test]
fn a_bad_command_line_prints_the_error_and_the_usage() {
    for script in SCRIPTS {
        must_reject(script, &["--nonsense"], "unknown option --nonsense");
        must_reject(script, &["-x"], "unknown option -x");
        must_reject(script, &["--expect"], "--expect needs a value");
        must_reject(script, &["--expect", "nonsense"], "--expect takes ");
        must_reject(script, &["--expect=none"], "not 'none'");
        must_reject(script, &["--nc", "no-such-nc"], "'no-such-nc' is not installed");
        must_reject(script, &["-t"], "-t needs a value");
        for number in ["0", "-1", "1.5", "100000", "ten"] {
            must_reject(script, &["-t", number], number);
        }
    }
    for script in ["cost.sh", "flood.sh", "pileup.sh", "overload.sh", "crash.sh"] {
        must_reject(script, &["-n", "0"], "-n takes ");
    }
    for script in ["partial.sh", "garbage.sh"] {
        must_reject(script, &["-n", "1"], "unknown option -n");
    }
    must_reject("pileup.sh", &["-n", "2"], "-n takes 3 or more");
}

#[test]
fn a_bad_address_is_an_error() {
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
            must_reject(script, &[address], "bad address");
        }
        must_reject(script, &["127.0.0.1:1", "127.0.0.1:2"], "one address is enough");
    }
}

#[test]
fn crash_rejects_a_program_that_is_not_a_server() {
    for (args, because) in [
        (&["8"][..], "a stage is a number from 1 to 7"),
        (&["cat"], "a program has a slash"),
        (&["./no/such/program"], "no executable file './no/such/program'"),
        (&["/tmp"], "no executable file '/tmp'"),
        (&["4", "5"], "one stage is enough"),
        (&["--kill", "HUP"], "--kill takes KILL or TERM"),
        (&["--kill"], "--kill needs a value"),
    ] {
        must_reject("crash.sh", args, because);
    }
    let output = run("crash.sh", &["/bin/cat"]); // which has no option --addr
    assert_eq!(output.code(), Some(1), "{output:#?}");
    assert!(output.errors.ends_with("crash.sh: /bin/cat does not start\n"), "{output:#?}");
}

#[test]
fn help_prints_the_usage_and_exits_with_0() {
    for script in SCRIPTS {
        for option in ["-h", "--help"] {
            let output = run(script, &[option]);
            assert_eq!((output.code(), &*output.errors), (Some(0), ""), "{output:#?}");
            for part in [
                &*format!("usage: scripts/{script} "),
                "--expect",
                "--nc NC",
                "-h, --help",
                "verdict",
            ] {
                assert!(output.lines.iter().any(|line| line.contains(part)), "{part}: {output:#?}");
            }
            assert!(
                output.lines.iter().all(|line| !line.contains("value_options=")),
                "{output:#?}"
            );
        }
    }
}

#[test]
fn without_a_server_one_line_says_what_to_start() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let free = free.expect("a port is free").to_string(); // its listener is closed again
    for (script, stage) in SCRIPTS.iter().zip([1, 1, 3, 4, 5, 2]) {
        let output = run(script, &[&free]);
        assert_eq!(
            (output.code(), output.errors.lines().count(), output.lines.len()),
            (Some(1), 1, 0),
            "{output:#?}"
        );
        let start = format!("start one: cargo stage{stage} --addr {free}");
        // cargo may still be building the stage
        let wait = "wait until the stage prints that it listens, or ";
        assert!(output.errors.contains(&format!("{wait}{start}")), "{output:#?}");
    }
}

/// A server that responds to `GET / HTTP/1.1` and leaves every other request waiting.
fn serve_normal_requests_only() -> String {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = server.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        for stream in server.incoming().flatten() {
            thread::spawn(move || serve_normal_request(&stream));
        }
    });
    addr
}

fn serve_normal_request(mut stream: &TcpStream) {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    if head.first().is_some_and(|line| line == "GET / HTTP/1.1") {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(response);
    } else {
        let _ = io::copy(&mut stream, &mut io::sink()); // until the client leaves; a body may arrive after its head
    }
}

#[test]
fn garbage_without_responses_can_be_interrupted() {
    let addr = serve_normal_requests_only();
    must_stop_on_signals("garbage.sh", &["-t", "60"], &addr, "Ctrl-C ends it");
    interrupt_at("not HTTP: no response in 1 s", "garbage.sh", &["-t", "1", &addr])
        .must_be_interrupted();
}

#[test]
fn each_way_to_end_a_script_leaves_nothing_behind() {
    let addr = serve_normal_requests_only();
    must_stop_on_signals("pileup.sh", &["-t", "60"], &addr, "Ctrl-C ends it");
    must_stop_on_signals("overload.sh", &["-t", "60"], &addr, "Ctrl-C ends it");
    // flood.sh runs until Ctrl-C, so what it has seen by then is its verdict
    let mut flood = Script::start("flood.sh", &["-n", "5", &addr]);
    flood.wait_for_line("normal request: answered");
    flood.signal_all("INT");
    flood.end().must_give_verdict("served");
    let mut flood = Script::start("flood.sh", &["-n", "5", &addr]);
    flood.wait_for_line("normal request: answered");
    flood.signal_alone("KILL");
    assert_eq!(flood.end().code(), None);
}

#[test]
fn a_script_gives_the_same_verdict_whatever_starts_it() {
    let addr = serve_normal_requests_only();
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join("flood");
    std::os::unix::fs::symlink(path("flood.sh"), &link).expect("a link");
    let by = |shell: &str, args: &[&str]| {
        let mut command = Command::new(shell);
        command.args(args).arg(path("flood.sh"));
        command
    };
    let with = |name: &str, value: &str| {
        let mut command = Command::new(path("flood.sh"));
        command.env(name, value);
        command
    };
    for mut command in [
        by("sh", &[]),
        by("bash", &["-e"]),
        by("bash", &["-f"]),
        by("bash", &["--posix"]),
        by("bash", &["-k"]),
        with("SHELLOPTS", "errexit"),
        with("SHELLOPTS", "noglob:nounset"),
        with("BASHOPTS", "nocasematch:failglob"),
        with("POSIXLY_CORRECT", "1"),
        with("CDPATH", "/tmp:/"),
        with("TMOUT", "1"),
        with("LC_ALL", "C.UTF-8"),
        Command::new(&link),
    ] {
        command.current_dir(&folder);
        let output = Script::start_as(command, "flood.sh", &["-n", "2", "-t", "1", &addr]).end();
        output.must_give_verdict("served");
        assert!(
            output.lines.iter().any(|line| line.starts_with("2 of 2 silent connections open")),
            "{output:#?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_one_line_and_a_closed_pipe_none() {
    let addr = serve_normal_requests_only();
    for args in ["--help", "-n 1 -t 1"] {
        let flood = path("flood.sh");
        let run = |to: &str| {
            let line = format!("'{}' {args} {addr} {to}", flood.display());
            Command::new("bash").args(["-c", &line]).env("NC", "none").output().expect("bash runs")
        };
        let output = run("> /dev/full");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            (output.status.code(), &*errors),
            (Some(1), "flood.sh: cannot write the output\n"),
            "{args}"
        );
        let output = run("| true");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), &*errors), (Some(0), ""), "{args}");
    }
}

#[test]
fn another_verdict_than_the_expected_one_exits_with_1() {
    let addr = serve_normal_requests_only();
    let output = run("overload.sh", &["-n", "3", "-t", "1", "--expect", "accepted", &addr]);
    assert_eq!((output.code(), &*output.errors), (Some(1), ""), "{output:#?}");
    assert!(
        output
            .lines
            .last()
            .is_some_and(|line| line.starts_with("verdict: piled-up (accepted 0 of 3")),
        "{output:#?}"
    );
}

#[test]
fn the_earlier_names_of_verdicts_are_still_accepted() {
    let addr = serve_normal_requests_only();
    let output = run("overload.sh", &["-n", "3", "-t", "1", "--expect", "piled", &addr]);
    output.must_give_verdict("piled-up");
    for (script, verdict) in
        [("garbage.sh", "refused"), ("overload.sh", "refused"), ("overload.sh", "taken")]
    {
        let output = run(script, &["--expect", verdict, "--help"]);
        assert_eq!((output.code(), &*output.errors), (Some(0), ""), "{output:#?}");
    }
    must_reject("flood.sh", &["--expect", "refused"], "takes frozen or served, not 'refused'");
}

#[test]
fn an_nc_that_cannot_connect_is_reported() {
    let addr = serve_normal_requests_only();
    for script in &SCRIPTS[1..5] {
        let output = run(script, &["--nc", "false", &addr]);
        assert_eq!((output.code(), output.lines.len()), (Some(1), 0), "{output:#?}");
        assert!(
            output
                .errors
                .contains("with false: connection closed without a response; does it reach"),
            "{output:#?}"
        );
    }
}
