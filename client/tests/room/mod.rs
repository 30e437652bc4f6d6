//! `client live` as a process, and requests to it.

#![allow(dead_code, reason = "each test file uses what it needs")]

use crate::outside::client;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use testkit::PATIENCE;

/// A running `client live` with stages 1 and 3. Killed when it is dropped, with its servers.
pub(crate) struct Live {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
    /// The key of the printed address.
    pub(crate) key: String,
}

impl Live {
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::start_with(options, Stdio::null())
    }

    /// Starts it with that stderr.
    pub(crate) fn start_with(options: &[&str], stderr: Stdio) -> Self {
        let mut command =
            client(&["live", "--addr", "127.0.0.1:0", "--stage", "1", "--stage", "3"]);
        let mut child =
            command.args(options).stdout(Stdio::piped()).stderr(stderr).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("it is piped"))
            .read_line(&mut line)
            .expect("a line");
        let (url, key) = line.trim().split_once('#').expect("a key");
        let addr = url
            .trim_start_matches("open http://")
            .trim_end_matches('/')
            .replace("0.0.0.0", "127.0.0.1");
        Self { child, addr: addr.parse().expect("an address"), key: key.into() }
    }

    /// The status and the body of the response to these lines and this body.
    pub(crate) fn ask(&self, lines: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.addr).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let lines = lines
            .replace("{addr}", &self.addr.to_string())
            .replace("{port}", &self.addr.port().to_string());
        let length = body.len();
        let request = format!(
            "{}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}",
            lines.replace('\n', "\r\n")
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        (head[9..12].parse().expect("a status"), body.into())
    }

    /// The status of the response to these lines, without a body.
    pub(crate) fn head(&self, lines: &str) -> u16 {
        let mut stream = TcpStream::connect(self.addr).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let lines = lines.replace("{addr}", &self.addr.to_string()).replace('\n', "\r\n");
        stream.write_all(format!("{lines}\r\n\r\n").as_bytes()).expect("it reads");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("a response");
        String::from_utf8_lossy(&status[9..]).parse().expect("a status")
    }

    pub(crate) fn state(&self) -> Value {
        self.json("/state")
    }

    /// Waits until the state is as wanted. Asks with a pause, so that the servers get the processor.
    pub(crate) fn wait_until(&self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait_for("/state", is_wanted)
    }

    /// As [`Self::wait_until`], for another JSON document.
    pub(crate) fn wait_for(&self, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let json = self.json(path);
            if is_wanted(&json) {
                return json;
            }
            assert!(began.elapsed() < PATIENCE, "{json:#}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, body) = self.ask(&format!("GET {path} HTTP/1.1\nHost: {{addr}}"), "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// A state that was drawn up after this call: browsers that ask at the same time share one.
    pub(crate) fn fresh_state(&self) -> Value {
        let shared = self.state();
        loop {
            let state = self.state();
            if state["now"] != shared["now"] {
                return state;
            }
        }
    }

    /// The status of an action with that key, and these other fields.
    pub(crate) fn act(&self, key: &str, fields: &str, action: &Value) -> u16 {
        self.post("/actions", key, fields, &action.to_string())
    }

    /// The status of a POST request with that key, and these other fields.
    pub(crate) fn post(&self, path: &str, key: &str, fields: &str, body: &str) -> u16 {
        let lines = format!("POST {path} HTTP/1.1\nAuthorization: Key {key}\n{fields}");
        self.ask(&lines, body).0
    }

    pub(crate) fn page_key(&self) -> String {
        let (_, page) = self.ask("GET / HTTP/1.1\nHost: {addr}", "");
        let (_, rest) = page.split_once("\"key\":\"").expect("a key in the page");
        rest[..32].into()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid])
            .status()
            .expect("sh runs");
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fields of a request from the page itself.
pub(crate) const OWN: &str = "Host: {addr}\nOrigin: http://{addr}\nContent-Type: application/json";
