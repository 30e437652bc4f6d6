//! The client's connection: never more than one, and none that the server has closed.

use probe::http_client::{Client, Failure, Outcome, ResponseClient, get};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::Duration;
use tokio::time::{Instant, timeout};

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_closed_here_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        assert_ne!(stream.read(&mut [0; 1000]).unwrap(), 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream.read_to_end(&mut Vec::new()) // ends once the client has closed its side
    });
    let mut client = ResponseClient::new(addr);
    let call = client.call(&get(addr, "/"), false, later()).await;
    assert!(matches!(call.outcome, Outcome::Served(_)), "{call:?}");
    while client.is_connected() {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.join().unwrap().unwrap(), 0, "although the client still exists");
    assert!(!client.is_connected());
}

#[tokio::test]
async fn a_connect_that_is_cancelled_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client: ResponseClient = Client::new(listener.local_addr().unwrap());
    let _ = timeout(Duration::ZERO, client.connect()).await;
    client.connect().await.unwrap();
    listener.accept().unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "there was one connect");
}

#[tokio::test]
async fn a_kept_connection_that_is_closed_is_told_apart_from_a_new_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for number in 0.. {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1000]);
            if number == 0 {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.read(&mut [0; 1000]); // the second request
            }
        }
    });
    let mut client = ResponseClient::new(addr);
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.push(client.call(&get(addr, "/"), false, later()).await.outcome);
    }
    assert!(matches!(outcomes[0], Outcome::Served(_)), "{outcomes:?}");
    assert_eq!(outcomes[1..], [Failure::ClosedKept, Failure::Closed].map(Outcome::Failed));
}
