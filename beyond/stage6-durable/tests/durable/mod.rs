//! Starts a durable server, and sends events with keys.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::{Ended, PATIENCE, Server};

/// What outlives a server: a folder with its data.
pub(crate) struct Data(TempDir);

impl Data {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be created"))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("data.redb")
    }

    /// Starts a server with this data, as soon as the one before is gone.
    pub(crate) fn start(&self, args: &[&str]) -> Server {
        let path = self.path();
        let data = ["--data", path.to_str().expect("the path is UTF-8")];
        testkit::start(env!("CARGO_BIN_EXE_stage6-durable"), &[&data, args].concat())
    }
}

/// A POST request with an event and its key.
pub(crate) fn keyed(key: &str, user: &str, amount: i64) -> Vec<u8> {
    let head = format!("POST /events HTTP/1.1\r\nIdempotency-Key: {key}\r\n");
    let event = testkit::event(user, amount);
    let rest = event.strip_prefix(b"POST /events HTTP/1.1\r\n").expect("its start line");
    [head.as_bytes(), rest].concat()
}

/// Waits until a server ends, as it must.
pub(crate) fn end_of(mut server: Server) -> Ended {
    let began = Instant::now();
    while server.is_running() {
        assert!(began.elapsed() < PATIENCE, "it still runs");
        sleep(Duration::from_millis(5));
    }
    server.wait().expect("a child can be waited for")
}
