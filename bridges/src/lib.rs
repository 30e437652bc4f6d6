//! What these servers have in common: where they listen, and that they say so.

use std::net::TcpListener;

/// Listens where `--addr HOST:PORT` says, 127.0.0.1:8080 unless told otherwise, and announces it on stdout's first line.
///
/// # Errors
/// That the address is not to be had.
pub fn listen() -> std::io::Result<TcpListener> {
    let mut args = std::env::args().skip_while(|arg| arg != "--addr").skip(1);
    let listener = TcpListener::bind(args.next().as_deref().unwrap_or("127.0.0.1:8080"))?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}

/// The same for tokio.
///
/// # Errors
/// The same.
pub fn listen_async() -> std::io::Result<tokio::net::TcpListener> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
