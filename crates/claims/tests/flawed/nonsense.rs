//! Programs that accept connections and are not HTTP servers.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Nonsense {
    DisconnectsAtOnce,
    DisconnectsAfterRequest,
    NeverAccepts,
    NeverResponds,
    SpeaksSsh,
    SendsLessThanItsLength,
    NeverEndsItsBody,
    SendsOnlyInterimResponses,
}

pub(crate) async fn start(nonsense: Nonsense) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        if matches!(nonsense, Nonsense::NeverAccepts) {
            std::future::pending::<()>().await;
        }
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(talk(stream, nonsense));
        }
    });
    (addr, tasks)
}

async fn talk(mut stream: TcpStream, nonsense: Nonsense) {
    let (say, again): (&[u8], &[u8]) = match nonsense {
        Nonsense::DisconnectsAtOnce => return,
        Nonsense::DisconnectsAfterRequest => (b"", b""),
        Nonsense::NeverAccepts | Nonsense::NeverResponds => {
            while let Ok(1..) = stream.read(&mut [0; 16 * 1024]).await {}
            return;
        }
        Nonsense::SpeaksSsh => (b"SSH-2.0-OpenSSH_9.6\r\n", b""),
        Nonsense::SendsLessThanItsLength => {
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", b"")
        }
        Nonsense::NeverEndsItsBody => (b"HTTP/1.1 200 OK\r\n\r\n", b"and on"),
        Nonsense::SendsOnlyInterimResponses => (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    };
    let _ = stream.read(&mut [0; 16 * 1024]).await; // ignores the request
    let mut sent = stream.write_all(say).await;
    while sent.is_ok() && !again.is_empty() {
        sleep(Duration::from_millis(10)).await; // a pace that does not fill the buffers
        sent = stream.write_all(again).await;
    }
}
