//! `client hold`: connections that misbehave, and their outcomes.

mod outside;

use http1::Request;
use outside::{full_backlog, run, server, stdout};
use std::io::{Read, Write};

#[test]
fn hold_reports_the_outcome_of_each_connection() {
    let addr = server(|number, mut stream| match number % 4 {
        0 => drop(stream),
        2 => drop(stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")),
        1 => drop(stream.write_all(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")),
        _ => drop(stream.read(&mut [0; 64])), // until the client leaves
    });
    let report = stdout(&run(&["hold", "-n", "8", "-z", "2s", &addr.to_string()]));
    for line in [
        "2  answered: 408 Request Timeout",
        "2  answered with something that is not HTTP",
        "2  closed without a response",
        "2  still open",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
}

#[test]
fn hold_misbehaves_as_asked() {
    for (misbehaviour, least) in [("silent", 0), ("half-head", 20), ("half-body", 100), ("drip", 2)]
    {
        let (heard, hearing) = std::sync::mpsc::channel();
        let addr = server(move |_, mut stream| {
            let mut all = Vec::new();
            let _ = stream.read_to_end(&mut all);
            let _ = heard.send(all);
        });
        run(&["hold", "--as", misbehaviour, "-n", "1", "-z", "1500ms", &addr.to_string()]);
        let all = hearing.recv().unwrap();
        assert!(
            all.len() >= least && (misbehaviour != "silent" || all.is_empty()),
            "{misbehaviour}: {all:?}"
        );
        let mut decoder = http1::Decoder::<Request>::new();
        decoder.push(&all);
        assert!(
            matches!(decoder.decode(), Ok(http1::Decoded::NeedMore)),
            "{misbehaviour} is well-formed and not whole"
        );
    }
}

#[test]
fn hold_ends_on_a_signal_although_connects_still_wait() {
    let (addr, _backlog) = full_backlog();
    // before the others follow the first one, and after that
    for duration in ["300ms", "1500ms"] {
        let output = run(&["hold", "-n", "3", "-z", duration, &addr.to_string()]);
        let report = stdout(&output);
        assert_eq!(output.status.code(), Some(3), "{report}");
        assert!(report.contains("3  not opened: the server does not accept"), "{report}");
    }
}

#[test]
fn without_descriptors_the_report_says_what_to_raise() {
    let addr = server(|_, mut stream| drop(stream.read(&mut [0; 64])));
    for command in ["load -n 60 -c 60 -t 1s", "hold -n 60 -z 1s"] {
        let limited =
            format!("ulimit -n 40 && exec {} {command} {addr}", env!("CARGO_BIN_EXE_client"));
        let report =
            stdout(&std::process::Command::new("sh").args(["-c", &limited]).output().unwrap());
        for words in
            ["no file descriptor or port is left", "raise ulimit -n, or use fewer connections"]
        {
            assert!(report.contains(words), "{command}: {report}");
        }
    }
}

#[test]
fn hold_reads_the_status_lines_that_load_reads() {
    for line in ["HTTP/1.0 408 Late\r\n", "HTTP/1.2 408 Late\r\n", "HTTP/1.1 408 Late\n"] {
        let addr = server(move |_, mut stream| {
            let _ = stream.write_all(line.as_bytes());
            let _ = stream.read(&mut [0; 64]); // until the client leaves
        });
        let report = stdout(&run(&["hold", "-n", "1", "-z", "60s", &addr.to_string()]));
        assert!(report.contains("1  answered: 408 Late,"), "{line:?}: {report}");
    }
}
