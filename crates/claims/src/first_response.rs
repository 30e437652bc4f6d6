//! The look whether a server speaks HTTP at all, before any claim is tried on it.

use crate::event::{event, fresh_user, post_json};
use crate::queue_stats::queue_stats;
use http1::{Decoded, Decoder, Response};
use probe::http_client::{Failure, ResponseClient};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// How long the first response may take.
const FIRST: Duration = Duration::from_secs(8);

/// How long a server may work on what was sent before.
const BACKLOG: Duration = Duration::from_secs(60);

/// Sends one plain request and waits up to eight seconds for a response, of any status.
///
/// # Errors
/// A sentence that says what was sent and what came back instead: nothing can be said about any claim then.
pub async fn first_response(addr: SocketAddr) -> Result<(), String> {
    let mut received = Vec::new();
    let instead = match timeout(FIRST, ask(addr, &mut received)).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(instead)) => instead,
        Err(_) if received.is_empty() => format!("nothing came back in {} s", FIRST.as_secs()),
        Err(_) => format!("the response was not complete in {} s", FIRST.as_secs()),
    };
    Err(format!("sent \"GET / HTTP/1.1\" to {addr}, and {instead}"))
}

async fn ask(addr: SocketAddr, received: &mut Vec<u8>) -> Result<(), String> {
    let failed = |error: io::Error| Failure::from(error).to_string();
    let mut stream = TcpStream::connect(addr).await.map_err(failed)?;
    let request = format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    let sent = stream.write_all(request.as_bytes()).await;
    let mut decoder = Decoder::<Response>::new();
    loop {
        let mut piece = [0; 4096];
        let length = match (stream.read(&mut piece).await, &sent) {
            (Ok(0), _) if received.is_empty() => {
                return Err("the server closed the connection without a response, \
                            as some do that expect TLS"
                    .into());
            }
            (Ok(0), _) => {
                return decoder.end().map(drop).ok_or_else(|| Failure::CutShort.to_string());
            }
            (Ok(length), _) => length,
            (Err(error), _) => return Err(failed(error)),
        };
        received.extend_from_slice(&piece[..length]);
        if let Some(protocol) = protocol(received) {
            return Err(protocol);
        }
        decoder.push(&piece[..length]);
        loop {
            match decoder.decode() {
                Ok(Decoded::Complete(response)) if response.status().is_informational() => {}
                Ok(Decoded::Complete(_)) => return Ok(()),
                Ok(_) => break,
                Err(reason) => return Err(format!("what came back is not HTTP: {reason}")),
            }
        }
    }
}

/// What the server speaks, if its first bytes are not HTTP.
fn protocol(received: &[u8]) -> Option<String> {
    const HTTP: &[u8] = b"HTTP/";
    let compared = received.len().min(HTTP.len());
    if received[..compared] == HTTP[..compared] {
        return None;
    }
    let shown = received[..received.len().min(40)].escape_ascii();
    Some(match received {
        // a record of type alert or handshake, version 3 (RFC 8446 §5.1)
        [0x15 | 0x16, 3, ..] => {
            "what came back is TLS; this client speaks plain http:// only".into()
        }
        [b'S', b'S', b'H', b'-', ..] => format!("what came back is SSH: \"{shown}\""),
        _ => format!("what came back is not HTTP: \"{shown}\""),
    })
}

/// Waits until the server has worked on what was sent before, for up to a minute: the figures of its queue say so, or
/// else the response to an event that changes nothing.
pub async fn until_idle(addr: SocketAddr) {
    let end = Instant::now() + BACKLOG;
    let mut client = ResponseClient::new(addr);
    while let Ok(stats) = queue_stats(&mut client, addr).await {
        if stats.accepted == stats.done() || Instant::now() > end {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let request = post_json(addr, &event(&fresh_user(), 0));
    client.disconnect();
    client.call(&request, false, end).await; // any outcome will do
}
