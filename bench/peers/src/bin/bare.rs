//! A tokio server that parses nothing: one read, one write. No server on tokio is cheaper, so it is the practical limit;
//! and for the load generators it is the server that costs least.

use clap::Parser;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::ready;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::TcpStream;

/// Answers whatever it reads with one response.
#[derive(Clone, Copy, Parser)]
struct Options {
    #[arg(long, default_value = "127.0.0.1:8080")]
    addr: std::net::SocketAddr,
    /// The last so many bytes of what was read go back; a request must fit one read of 16 KiB
    #[arg(long, default_value_t = 0)]
    echo: usize,
    /// One response, then the connection ends
    #[arg(long)]
    close: bool,
    /// For each line on stdin, say how many responses were sent so far
    #[arg(long)]
    count: bool,
}

static SENT: AtomicU64 = AtomicU64::new(0);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let listener = peers::listen(&options.addr.to_string()).await?;
    if options.count {
        tokio::spawn(count());
    }
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(serve(stream, options));
        }
    })
    .await?
}

async fn serve(mut stream: TcpStream, options: Options) -> io::Result<()> {
    let fields = match options.echo {
        0 => "",
        _ => "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n",
    };
    let close = if options.close { "Connection: close\r\n" } else { "" };
    // as long as a stage's
    let head = format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n{close}\r\n",
        options.echo
    );
    loop {
        let response = poll_fn(|context| {
            let mut scratch = [const { std::mem::MaybeUninit::uninit() }; 16 * 1024];
            let mut scratch = ReadBuf::uninit(&mut scratch);
            ready!(Pin::new(&mut stream).poll_read(context, &mut scratch))?;
            let read = scratch.filled();
            if read.is_empty() {
                return Ok(None).into();
            }
            let body = &read[read.len().saturating_sub(options.echo)..];
            io::Result::Ok(Some([head.as_bytes(), body].concat())).into()
        });
        let Some(response) = response.await? else { return Ok(()) };
        stream.write_all(&response).await?;
        if options.count {
            SENT.fetch_add(1, Ordering::Relaxed);
        }
        if options.close {
            return Ok(());
        }
    }
}

async fn count() -> io::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        println!("{}", SENT.load(Ordering::Relaxed));
    }
    Ok(())
}
