//! What `client check` does with its verdicts: the groups, the third verdict, the exit codes, the evidence, and
//! repetitions.

mod outside;

use http1::{HeaderValue, Response, StatusCode, header};
use outside::{client, http_server, run, server, stdout};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Output;
use std::time::{Duration, Instant};

fn echo() -> SocketAddr {
    http_server(|_, request| Response::text(request.into_body())).0
}

/// An echo that breaks a claim of the group HTTP, and no other of those that are tried here.
fn echo_as_html() -> SocketAddr {
    let html = HeaderValue::from_static("text/html");
    let respond = move |_, request: http1::Request| {
        Response::text(request.into_body()).with_header(header::CONTENT_TYPE, html.clone())
    };
    http_server(respond).0
}

fn check(addr: SocketAddr, args: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let addr = addr.to_string();
    client(&[&["check", "2", &addr], args].concat())
        .current_dir(folder.path())
        .output()
        .expect("the client runs")
}

/// Reads a request and lets it be.
fn listen_only(mut stream: TcpStream) {
    while stream.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {}
}

#[test]
fn a_server_that_does_not_speak_http_gets_one_sentence_and_the_verdict_unknown() {
    type Talk = fn(TcpStream);
    let cases: [(&str, Talk); 7] = [
        ("nothing came back in 8 s", listen_only),
        ("what came back is SSH: \"SSH-2.0-OpenSSH_9.6", |mut stream| {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
            listen_only(stream);
        }),
        ("what came back is TLS", |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(&[0x15, 3, 1, 0, 2, 2, 70]);
        }),
        ("the server reset the connection", |stream| {
            let _ = stream.peek(&mut [0]); // closing with unread input resets
        }),
        ("the server closed the connection without a response", |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
        }),
        ("what came back is not HTTP: \"220 mail", |mut stream| {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
            listen_only(stream);
        }),
        ("the response was not complete in 8 s", |mut stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
            listen_only(stream);
        }),
    ];
    std::thread::scope(|scope| {
        for (instead, talk) in cases {
            scope.spawn(move || {
                let addr = server(move |_, stream| talk(stream));
                let began = Instant::now();
                let output = check(addr, &[]);
                let printed = stdout(&output);
                let sentence = format!("? sent \"GET / HTTP/1.1\" to {addr}, and {instead}");
                assert!(printed.starts_with(&sentence), "{printed}");
                assert!(printed.contains("\nstage 2: 0 of 9 claims, 9 unknown\n"), "{printed}");
                assert_eq!((output.status.code(), printed.lines().count()), (Some(4), 4));
                assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
            });
        }
    });
}

#[test]
fn json_has_an_unknown_line_for_each_claim_of_a_server_that_does_not_speak_http() {
    let addr = server(|_, mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
        listen_only(stream);
    });
    let output = check(addr, &["--json", "--only", "echo", "--only", "keep-alive"]);
    let lines: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert_eq!((output.status.code(), lines.len()), (Some(4), 2), "{lines:?}");
    for line in lines {
        assert_eq!((&line["kept"], &line["verdict"]), (&false.into(), &"unknown".into()));
    }
}

#[test]
fn a_claim_on_the_queue_is_unknown_without_its_figures() {
    let (addr, _) =
        http_server(|_, _| Response::problem(StatusCode::NOT_FOUND, "there is no such path"));
    let output = run(&["check", "5", "--only", "stats-consistent", &addr.to_string()]);
    let printed = stdout(&output);
    for part in
        ["? stats-consistent", "    unknown: GET /stats returns 404\n", "0 of 1 claims, 1 unknown"]
    {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert_eq!(output.status.code(), Some(4), "{printed}");
}

#[test]
fn a_client_without_descriptors_does_not_blame_the_server() {
    let (addr, program) = (echo().to_string(), env!("CARGO_BIN_EXE_client"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let command = "ulimit -n 60 && exec \"$0\" check 2 \"$1\"";
    let output = std::process::Command::new("sh")
        .args(["-c", command, program, &addr])
        .current_dir(folder.path())
        .output()
        .expect("there is sh");
    let printed = stdout(&output);
    assert!(!printed.contains('✗'), "{printed}");
    assert!(printed.contains("? many-idle") && printed.contains("descriptors"), "{printed}");
    assert_eq!(output.status.code(), Some(4), "{printed}");
}

#[test]
fn http_decides_only_with_strict_or_when_it_is_asked_for() {
    let addr = echo_as_html();
    let lesson = check(addr, &[]);
    assert!(
        stdout(&lesson).ends_with("\nHTTP: 17 of 18 claims (not decisive without --strict)\n"),
        "{}",
        stdout(&lesson)
    );
    let only = check(addr, &["--only", "nosniff"]);
    assert!(stdout(&only).ends_with("\nHTTP: 0 of 1 claims\n"), "{}", stdout(&only));
    assert_eq!(only.status.code(), Some(1));
    let both = ["--only", "nosniff", "--only", "echo"];
    assert_eq!(check(addr, &[&both[..], &["--strict"]].concat()).status.code(), Some(1));
}

#[test]
fn a_broken_claim_keeps_what_was_sent_and_received() {
    let (addr, folder) = (echo_as_html(), tempfile::tempdir().expect("a temporary folder"));
    let out = folder.path().join("deep/er");
    let (out, shown) = (out.to_str().expect("UTF-8"), out.join("nosniff.txt"));
    let output = check(addr, &["--only", "nosniff", "--only", "echo", "--out", out]);
    let line = format!("    evidence: {}\n", shown.display());
    assert!(stdout(&output).contains(&line), "{line}: {}", stdout(&output));
    let evidence = fs::read_to_string(&shown).expect("the evidence");
    for part in [
        &format!("server: {addr}\n"),
        "found: Content-Type: text/html\n",
        "> POST / HTTP/1.1\n",
        "> Content-Length: 25\n>",
        "< HTTP/1.1 200 OK\n",
        "< content-type: text/html\n",
        "< <script>alert(1)</script>\n",
    ] {
        assert!(evidence.contains(part), "{part}: {evidence}");
    }
    let files = || -> BTreeSet<String> {
        let names = fs::read_dir(out).expect("a folder").flatten().map(|file| file.file_name());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    };
    let expected = ["index.html", "nosniff.txt"].map(str::to_owned);
    assert_eq!(files(), expected.into(), "only the broken claim has evidence");
    let page = fs::read_to_string(format!("{out}/index.html")).expect("a page");
    for part in [&*addr.to_string(), "what stage 2 of the course promises", "text/html", "\u{2717}"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    // the next check removes what is no longer true
    check(echo(), &["--only", "nosniff", "--out", out]);
    assert_eq!(files(), ["index.html".to_owned()].into());
}

#[test]
fn by_default_evidence_is_under_target() {
    let output = check(echo_as_html(), &["--only", "nosniff"]);
    assert!(stdout(&output).contains("    evidence: target/check/nosniff.txt\n"));
}

#[test]
fn evidence_that_cannot_be_written_is_one_line_and_changes_no_verdict() {
    let output = check(echo_as_html(), &["--only", "nosniff", "--out", "/dev/null/check"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.starts_with("no evidence is kept: /dev/null/check/nosniff.txt: "), "{error}");
}

#[test]
fn a_page_that_cannot_be_written_is_one_line_and_exit_code_1() {
    let output = check(echo(), &["--only", "echo", "--out", "/dev/null/check"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains("cannot write /dev/null/check/index.html"), "{error}");
    assert!(stdout(&output).contains("stage 2: 1 of 1 claims\n"), "{}", stdout(&output));
}

#[test]
fn repeat_says_how_often_a_claim_broke() {
    // each twentieth response is another one
    let flaky = || {
        let respond = |number, request: http1::Request| match number % 20 {
            19 => Response::text("another".into()),
            _ => Response::text(request.into_body()),
        };
        http_server(respond).0
    };
    let five = ["--only", "echo", "--repeat", "5"];
    let output = check(flaky(), &[&five[..], &["--json"]].concat());
    let line: Value = serde_json::from_str(&stdout(&output)).expect("a line of JSON");
    // after the first request a try sends five bodies, and then eight at once
    assert_eq!((&line["tries"], &line["broken"]), (&5.into(), &3.into()), "{line}");
    let printed = stdout(&check(flaky(), &five));
    assert!(printed.contains("; broken in 3 of 5 tries\n"), "{printed}");
    let printed = stdout(&check(echo(), &["--only", "echo", "--repeat", "3"]));
    assert!(printed.contains("; 3 of 3 tries\n"), "{printed}");
    assert_eq!(run(&["check", "2", "--repeat", "0"]).status.code(), Some(2));
}
