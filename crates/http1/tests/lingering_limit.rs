//! How many connections are drained at a time. The bound is the process's, so this has its own.

mod echo;

use echo::{PATIENCE, poll_once};
use http1::{Connection, DRAIN_TIME, MAX_LINGERING, Response, StatusCode};
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::time::Instant;

/// A client, and the server's connection to it, whose first write need not wait.
async fn pair(listener: &TcpListener) -> (TcpStream, Connection) {
    let open = async || {
        let client = TcpStream::connect(listener.local_addr()?)?;
        client.set_read_timeout(Some(PATIENCE))?;
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        let stream = tokio::net::TcpStream::from_std(stream)?;
        stream.writable().await?;
        io::Result::Ok((client, Connection::new(stream)))
    };
    open().await.expect("two sockets")
}

#[test]
fn a_refusal_beyond_the_bound_closes_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let refuse = async |mut connection: Connection| {
            connection.refuse(Response::problem(StatusCode::SERVICE_UNAVAILABLE, "full")).await
        };
        let began = Instant::now();
        let (mut clients, mut lingering) =
            (Vec::new(), Vec::<Pin<Box<dyn Future<Output = _>>>>::new());
        for _ in 0..MAX_LINGERING {
            let (client, connection) = pair(&listener).await;
            let mut refusal = Box::pin(refuse(connection));
            assert!(poll_once(refusal.as_mut()).is_none(), "its client is given time to read");
            clients.push(client);
            lingering.push(refusal);
        }
        let (mut client, connection) = pair(&listener).await;
        let refused = poll_once(pin!(refuse(connection))).expect("the next one closes at once");
        refused.unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).expect("no reset");
        assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
        // a client that disconnects makes room
        drop(clients);
        for refusal in lingering {
            refusal.await.unwrap();
        }
        assert!(began.elapsed() < PATIENCE + DRAIN_TIME);
        let (_client, connection) = pair(&listener).await;
        assert!(poll_once(pin!(refuse(connection))).is_none());
    });
}
