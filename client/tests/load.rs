//! `client load` against servers of these tests: its figures and its notes.

mod outside;

use event::Event;
use http1::blocking::Connection;
use http1::{Bytes, HeaderName, Response, StatusCode, header};
use outside::{client, full_backlog, http_server, read_request, run, server, stdout};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// The count in an outcome's row of the report.
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
fn load_counts_each_outcome_in_a_row() {
    let (addr, _) = http_server(|number, _| match number % 4 {
        0 => Response::new(StatusCode::ACCEPTED),
        1 => Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full")
            .with_header(header::RETRY_AFTER, 7u64),
        2 => Response::problem(StatusCode::NOT_FOUND, "nothing there"),
        _ => Response::problem(StatusCode::INTERNAL_SERVER_ERROR, "broken"),
    });
    let report = stdout(&run(&["load", "-n", "40", "-c", "1", &addr.to_string()]));
    assert_eq!(
        ["served", "shed", "rejected", "timed out", "failed"].map(|name| row(&report, name)),
        [10, 10, 20, 0, 0]
    );
    for line in [
        "%  202 Accepted",
        "%  503 Service Unavailable, Retry-After 7 s",
        "10 × 404 Not Found",
        "10 × 500 Internal",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
}

#[test]
fn load_says_why_there_is_no_response() {
    let addr = server(|number, mut stream| {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let _ = match number % 4 {
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
        "closed the connection in the middle of its response",
        "closed the connection without a response",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
}

#[test]
fn load_sends_what_its_options_say() {
    let (addr, _) = http_server(|_, request| {
        let asked = (
            request.method().as_str(),
            request.path(),
            request.header(header::CONTENT_TYPE),
            request.header(header::ACCEPT),
        );
        let told = ("PUT", "/there", Some("text/x-test"), Some("text/plain")) == asked
            && request.body() == "hello";
        Response::new(if told { StatusCode::OK } else { StatusCode::BAD_REQUEST })
    });
    let url = format!("http://{addr}/there?x=1");
    let flags = [
        "load",
        "-n",
        "3",
        "-m",
        "PUT",
        "-d",
        "hello",
        "-T",
        "text/x-test",
        "-H",
        "Accept: text/plain",
        &url,
    ];
    assert_eq!(row(&stdout(&run(&flags)), "served"), 3);
    // HEAD: an answer that announces a body and has none
    let (addr, _) = http_server(|_, _| Response::text("hello".into()));
    assert_eq!(
        row(
            &stdout(&run(&["load", "-n", "3", "-c", "1", "-m", "HEAD", &addr.to_string()])),
            "served"
        ),
        3
    );
}

#[test]
fn load_sends_events_that_are_events() {
    let (addr, _) = http_server(|_, request| {
        let is_one =
            request.path() == "/events" && serde_json::from_slice::<Event>(request.body()).is_ok();
        Response::new(if is_one { StatusCode::OK } else { StatusCode::BAD_REQUEST })
    });
    assert_eq!(
        row(&stdout(&run(&["load", "-n", "250", "--event", &addr.to_string()])), "served"),
        250
    );
}

#[test]
fn load_at_a_rate_sends_what_is_due_and_no_more() {
    let (addr, count) = http_server(|_, _| Response::new(StatusCode::OK));
    let report = stdout(&run(&["load", "-z", "1s", "-q", "40", "-c", "3", &addr.to_string()]));
    // on a machine that pauses, some are due and not sent, which the report says
    let not_sent = if report.contains("not sent") { row(&report, "not sent") } else { 0 };
    assert_eq!(
        (row(&report, "served") + not_sent, count.load(Ordering::SeqCst) + not_sent),
        (40, 40),
        "{report}"
    );
}

#[test]
fn load_reports_what_it_has_when_it_is_stopped() {
    let (began, begun) = std::sync::mpsc::channel();
    let (addr, _) = http_server(move |_, _| {
        let _ = began.send(());
        Response::new(StatusCode::OK)
    });
    let load = client(&["load", "-z", "1h", "-c", "2", &addr.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    begun.recv().unwrap();
    Command::new("sh").args(["-c", "kill -s INT \"$0\"", &load.id().to_string()]).status().unwrap();
    let output = load.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    row(&stdout(&output), "served");
}

#[test]
fn load_counts_requests_without_a_response_when_it_is_stopped() {
    let (asked, asking) = std::sync::mpsc::channel();
    let addr = server(move |_, mut stream| {
        while let Ok(1..) = stream.read(&mut [0; 1024]) {
            let _ = asked.send(()); // and no answer
        }
    });
    let load = client(&["load", "-n", "3", "-c", "3", &addr.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..3 {
        asking.recv().unwrap();
    }
    Command::new("sh").args(["-c", "kill -s INT \"$0\"", &load.id().to_string()]).status().unwrap();
    let report = stdout(&load.wait_with_output().unwrap());
    assert!(report.contains("3 requests to"), "{report}");
    assert_eq!((row(&report, "aborted"), row(&report, "served")), (3, 0), "{report}");
}

#[test]
fn load_stopped_before_verification_reports_what_it_has() {
    let (asked, asking) = std::sync::mpsc::channel();
    let events = AtomicUsize::new(0);
    let (addr, _) = http_server(move |_, request| match request.path() {
        "/stats" => {
            // it never does what it accepts
            let accepted = events.load(Ordering::SeqCst);
            let _ = asked.send(accepted);
            Response::json(
                StatusCode::OK,
                &serde_json::json!({ "accepted": accepted, "processed": 0, "failed": 0 }),
            )
        }
        "/balances" => Response::json(StatusCode::OK, &serde_json::json!({})),
        _ => {
            events.fetch_add(1, Ordering::SeqCst);
            Response::new(StatusCode::ACCEPTED)
        }
    });
    let mut load = client(&["load", "-n", "3", "--event", "--verify", &addr.to_string()]);
    let load = load.stdout(Stdio::piped()).spawn().unwrap();
    while asking.recv().unwrap() < 3 {}
    Command::new("sh").args(["-c", "kill -s INT \"$0\"", &load.id().to_string()]).status().unwrap();
    let output = load.wait_with_output().unwrap();
    let report = stdout(&output);
    assert_eq!((output.status.code(), row(&report, "served")), (Some(1), 3), "{report}");
    assert!(report.contains("not verified: you did not wait"), "{report}");
}

#[test]
fn a_shed_request_that_waits_at_the_end_is_not_reported_as_unanswered() {
    let (sent, sending) = std::sync::mpsc::channel();
    let (addr, _) = http_server(move |number, _| {
        let _ = sent.send(number);
        match number {
            0 => Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full")
                .with_header(header::RETRY_AFTER, 3600u64),
            _ => Response::new(StatusCode::OK),
        }
    });
    let mut load = client(&["load", "-n", "1M", "-c", "2", "--retry", "--json", &addr.to_string()]);
    let load = load.stdout(Stdio::piped()).spawn().unwrap();
    while sending.recv().unwrap() < 1000 {} // the other connection sends these, and the refusal has come long since
    Command::new("sh").args(["-c", "kill -s INT \"$0\"", &load.id().to_string()]).status().unwrap();
    let report: Value = serde_json::from_slice(&load.wait_with_output().unwrap().stdout).unwrap();
    let kinds = report["cut_short"]["kinds"].as_array().unwrap();
    assert!(kinds.contains(&serde_json::json!({ "count": 1, "refused": true })), "{report:#}");
}

#[test]
fn load_counts_what_was_due_and_not_sent_when_it_was_stopped() {
    let (asked, asking) = std::sync::mpsc::channel();
    let addr = server(move |_, mut stream| {
        while let Ok(1..) = stream.read(&mut [0; 1024]) {
            let _ = asked.send(()); // and no answer
        }
    });
    let mut load =
        client(&["load", "-n", "10k", "-q", "1k", "-c", "1", "--json", &addr.to_string()]);
    let load = load.stdout(Stdio::piped()).spawn().unwrap();
    asking.recv().unwrap();
    sleep(Duration::from_millis(100)); // some more become due
    Command::new("sh").args(["-c", "kill -s INT \"$0\"", &load.id().to_string()]).status().unwrap();
    let report: Value = serde_json::from_slice(&load.wait_with_output().unwrap().stdout).unwrap();
    let [cut_short, not_sent] = ["/cut_short/count", "/not_sent"].map(|path| number(&report, path));
    assert!(cut_short == 1.0 && (10.0..9_999.0).contains(&not_sent), "{report:#}");
}

/// The report of a load, as data.
fn json(args: &[&str]) -> Value {
    let output = run(&[&["load", "--json"], args].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn number(report: &Value, path: &str) -> f64 {
    report
        .pointer(path)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no number at {path}: {report:#}"))
}

#[test]
fn its_numbers_agree_with_the_servers_own_to_the_last_request() {
    let answer = |number: usize| match number % 5 {
        0 => Response::new(StatusCode::ACCEPTED),
        1 => Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full"),
        2 => Response::problem(StatusCode::NOT_FOUND, "nothing there"),
        3 => Response::new(StatusCode::OK)
            .with_header(header::CONNECTION, header::HeaderValue::from_static("close")),
        _ => Response::text("hello".into()),
    };
    for args in
        [&["-n", "2k", "-c", "16"][..], &["-z", "300ms", "-c", "3"], &["-z", "500ms", "-q", "400"]]
    {
        let kinds = Arc::new(Mutex::new(BTreeMap::<u16, f64>::new()));
        let counts = kinds.clone();
        let (addr, _) = http_server(move |number, _| {
            let response = answer(number);
            *counts.lock().unwrap().entry(response.status().as_u16()).or_default() += 1.0;
            response
        });
        let report = json(&[args, &[&addr.to_string()]].concat());
        let kinds = kinds.lock().unwrap();
        let seen = ["/served/count", "/refused/count", "/rejected/count"]
            .map(|path| number(&report, path));
        assert_eq!(seen, [kinds[&202] + kinds[&200], kinds[&503], kinds[&404]], "{args:?}");
        assert_eq!(number(&report, "/requests"), kinds.values().sum::<f64>(), "{args:?}");
    }
}

/// A server that stalls for a second in the middle of three.
fn stalling() -> String {
    let began = Instant::now();
    let (addr, _) = http_server(move |_, _| {
        let into_it = began.elapsed().saturating_sub(Duration::from_secs(1));
        if into_it < Duration::from_secs(1) && began.elapsed() > Duration::from_secs(1) {
            sleep(Duration::from_secs(1) - into_it); // this is what the server does to its clients
        }
        Response::new(StatusCode::OK)
    });
    addr.to_string()
}

#[test]
fn an_open_loop_shows_the_stall_that_the_uncorrected_figures_hide() {
    let report = json(&["-z", "3s", "-q", "100", "-c", "1", &stalling()]);
    let (due, sent) =
        (number(&report, "/served/latency_s/p90"), number(&report, "/served/as_sent_s/p90"));
    // a hundred of three hundred were due while it stalled, and one of them was sent
    assert!(due > 0.5 && sent < 0.5 * due, "from when it was due {due} s, from sending {sent} s");
}

#[test]
fn a_closed_loop_says_that_it_hides_a_stall() {
    let report = json(&["-z", "3s", "-c", "1", &stalling()]);
    assert!(
        number(&report, "/served/latency_s/p99") < 0.5
            && number(&report, "/served/latency_s/max") > 0.5
    );
    assert!(report["diagnoses"].to_string().contains("a closed loop hides waiting"), "{report:#}");
    assert_eq!(report.pointer("/served/as_sent_s"), Some(&Value::Null));
}

#[test]
fn never_more_connections_than_asked_and_no_new_one_where_one_is_kept() {
    let opened = Arc::new(AtomicUsize::new(0));
    for (args, connections) in [
        (&["-n", "300", "-c", "7"][..], 7),
        (&["-n", "3", "-c", "50"], 3),
        (&["-n", "60", "-c", "5", "--disable-keepalive"], 60),
    ] {
        let (counter, open) = (opened.clone(), Arc::new(AtomicUsize::new(0)));
        opened.store(0, Ordering::SeqCst);
        let most = Arc::new(AtomicUsize::new(0));
        let highest = most.clone();
        let addr = server(move |_, stream| {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut connection = Connection::new(stream);
            while let Ok(Some(_)) = read_request(&mut connection) {
                highest.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let answered = connection.write_response(Response::new(StatusCode::OK));
                open.fetch_sub(1, Ordering::SeqCst);
                if answered.is_err() {
                    break;
                }
            }
        });
        let report = json(&[args, &[&addr.to_string()]].concat());
        assert_eq!(number(&report, "/served/count"), number(&report, "/requests"));
        assert_eq!(number(&report, "/connects/count") as usize, connections, "{args:?}");
        assert_eq!(opened.load(Ordering::SeqCst), connections, "{args:?}");
        assert!(most.load(Ordering::SeqCst) <= connections);
    }
}

#[test]
fn requests_of_a_burst_are_due_together() {
    let lock = Mutex::new(());
    let (addr, _) = http_server(move |_, _| {
        let _one_at_a_time = lock.lock().unwrap();
        sleep(Duration::from_millis(30)); // the work
        Response::new(StatusCode::OK)
    });
    let report = json(&["-n", "10", "-c", "2", "--burst", &addr.to_string()]);
    assert_eq!(report["shape"], "burst");
    // ten times the work for the last one, two times from when a connection was free for it
    assert!(number(&report, "/served/latency_s/max") >= 0.3);
    assert!(number(&report, "/served/as_sent_s/p50") < number(&report, "/served/latency_s/max"));
}

#[test]
fn a_burst_that_is_stopped_before_it_began_says_how_many_connections_stood() {
    // its backlog has no room for five hundred
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let load = client(&["load", "-n", "500", "-c", "500", "--burst", &addr])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let _looks_and_connects = [listener.accept().unwrap(), listener.accept().unwrap()];
    Command::new("sh").args(["-c", "kill -s INT \"$0\"", &load.id().to_string()]).status().unwrap();
    let report = stdout(&load.wait_with_output().unwrap());
    assert!(
        report.starts_with(&format!("\n0 requests to http://{addr}/, over 500 connections")),
        "{report}"
    );
    let words = report.split_whitespace().collect::<Vec<_>>().join(" ");
    let stood = words
        .split("or after -t, and ")
        .nth(1)
        .and_then(|words| words.split(' ').next()?.parse::<usize>().ok());
    assert!(
        words.contains("nothing was sent") && stood.is_some_and(|stood| stood < 500),
        "{report}"
    );
}

#[test]
fn a_shed_request_is_sent_again_but_never_before_its_retry_after() {
    for jitter in [true, false] {
        let times = Arc::new(Mutex::new(Vec::new()));
        let seen = times.clone();
        let (addr, count) = http_server(move |number, _| {
            seen.lock().unwrap().push(Instant::now());
            match number {
                0..5 => Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full")
                    .with_header(header::RETRY_AFTER, 1u64),
                _ => Response::new(StatusCode::OK),
            }
        });
        let addr = addr.to_string();
        let args = ["-n", "5", "-c", "5", "--retry", "--seed", "7", &addr, "--no-jitter"];
        let report = json(if jitter { &args[..8] } else { &args });
        let figures = ["/served/count", "/refused/count", "/requests", "/sent_again"]
            .map(|path| number(&report, path));
        assert_eq!((figures, count.load(Ordering::SeqCst)), ([5.0, 0.0, 5.0, 5.0], 10));
        let times = times.lock().unwrap();
        assert!(times[5] - times[0] >= Duration::from_secs(1), "before it was told");
        assert!(number(&report, "/served/latency_s/min") >= 1.0, "its latency counts on");
    }
}

#[test]
fn a_retry_that_is_due_after_the_end_stays_shed() {
    let (addr, _) = http_server(|_, _| {
        Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full")
            .with_header(header::RETRY_AFTER, 3600u64)
    });
    let report = json(&["-z", "300ms", "-c", "2", "--retry", &addr.to_string()]);
    assert_eq!(number(&report, "/requests"), number(&report, "/refused/count"));
    assert_eq!(number(&report, "/sent_again"), 0.0);
}

/// A server with balances that drops every n-th acknowledged event and responds too late to every m-th.
fn bank(forgets: usize, silent: usize) -> String {
    let balances = Mutex::new(BTreeMap::<String, i64>::new());
    let (addr, _) = http_server(move |number, request| match request.path() {
        "/events" => {
            let event: Event = serde_json::from_slice(request.body()).expect("an event");
            if number % forgets != forgets - 1 {
                *balances.lock().expect("whole").entry(event.user.to_string()).or_default() +=
                    event.amount;
            }
            if number % silent == silent - 1 {
                sleep(Duration::from_secs(2));
            }
            Response::new(StatusCode::OK)
        }
        "/balances" => Response::json(StatusCode::OK, &*balances.lock().expect("whole")),
        _ => Response::new(StatusCode::NOT_FOUND),
    });
    addr.to_string()
}

#[test]
fn verify_compares_acknowledged_with_applied_events() {
    let verify = |addr: &str| {
        run(&["load", "-n", "300", "-c", "8", "-t", "1s", "--event", "--verify", addr])
    };
    let normal = verify(&bank(usize::MAX, usize::MAX));
    assert_eq!(normal.status.code(), Some(0), "{}", stdout(&normal));
    assert!(
        stdout(&normal).contains("acknowledged 300 events")
            && stdout(&normal).contains("they agree")
    );
    let forgetful = verify(&bank(100, usize::MAX));
    assert_eq!(forgetful.status.code(), Some(1), "{}", stdout(&forgetful));
    assert!(stdout(&forgetful).contains("they do not agree"));
    // an event without a response may have been applied or not
    let slow = verify(&bank(usize::MAX, 100));
    assert_eq!(slow.status.code(), Some(0), "{}", stdout(&slow));
    assert!(
        stdout(&slow).contains("had no response") && stdout(&slow).contains("they agree"),
        "{}",
        stdout(&slow)
    );
}

#[test]
fn each_event_has_a_key_of_its_own_and_a_retry_repeats_it() {
    let keys = Arc::new(Mutex::new(BTreeMap::<String, Vec<Bytes>>::new()));
    let seen = keys.clone();
    let (addr, _) = http_server(move |_, request| {
        let key = request.header(HeaderName::from_static("idempotency-key")).unwrap_or("none");
        let mut seen = seen.lock().expect("whole");
        let events = seen.entry(key.to_owned()).or_default();
        events.push(request.body().clone());
        // the first of each is rejected
        Response::new(match events.len() {
            1 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::ACCEPTED,
        })
    });
    let addr = addr.to_string();
    let load = |more: &[&str]| run(&[&["load", "-n", "30", "--event", &addr], more].concat());
    for runs in 1..=2 {
        let output = load(&["--keys", "--retry", "--seed", "5"]);
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        let seen = keys.lock().expect("whole");
        assert_eq!(seen.len(), 30 * runs, "also with the same seed: {seen:?}");
        assert!(seen.values().all(|events| events.len() == 2 && events[0] == events[1]));
    }
    load(&[]);
    assert_eq!(keys.lock().expect("whole").get("none").map(Vec::len), Some(30));
}

#[test]
fn verify_names_what_the_server_lacks() {
    let (addr, _) = http_server(|_, _| Response::new(StatusCode::NOT_FOUND));
    let output = run(&["load", "--event", "--verify", &addr.to_string()]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains("GET /balances is answered with 404"), "{error}");
}

#[test]
fn verify_believes_no_books_that_cannot_be() {
    // they add up to more than a number of JSON holds, and it has undone what it had done
    for amount in [i64::MAX, i64::MIN] {
        let (addr, _) = http_server(move |number, request| match (request.path(), number) {
            ("/stats", 0) => Response::json(
                StatusCode::OK,
                &serde_json::json!({ "accepted": u64::MAX, "processed": u64::MAX, "failed": u64::MAX }),
            ),
            ("/stats", _) => Response::json(
                StatusCode::OK,
                &serde_json::json!({ "accepted": 0, "processed": 0, "failed": 0 }),
            ),
            ("/balances", 0..3) => Response::json(StatusCode::OK, &serde_json::json!({})),
            ("/balances", _) => {
                let users = (1..=50).map(|user| (format!("user{user}"), amount));
                Response::json(StatusCode::OK, &users.collect::<BTreeMap<_, _>>())
            }
            _ => Response::new(StatusCode::OK),
        });
        let report = json(&["-n", "3", "-c", "1", "--event", "--verify", &addr.to_string()]);
        assert_eq!(report.pointer("/verified/holds"), Some(&Value::Bool(false)), "{report:#}");
        let [applied, sum] = ["applied", "applied_sum"]
            .map(|name| number(&report["verified"]["figures"], &format!("/{name}")));
        assert!(applied < 0.0 && sum == amount as f64, "{report:#}");
    }
}

#[test]
fn events_are_the_same_again_with_the_same_seed() {
    let bodies = |seed| {
        let (all, seen) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(())));
        let (sink, _order) = (all.clone(), seen.lock().unwrap());
        let (addr, _) = http_server(move |_, request| {
            sink.lock().unwrap().push(request.body().clone());
            Response::new(StatusCode::OK)
        });
        let report = json(&["-n", "50", "-c", "1", "--event", "--seed", seed, &addr.to_string()]);
        assert_eq!(report["seed"].to_string(), seed);
        all.lock().unwrap().clone()
    };
    assert_eq!(bodies("1"), bodies("1"));
    assert_ne!(bodies("1"), bodies("2"));
}

#[test]
fn an_expectation_that_is_not_met_is_a_line_and_exit_code_1() {
    let (addr, _) = http_server(|number, _| match number % 4 {
        0 => Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full"),
        _ => Response::new(StatusCode::OK),
    });
    let addr = addr.to_string();
    for (expectation, met, seen) in [
        ("refused>0", true, "seen: 10"),
        ("refused=10", true, "seen: 10"),
        ("served>=75%", true, "seen: 75.0 %"),
        ("served.p99<60s", true, "seen: "),
        ("goodput>1/s", true, "/s"),
        ("requests=40", true, "seen: 40"),
        ("failed=0", true, "seen: 0"),
        ("elapsed<=10m", true, "seen: "),
        ("refused=0", false, "seen: 10"),
        ("served.p50<1us", false, "seen: "),
        ("failed.max<10s", false, "there was none to measure"),
        ("goodput>100M/s", false, "/s"),
    ] {
        let output = run(&[
            "load",
            "-n",
            "40",
            "-c",
            "1",
            "--expect",
            "requests>1",
            "--expect",
            expectation,
            &addr,
        ]);
        let report = stdout(&output);
        let line = report
            .lines()
            .find(|line| line.contains(&format!("met: {expectation}, ")))
            .unwrap_or_default();
        assert_eq!(
            (output.status.code(), line.contains("not met")),
            (Some(i32::from(!met)), !met),
            "{report}"
        );
        assert!(line.contains(seen), "{line}");
    }
}

#[test]
fn notes_say_what_the_figures_alone_do_not() {
    // it closes each connection after its response, without announcing it
    let closing = server(|_, stream| {
        let mut connection = Connection::new(stream);
        if let Ok(Some(_)) = read_request(&mut connection) {
            let _ = connection.write_response(Response::new(StatusCode::OK));
        }
    });
    // it sends a hundred responses to one request
    let talking = server(|_, stream| {
        let mut writer = stream.try_clone().unwrap();
        let mut connection = Connection::new(stream);
        while let Ok(Some(_)) = read_request(&mut connection) {
            if writer
                .write_all("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".repeat(100).as_bytes())
                .is_err()
            {
                break;
            }
        }
    });
    // it serves one connection until it ends, then the next
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let single = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut connection = Connection::new(stream);
            while let Ok(Some(_)) = read_request(&mut connection) {
                if connection.write_response(Response::new(StatusCode::OK)).is_err() {
                    break;
                }
            }
        }
    });
    for (addr, says) in [
        (closing, "the server closes connections"),
        (talking, "the server sent bytes that were not asked for"),
        (single, "3 of 4 connections got no response while there was more to send"),
    ] {
        let report = json(&["-z", "500ms", "-c", "4", "-t", "1s", &addr.to_string()]);
        assert!(report["diagnoses"].to_string().contains(says), "{says}: {report:#}");
        assert!(number(&report, "/served/count") > 0.0);
    }
}

#[test]
fn a_full_backlog_is_seen_by_the_connects_that_take_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap(); // std's backlog: 128
    let addr = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        sleep(Duration::from_millis(1500)); // longer than a SYN waits for its answer
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(|| {
                let mut connection = Connection::new(stream);
                while let Ok(Some(_)) = read_request(&mut connection) {
                    if connection.write_response(Response::new(StatusCode::OK)).is_err() {
                        break;
                    }
                }
            });
        }
    });
    let report = json(&["-n", "200", "-c", "200", "-t", "30s", &addr]);
    assert_eq!(number(&report, "/served/count"), 200.0, "{report:#}");
    assert!(number(&report, "/connects/slow") >= 1.0);
    assert!(
        report["diagnoses"].to_string().contains("the kernel's backlog was full"),
        "{report:#}"
    );
}

#[test]
fn a_server_that_never_accepts_is_exit_code_3() {
    let (addr, _backlog) = full_backlog();
    let output = run(&["load", "-n", "2", "-c", "2", "-t", "500ms", &addr.to_string()]);
    let report = stdout(&output);
    assert_eq!((output.status.code(), row(&report, "timed out")), (Some(3), 2), "{report}");
    assert!(report.contains("no connection could be opened"), "{report}");
}

#[test]
fn nonsense_and_bodies_without_an_end_are_rows_and_the_run_ends() {
    let endless = server(|_, mut stream| {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
        while stream.write_all(&chunk).is_ok() {}
    });
    let interim = server(|_, mut stream| {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {}
    });
    for addr in [endless, interim] {
        let report = json(&["-n", "2", "-c", "1", "-t", "500ms", &addr.to_string()]);
        assert_eq!(
            (number(&report, "/timed_out/count"), number(&report, "/requests")),
            (2.0, 2.0),
            "{report:#}"
        );
        let said = report["diagnoses"].to_string();
        assert!(
            !said.contains("closes connections") && !said.contains("asked for"),
            "it was the client: {said}"
        );
    }
}

#[test]
fn a_server_that_vanishes_in_the_middle_is_a_row_with_what_to_look_at() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut connection = Connection::new(listener.accept().unwrap().0);
        for _ in 0..10 {
            let _ = read_request(&mut connection);
            let _ = connection.write_response(Response::new(StatusCode::OK));
        }
        // the listener goes with the thread, and the connection
    });
    let output = run(&["load", "-n", "1k", "-c", "1", &addr]);
    let report = stdout(&output);
    assert_eq!(
        (output.status.code(), row(&report, "served"), row(&report, "failed")),
        (Some(0), 10, 990),
        "{report}"
    );
    assert!(
        report.contains("no server listens there")
            && report.contains("is the server still running"),
        "{report}"
    );
}

#[test]
fn a_report_is_json_of_a_known_version_with_every_field_that_is_documented() {
    let (addr, _) = http_server(|_, _| Response::new(StatusCode::OK));
    let report = json(&["-n", "20", "-q", "1k", &addr.to_string()]);
    assert_eq!(number(&report, "/version"), 1.0);
    let documented = include_str!("../README.md");
    for (name, value) in report.as_object().expect("an object") {
        let (field, list) = (format!("`{name}`"), format!("`{name}[]`"));
        assert!(
            documented.contains(&field) || documented.contains(&list),
            "{name} is not documented"
        );
        if let Some(inner) = value.as_object() {
            let missing = inner.keys().find(|key| !documented.contains(key.as_str()));
            assert_eq!(missing, None, "in {name}");
        }
    }
}

/// The peak resident memory, in KiB.
#[cfg(target_os = "linux")]
fn most_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[cfg(target_os = "linux")]
#[test]
fn its_memory_does_not_grow_with_the_number_of_requests() {
    let (addr, count) = http_server(|_, _| Response::text("x".repeat(100_000).into()));
    let most = |requests: &str| {
        count.store(0, Ordering::SeqCst);
        let mut load = client(&["load", "-n", requests, "-c", "8", &addr.to_string()]);
        let mut load = load.stdout(Stdio::null()).spawn().unwrap();
        let mut most = 0;
        while load.try_wait().unwrap().is_none() {
            most = most_memory(load.id()).unwrap_or(most);
            sleep(Duration::from_millis(5));
        }
        most
    };
    let (few, many) = (most("200"), most("4k"));
    assert!(
        many < 16 * 1024 && many < few + 4096,
        "{few} KiB after 200 requests, {many} KiB after 4,000"
    );
}
