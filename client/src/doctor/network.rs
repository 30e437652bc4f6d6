//! The address of the servers, and whether a client gets a response on this machine at all.

use super::finding::Check;
use http1::blocking::Connection;
use http1::{Request, Response};
use probe::tools::find;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// The response of the doctor's server.
pub(super) const ANSWER: &str = "the doctor is in";

/// The request that the tools send to it.
pub(super) const QUESTION: &str = "GET / HTTP/1.1\r\nHost: doctor\r\nConnection: close\r\n\r\n";

/// Starts a server on a free port, for as long as this process lives.
pub(super) fn answering() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut connection = Connection::new(stream);
            // an error here shows in the client that asked
            if let Ok(Some(_)) = read_request(&mut connection) {
                let _ = connection.write_response(Response::text(ANSWER.into()));
            }
        }
    });
    Ok(addr)
}

/// Reads until a request is complete; `None` once the client is done. Rejects malformed requests.
fn read_request(connection: &mut Connection) -> io::Result<Option<Request>> {
    loop {
        match connection.decode() {
            Ok(Some(request)) => return Ok(Some(request)),
            Ok(None) if connection.read()? == 0 => return Ok(None),
            Ok(None) => {}
            Err(bad) => connection.refuse(bad)?,
        }
    }
}

/// Whether a request over 127.0.0.1 gets a response.
pub(super) fn loopback(answering: &io::Result<SocketAddr>) -> Check {
    match answering.as_ref().map_err(|error| error.kind().into()).and_then(|addr| asked(*addr)) {
        Ok(answer) if answer.ends_with(ANSWER) => Check::ok("loopback", "127.0.0.1 responds"),
        Ok(_) => Check::fail(
            "loopback",
            "another program responds for 127.0.0.1",
            "stop that proxy or filter",
        ),
        Err(error) => Check::fail(
            "loopback",
            format!("no response over 127.0.0.1: {error}"),
            if cfg!(target_os = "macos") {
                "sudo ifconfig lo0 up"
            } else {
                "sudo ip link set lo up"
            },
        ),
    }
}

fn asked(addr: SocketAddr) -> io::Result<String> {
    let patience = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&addr, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(QUESTION.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Whether a server can have its address.
pub(super) fn address(addr: SocketAddr) -> Check {
    let next = SocketAddr::new(addr.ip(), addr.port().checked_add(1).unwrap_or(8080));
    match TcpListener::bind(addr) {
        Ok(_) if addr.is_ipv4() && is_taken_in_ipv6(addr.port()) => Check::warn(
            "address",
            format!(
                "{addr} is free, but another server listens on [::1]:{port}, which localhost may mean",
                port = addr.port()
            ),
            format!(
                "write {addr} in place of localhost, or stop the other server, which this shows: {}",
                who_has(addr.port())
            ),
        ),
        Ok(_) => Check::ok("address", format!("{addr} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Check::fail(
            "address",
            format!("{addr} is in use; this shows by what: {}", who_has(addr.port())),
            format!(
                "stop that program, or start the servers with --addr {next} and give {next} to scripts and client"
            ),
        ),
        Err(error) => Check::fail(
            "address",
            format!("{addr} cannot be used: {error}"),
            "use another address; the lessons use 127.0.0.1:8080",
        ),
    }
}

/// Browsers and curl try `::1` first where `localhost` is both.
fn is_taken_in_ipv6(port: u16) -> bool {
    let there = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&there, Duration::from_secs(1)).is_ok()
}

/// The command that shows it; lsof shows more, and macOS has only that.
fn who_has(port: u16) -> String {
    if cfg!(windows) {
        format!("netstat -ano | findstr :{port}")
    } else if find("lsof").is_none() && find("ss").is_some() {
        format!("ss -ltnp 'sport = :{port}'")
    } else {
        format!("lsof -nP -iTCP:{port} -sTCP:LISTEN")
    }
}
