//! Starts NATS servers with `scripts/cluster.sh`, servers of stage 7 on them, and sends events with keys.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use testkit::{PATIENCE, Server};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_stage7-distributed");

/// Three NATS servers, as `scripts/cluster.sh` starts them; they end with this, or with the tests.
pub(crate) struct Cluster {
    script: Child,
    /// For `--nats`.
    pub(crate) nats: String,
    /// What the script has printed so far.
    lines: Arc<Mutex<Vec<String>>>,
}

impl Cluster {
    /// Starts one; `None`, and a line that says so, where no NATS server is installed.
    pub(crate) fn start(args: &[&str]) -> Option<Self> {
        Self::start_in(None, args)
    }

    /// The same, with its data below this folder.
    pub(crate) fn start_in(folder: Option<&Path>, args: &[&str]) -> Option<Self> {
        if which("nats-server").is_none() {
            assert!(std::env::var_os("NOTHING_MISSING").is_none(), "nats-server is missing");
            println!(
                "not tried: nats-server is not installed; client doctor says where it comes from"
            );
            return None;
        }
        let port = free_ports();
        let nats = [0, 1, 2].map(|number| format!("127.0.0.1:{}", port + number)).join(",");
        let mut command = Command::new(root().join("scripts/cluster.sh"));
        command.args(["--port", &port.to_string()]).args(args).stdout(Stdio::piped());
        command.envs(folder.map(|folder| ("TMPDIR", folder)));
        let mut script = probe::children::spawn(&mut command).expect("the script can be run");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (output, printed) = (script.stdout.take().expect("it is a pipe"), lines.clone());
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                printed.lock().expect("no thread panics with it").push(line);
            }
        });
        let cluster = Self { script, nats, lines };
        let began = Instant::now();
        while !cluster.lines().iter().any(|line| line.starts_with("ready: ")) {
            assert!(began.elapsed() < PATIENCE, "no cluster: {:?}", cluster.lines());
            thread::sleep(Duration::from_millis(10));
        }
        Some(cluster)
    }

    /// Sends a signal to the script alone.
    pub(crate) fn end(&self, signal: &str) {
        let pid = self.script.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(status.expect("kill can be run").success(), "the script has ended by itself");
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no thread panics with it").clone()
    }

    /// The process of the NATS server with this number, 1 to 3, as it was started last.
    fn process(&self, number: usize) -> String {
        let start = format!("n{number}  ");
        let lines = self.lines();
        let last = lines.iter().rfind(|line| line.starts_with(&start)).expect("it was started");
        last.rsplit(' ').next().expect("the last word is its process").to_owned()
    }

    /// The processes of the NATS servers, as they were started last.
    pub(crate) fn processes(&self) -> Vec<String> {
        [1, 2, 3].map(|number| self.process(number)).into()
    }

    /// What the script printed until it was ready, with the ports that it has without `--port`.
    pub(crate) fn as_printed(&self) -> String {
        let ports = self.nats.split(',').filter_map(|addr| addr.rsplit(':').next());
        let printed = self.lines().join("\n");
        ports.zip(4222..).fold(printed, |printed, (port, usual)| {
            printed.replace(&format!(":{port}"), &format!(":{usual}"))
        })
    }

    /// Sends a signal to these of the NATS servers.
    pub(crate) fn signal(&self, numbers: &[usize], name: &str) {
        let processes: Vec<_> = numbers.iter().map(|number| self.process(*number)).collect();
        let status = Command::new("kill").args(["-s", name]).args(processes).status();
        assert!(status.expect("kill can be run").success(), "a server has ended by itself");
    }

    /// How often the servers were started so far.
    pub(crate) fn starts(&self) -> usize {
        self.lines().iter().filter(|line| line.contains("  process ")).count()
    }

    /// Deletes a stream, as an administrator does.
    pub(crate) fn delete_stream(&self, name: &str) {
        let addr = self.nats.split(',').next().expect("there are three");
        let mut connection = TcpStream::connect(addr).expect("a NATS server listens");
        connection.set_read_timeout(Some(PATIENCE)).expect("it can be set");
        let request = format!("PUB $JS.API.STREAM.DELETE.{name} deleted 0\r\n\r\n");
        write!(connection, "CONNECT {{}}\r\nSUB deleted 1\r\n{request}").expect("it reads");
        let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
        let response = lines.find(|line| line.contains("stream_delete_response"));
        let response = response.expect("the cluster responds");
        assert!(response.contains("\"success\":true"), "{response}");
    }

    /// Starts a server of stage 7 on it.
    pub(crate) fn server(&self, name: &str, args: &[&str]) -> Server {
        testkit::start(BINARY, &[&["--nats", &self.nats, "--name", name], args].concat())
    }

    /// Starts a worker without a front end; it has no address.
    pub(crate) fn worker(&self, name: &str, args: &[&str]) -> Worker {
        let mut command = Command::new(BINARY);
        command.args(["--role", "worker", "--nats", &self.nats, "--name", name]).args(args);
        command.env("RUST_LOG", "off").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = probe::children::spawn(&mut command).expect("a worker starts");
        let mut line = String::new();
        let output = child.stdout.as_mut().expect("it is a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line can be read");
        assert!(line.starts_with("working on "), "{line:?}");
        Worker(child)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if matches!(self.script.try_wait(), Ok(None)) {
            self.end("TERM");
        }
        let _ = self.script.wait();
    }
}

/// A worker that is killed when this is dropped.
pub(crate) struct Worker(Child);

impl Worker {
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.expect("kill can be run").success(), "a worker has ended by itself");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.0.wait().expect("a child can be waited for").code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The cluster that the tests of a file share, each under a name of its own.
pub(crate) fn shared() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER
        .get_or_init(|| {
            // the end of the tests is its end, too, before it can remove its data: the next ones do
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).expect("a folder can be made");
            Cluster::start_in(Some(&folder), &[])
        })
        .as_ref()
}

/// The first of the ports that a cluster needs.
fn free_ports() -> u16 {
    loop {
        let first = fastrand::u16(20_000..32_000);
        let wanted = [0, 1, 2, 10, 11, 12].map(|number| first + number);
        if wanted.iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return first;
        }
    }
}

fn which(program: &str) -> Option<PathBuf> {
    probe::tools::find(program)
}

/// The folder of the course.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("the package is in beyond/").into()
}

/// The address of a server that introduces itself as a NATS server does, and then says this.
pub(crate) fn introduces_itself_with(info: String, then: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("it has an address").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut answers = stream.try_clone().expect("it can be cloned");
            let _ = write!(answers, "INFO {info}\r\n");
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if line == "PING" {
                    let _ = write!(answers, "{then}\r\n");
                }
            }
        }
    });
    addr
}

/// How a NATS server of that version introduces itself.
pub(crate) fn of_version(version: &str, jetstream: bool) -> String {
    let info = serde_json::json!({
        "server_id": "N", "server_name": "n1", "version": version, "go": "", "host": "127.0.0.1",
        "port": 4222, "headers": true, "max_payload": 1_048_576, "proto": 1, "client_id": 5,
        "jetstream": jetstream,
    });
    info.to_string()
}

/// A POST request with an event and its key.
pub(crate) fn keyed(key: &str, user: &str, amount: i64) -> Vec<u8> {
    let head = format!("POST /events HTTP/1.1\r\nIdempotency-Key: {key}\r\n");
    let event = testkit::event(user, amount);
    let rest = event.strip_prefix(b"POST /events HTTP/1.1\r\n").expect("its start line");
    [head.as_bytes(), rest].concat()
}
