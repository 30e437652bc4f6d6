//! The client's commands against servers that were not made for it, and against nonsense.

use event::Event;
use http1::blocking::Connection;
use http1::{Request, Response, StatusCode, header};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn client(args: &[&str]) -> Command {
    let mut client = Command::new(env!("CARGO_BIN_EXE_client"));
    client.args(args).stdin(Stdio::null());
    client
}

fn run(args: &[&str]) -> Output {
    client(args).output().expect("the client runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A server with a thread for each connection; `serve` gets each, and its number.
fn server(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (serve, stream) = (serve.clone(), stream.expect("a connection"));
            thread::spawn(move || serve(number, stream));
        }
    });
    addr
}

/// A server that answers each request by `respond`, which gets its number too.
fn http_server(respond: impl Fn(usize, Request) -> Response + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let addr = server(move |_, stream| {
        let mut connection = Connection::new(stream);
        while let Ok(Some(request)) = connection.read_request() {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            if connection.write_response(respond(number, request)).is_err() {
                break;
            }
        }
    });
    (addr, count)
}

/// The count in the report's row of an outcome.
fn row(report: &str, outcome: &str) -> usize {
    let line = report.lines().find(|line| line.trim_start().starts_with(outcome));
    let line = line.unwrap_or_else(|| panic!("no row {outcome}: {report}"));
    let count = line.trim_start()[outcome.len()..].split_whitespace().next();
    count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no count: {line}"))
}

#[test]
fn load_counts_what_the_server_counts() {
    let (addr, count) = http_server(|_, _| Response::new(StatusCode::OK));
    let output = run(&["load", "-n", "500", "-c", "7", &addr.to_string()]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((row(&stdout(&output), "served"), count.load(Ordering::SeqCst)), (500, 500));
}

#[test]
fn load_splits_what_came_by_outcome() {
    let (addr, _) = http_server(|number, _| match number % 4 {
        0 => Response::new(StatusCode::ACCEPTED),
        1 => Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full").with(header::RETRY_AFTER, 7u64),
        2 => Response::problem(StatusCode::NOT_FOUND, "nothing there"),
        _ => Response::problem(StatusCode::INTERNAL_SERVER_ERROR, "broken"),
    });
    let report = stdout(&run(&["load", "-n", "40", "-c", "1", &addr.to_string()]));
    assert_eq!(
        ["served", "refused", "rejected", "timed out", "failed"].map(|name| row(&report, name)),
        [10, 10, 20, 0, 0]
    );
    for line in
        ["%  202 Accepted", "%  503 Service Unavailable, Retry-After 7 s", "10 × 404 Not Found", "10 × 500 Internal"]
    {
        assert!(report.contains(line), "{line}: {report}");
    }
}

#[test]
fn load_says_why_there_is_no_answer() {
    let addr = server(|number, mut stream| {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let _ = match number % 4 {
            // the first connection is the client's look whether anyone is there
            0 => return,
            1 => stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"),
            2 => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
            _ => loop {
                match stream.read(&mut request) {
                    Ok(1..) => {}
                    _ => return, // says nothing until the client has gone
                }
            },
        };
    });
    let report = stdout(&run(&["load", "-n", "4", "-c", "1", "-t", "500ms", &addr.to_string()]));
    assert_eq!((row(&report, "timed out"), row(&report, "failed")), (1, 3), "{report}");
    for line in [
        "1 × what came back is not an HTTP response",
        "closed the connection within its answer",
        "instead of answering",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
}

#[test]
fn load_sends_what_it_is_told() {
    let (addr, _) = http_server(|_, request| {
        let asked = (
            request.method.as_str(),
            request.path(),
            request.header(header::CONTENT_TYPE),
            request.header(header::ACCEPT),
        );
        let told = ("PUT", "/there", Some("text/x-test"), Some("text/plain")) == asked && request.body == "hello";
        Response::new(if told { StatusCode::OK } else { StatusCode::BAD_REQUEST })
    });
    let url = format!("http://{addr}/there?x=1");
    let flags = ["load", "-n", "3", "-m", "PUT", "-d", "hello", "-T", "text/x-test", "-H", "Accept: text/plain", &url];
    assert_eq!(row(&stdout(&run(&flags)), "served"), 3);
    // HEAD: an answer that announces a body and has none
    let (addr, _) = http_server(|_, _| Response::text("hello".into()));
    assert_eq!(row(&stdout(&run(&["load", "-n", "3", "-c", "1", "-m", "HEAD", &addr.to_string()])), "served"), 3);
}

#[test]
fn load_sends_events_that_are_events() {
    let (addr, _) = http_server(|_, request| {
        let is_one = request.path() == "/events" && serde_json::from_slice::<Event>(&request.body).is_ok();
        Response::new(if is_one { StatusCode::OK } else { StatusCode::BAD_REQUEST })
    });
    assert_eq!(row(&stdout(&run(&["load", "-n", "250", "--event", &addr.to_string()])), "served"), 250);
}

#[test]
fn load_at_a_rate_sends_what_is_due_and_no_more() {
    let (addr, count) = http_server(|_, _| Response::new(StatusCode::OK));
    let report = stdout(&run(&["load", "-z", "1s", "-q", "40", "-c", "3", &addr.to_string()]));
    // on a machine that pauses some are due and not sent: then that is said
    let not_sent = if report.contains("not sent") { row(&report, "not sent") } else { 0 };
    assert_eq!((row(&report, "served") + not_sent, count.load(Ordering::SeqCst) + not_sent), (40, 40), "{report}");
}

#[test]
fn load_reports_what_it_has_when_it_is_stopped() {
    let (began, begun) = std::sync::mpsc::channel();
    let (addr, _) = http_server(move |_, _| {
        let _ = began.send(());
        Response::new(StatusCode::OK)
    });
    let load = client(&["load", "-z", "1h", "-c", "2", &addr.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
    begun.recv().unwrap();
    Command::new("sh").args(["-c", "kill -s INT \"$0\"", &load.id().to_string()]).status().unwrap();
    let output = load.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    row(&stdout(&output), "served");
}

#[test]
fn load_counts_what_was_without_an_answer_when_it_was_stopped() {
    let (asked, asking) = std::sync::mpsc::channel();
    let addr = server(move |_, mut stream| {
        while let Ok(1..) = stream.read(&mut [0; 1024]) {
            let _ = asked.send(()); // and no answer
        }
    });
    let load = client(&["load", "-n", "3", "-c", "3", &addr.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
    for _ in 0..3 {
        asking.recv().unwrap();
    }
    Command::new("sh").args(["-c", "kill -s INT \"$0\"", &load.id().to_string()]).status().unwrap();
    let report = stdout(&load.wait_with_output().unwrap());
    assert!(report.contains("3 requests to"), "{report}");
    assert_eq!((row(&report, "cut short"), row(&report, "served")), (3, 0), "{report}");
}

#[test]
fn hold_says_what_became_of_each_connection() {
    let addr = server(|number, mut stream| match number % 3 {
        0 => drop(stream),
        1 => drop(stream.write_all(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")),
        _ => drop(stream.read(&mut [0; 64])), // until the client leaves
    });
    // the client's look whether anyone is there is number 0
    let report = stdout(&run(&["hold", "-n", "6", "-z", "2s", &addr.to_string()]));
    for line in ["2  answered: 408 Request Timeout", "2  closed without a word", "2  still open"] {
        assert!(report.contains(line), "{line}: {report}");
    }
}

#[test]
fn hold_misbehaves_as_it_is_told() {
    for (manner, least) in [("silent", 0), ("half-head", 20), ("half-body", 100), ("drip", 2)] {
        let (heard, hearing) = std::sync::mpsc::channel();
        let addr = server(move |_, mut stream| {
            let mut all = Vec::new();
            let _ = stream.read_to_end(&mut all);
            let _ = heard.send(all);
        });
        run(&["hold", "--as", manner, "-n", "1", "-z", "1500ms", &addr.to_string()]);
        let _look = hearing.recv().unwrap();
        let all = hearing.recv().unwrap();
        assert!(all.len() >= least && (manner != "silent" || all.is_empty()), "{manner}: {all:?}");
        let mut decoder = http1::Decoder::<Request>::new();
        decoder.push(&all);
        assert!(matches!(decoder.decode(), Ok(http1::Decoded::NeedMore)), "{manner} is well-formed and not whole");
    }
}

#[test]
fn a_bad_command_line_is_exit_code_2_and_names_what_is_wrong() {
    for (args, named) in [
        (&["load", "-n", "0"][..], "-n"),
        (&["load", "-n", "-5"], "-n"),
        (&["load", "-c", "0"], "-c"),
        (&["load", "-c", "many"], "-c"),
        (&["load", "-z", "5"], "-z"),
        (&["load", "-n", "5", "-z", "5s"], "-z"),
        (&["load", "-q", "0"], "-q"),
        (&["load", "-q", "NaN"], "-q"),
        (&["load", "-t", "0s"], "-t"),
        (&["load", "-m", "GE T"], "-m"),
        (&["load", "-H", "no colon"], "-H"),
        (&["load", "--event", "-d", "x"], "--event"),
        (&["load", "https://localhost"], "http://"),
        (&["load", "localhost:99999"], "URL"),
        (&["load", "http://user@localhost:80"], "URL"),
        (&["load", "localhost:0"], "URL"),
        (&["hold", "--as", "angry"], "--as"),
        (&["hold", "-n", "0"], "-n"),
        (&["compare", "--out"], "--out"),
        (&["compare", "page.html"], "page.html"),
        (&["nonsense"], "nonsense"),
        (&[], "Usage"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(named), "{args:?}: {error}");
    }
}

#[test]
fn a_server_that_is_not_there_is_one_line_and_exit_code_3() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for command in ["load", "hold"] {
        let output = client(&[command, &free]).env("RUST_BACKTRACE", "1").output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{command}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains("nobody listens there") && error.contains("cargo run"), "{error}");
    }
}

#[test]
fn compare_outside_the_workspace_says_so() {
    let output = client(&["compare"]).current_dir(std::env::temp_dir()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("inside the workspace"));
}

#[test]
fn compare_says_that_its_page_cannot_be_written_before_it_runs_anything() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "of somebody").unwrap();
    let (under, page) = (file.join("page.html"), folder.path().join("page.html"));
    let [file, under, page, folder] = [&file, &under, &page, folder.path()].map(|path| path.to_str().unwrap());
    for (args, named) in [
        (&["compare", "--out", under][..], under),
        (&["compare", "--out", file], "index.html"),
        (&["compare", "--out", page, "--json", folder], folder),
    ] {
        let output = run(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("cannot write") && error.contains(named), "{error}");
        assert!(!error.contains("building"), "{error}");
    }
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["file"], "nothing is left of a page that was not written");
}
