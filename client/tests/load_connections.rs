//! `client load` and `hold`: their connections, and what servers do to them.

mod outside;

use http1::blocking::Connection;
use http1::{Response, StatusCode};
use load::{Plan, Shape, Until};
use outside::{client, full_backlog, http_server, read_request, run, server, stdout};
use probe::addresses::Addresses;
use probe::hold::{HeldOutcome, Misbehaviour, OpenConnections, hold};
use probe::http_client::get;
use serde_json::Value;
use std::future::pending;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

fn json(args: &[&str]) -> Value {
    let output = run(&[&["load", "--json"], args].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The causes of failed requests, and how many there were of each.
fn causes(report: &Value) -> Vec<(u64, String)> {
    let kinds = report["failed"]["kinds"].as_array().expect("a list");
    let kind = |kind: &Value| Some((kind["count"].as_u64()?, kind["cause"].as_str()?.to_owned()));
    kinds.iter().map(|it| kind(it).expect("a count and a cause")).collect()
}

/// A server that sends these bytes in response to each request and closes.
fn sends(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> SocketAddr {
    server(move |_, mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(bytes.as_ref());
    })
}

#[test]
fn a_server_with_as_many_places_as_connections_rejects_none() {
    for (command, done) in [("load -n 4 -c 4", "served"), ("hold -n 4 -z 300ms", "still open")] {
        for _ in 0..10 {
            let opened = Arc::new(AtomicUsize::new(0));
            let counter = opened.clone();
            let addr = server(move |_, stream| {
                // a place is free again only after a while, as it is for a server that has not seen the end yet
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let mut connection = Connection::new(stream);
                while let Ok(Some(_)) = read_request(&mut connection) {
                    let status = match number {
                        0..4 => StatusCode::OK,
                        _ => StatusCode::SERVICE_UNAVAILABLE,
                    };
                    if connection.write_response(Response::new(status)).is_err() {
                        break;
                    }
                }
            });
            let args: Vec<_> = command.split(' ').collect();
            let report = stdout(&run(&[&args[..], &[&addr.to_string()]].concat()));
            assert!(report.contains(done) && !report.contains("503 Service"), "{report}");
            assert!(opened.load(Ordering::SeqCst) <= 4, "{command}: never more than asked");
        }
    }
}

#[test]
fn a_server_that_closes_without_saying_so_is_told_apart() {
    // four requests a connection, and no `Connection: close`
    let addr = server(|_, stream| {
        let mut connection = Connection::new(stream);
        for _ in 0..4 {
            let Ok(Some(_)) = read_request(&mut connection) else { return };
            if connection.write_response(Response::new(StatusCode::OK)).is_err() {
                return;
            }
        }
    });
    let report = json(&["-n", "200", "-c", "1", &addr.to_string()]);
    let causes = causes(&report);
    assert!(
        causes.iter().all(|(_, cause)| cause.starts_with("the server closed a kept connection")),
        "{causes:?}"
    );
    let failed: u64 = causes.iter().map(|(count, _)| count).sum();
    assert_eq!(report["served"]["count"].as_u64(), Some(200 - failed));
    // a connection that never had a response is something else
    let report = json(&["-n", "2", "-c", "1", &sends("").to_string()]);
    assert_eq!(
        self::causes(&report),
        [(2, "the server closed the connection without a response".into())]
    );
}

#[test]
fn what_cannot_be_read_is_named_with_the_reason() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(60_000));
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
    for (sent, why) in [
        (long, "longer than 16 KiB"),
        ("HTTP/2.0 200 OK\r\n\r\n".into(), "the status line must read HTTP/1.1 CODE PHRASE"),
        (
            head("Content-Length: 2\r\nTransfer-Encoding: chunked"),
            "Content-Length or Transfer-Encoding, not both",
        ),
        (
            head("Transfer-Encoding: gzip"),
            "chunked is the only transfer coding that this client reads; got \"gzip\"",
        ),
        (head("Content-Length: 2, 3"), "two Content-Length fields, and they differ"),
        (head("Content-Length : 0"), "no white space in or around the name"),
        (
            head("Transfer-Encoding: chunked") + "2  \r\nhi\r\n0\r\n\r\n",
            "a chunk must begin with its size",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n".into(),
            "switched to another protocol (101)",
        ),
    ] {
        let report = json(&["-n", "2", "-c", "1", "-t", "60s", &sends(sent.clone()).to_string()]);
        let causes = causes(&report);
        let [(2, cause)] = &causes[..] else { panic!("{sent:.60}: {report:#}") };
        assert!(
            cause.starts_with("what came back cannot be read: ") && cause.contains(why),
            "{cause}"
        );
    }
}

#[test]
fn what_user_agents_read_is_served() {
    for sent in [
        "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\t2\r\n\r\nhi",
    ] {
        let report = json(&["-n", "1", &sends(sent).to_string()]);
        assert_eq!(report["served"]["count"], 1, "{sent:?}: {report:#}");
    }
}

/// A file with a body of so many bytes.
fn body(length: usize) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&vec![b'x'; length]).expect("room for it");
    file
}

#[test]
fn a_server_that_responds_while_it_reads_is_read_while_it_is_sent_to() {
    const LENGTH: usize = 16 << 20;
    let addr = server(|_, mut stream| {
        let mut piece = vec![0; 65536];
        let mut head = Vec::new();
        while !head.windows(4).any(|four| four == b"\r\n\r\n") {
            let read = stream.read(&mut piece).expect("a head");
            head.extend_from_slice(&piece[..read]);
        }
        let end = head.windows(4).position(|four| four == b"\r\n\r\n").expect("it has come") + 4;
        let mut remaining = LENGTH - (head.len() - end);
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n").expect("a client");
        let _ = stream.write_all(&head[end..]);
        while remaining > 0 {
            let Ok(read @ 1..) = stream.read(&mut piece) else { return };
            if stream.write_all(&piece[..read]).is_err() {
                return;
            }
            remaining -= read;
        }
        let _ = stream.read(&mut piece); // until the client has gone
    });
    let body = body(LENGTH);
    let file = body.path().to_str().expect("a name in UTF-8");
    let report = json(&["-n", "1", "-c", "1", "-t", "60s", "-D", file, &addr.to_string()]);
    assert_eq!(report["served"]["count"], 1, "{report:#}");
}

#[test]
fn an_early_rejection_ends_the_sending() {
    let addr = server(|_, mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(
            b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
        thread::sleep(Duration::from_secs(600)); // it reads no more, and does not close; the test does not wait for this
    });
    let body = body(32 << 20);
    let file = body.path().to_str().expect("a name in UTF-8");
    let report = json(&["-n", "3", "-c", "1", "-t", "60s", "-D", file, &addr.to_string()]);
    assert_eq!(report["rejected"]["kinds"][0], serde_json::json!({ "status": 413, "count": 3 }));
}

#[test]
fn a_name_with_two_addresses_is_tried_on_both() {
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = opened.clone();
    let addr = server(move |_, stream| {
        counter.fetch_add(1, Ordering::SeqCst);
        let mut connection = Connection::new(stream);
        while let Ok(Some(_)) = read_request(&mut connection) {
            let _ = connection.write_response(Response::new(StatusCode::OK));
        }
    });
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let both = || Addresses::new(free, vec![addr]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let plan = Plan {
        addresses: both(),
        requests: [get(addr, "/")].into(),
        keys: None,
        to_head: false,
        connections: 3,
        shape: Shape::ClosedLoop,
        until: Until::Count(30),
        timeout: Duration::from_secs(60),
        keep_alive: true,
        retries: load::Retries::default(),
        watch_queue: false,
        distinct_requests: 0,
    };
    let stats = runtime.block_on(load::run(plan, pending(), |_| ())).unwrap();
    assert_eq!((stats.served.total(), stats.failed.total()), (30, 0));
    assert_eq!(opened.load(Ordering::SeqCst), 3);
    let open = OpenConnections::default();
    let count = open.clone();
    let all_open = async {
        while count.count() < 3 {
            tokio::task::yield_now().await;
        }
    };
    let held = hold(both(), 3, Misbehaviour::Silent, open, all_open);
    assert_eq!(runtime.block_on(held).unwrap(), vec![HeldOutcome::StillOpen; 3]);
}

#[test]
fn a_run_that_is_stopped_while_the_first_connection_waits_says_so() {
    let (addr, _backlog) = full_backlog();
    let plan = Plan {
        addresses: addr.into(),
        requests: [get(addr, "/")].into(),
        to_head: false,
        connections: 3,
        shape: Shape::Rate(10.0),
        until: Until::Count(30),
        timeout: Duration::from_secs(60),
        keep_alive: true,
        retries: load::Retries::default(),
        watch_queue: false,
        distinct_requests: 0,
        keys: None,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stop = async { tokio::time::sleep(Duration::from_millis(200)).await };
    let stats = runtime.block_on(async { load::run(plan, stop, |_| ()).await.unwrap() });
    assert_eq!((stats.total(), stats.connects.count), (0, 0));
    let notes = load::diagnose(&stats, Shape::Rate(10.0), true);
    assert!(notes.iter().any(|note| note.contains("the kernel's backlog is full")), "{notes:?}");
}

#[test]
fn a_port_alone_is_one_of_this_machine() {
    let (addr, count) = http_server(|_, _| Response::new(StatusCode::OK));
    for target in [addr.port().to_string(), format!(":{}", addr.port())] {
        count.store(0, Ordering::SeqCst);
        let output = client(&["load", "-n", "3", &target]).output().unwrap();
        assert_eq!(
            (output.status.code(), count.load(Ordering::SeqCst)),
            (Some(0), 3),
            "{output:?}"
        );
    }
}

#[test]
fn a_target_is_sent_as_a_path_that_servers_accept() {
    let (addr, _) = http_server(|_, request| {
        let is_right = ["/", "/%C3%BC", "/a%20b"].contains(&request.path());
        Response::new(if is_right { StatusCode::OK } else { StatusCode::NOT_FOUND })
    });
    for path in ["?s=64", "/ü", "/a b", "/#top"] {
        let report = json(&["-n", "1", &format!("http://{addr}{path}")]);
        assert_eq!(report["served"]["count"], 1, "{path}: {report:#}");
    }
}
