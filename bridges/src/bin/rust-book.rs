//! The last chapter of "The Rust Programming Language" in spirit: four threads, and before them a channel without a bound.
//!
//! cargo run --manifest-path bridges/Cargo.toml --bin rust-book

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

fn main() -> io::Result<()> {
    let listener = bridges::listen()?;
    let pool = ThreadPool::new(4);
    for stream in listener.incoming() {
        let stream = stream?;
        pool.execute(|| {
            if let Err(error) = handle_connection(stream) {
                eprintln!("connection lost: {error}");
            }
        });
    }
    Ok(())
}

/// One request, of which it reads the first line, and one answer.
fn handle_connection(mut stream: TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let Some(request_line) = lines.next() else { return Ok(()) };
    let (status_line, contents) = match &request_line?[..] {
        "GET / HTTP/1.1" => ("HTTP/1.1 200 OK", "<h1>Hello!</h1>"),
        "GET /sleep HTTP/1.1" => {
            thread::sleep(Duration::from_secs(5));
            ("HTTP/1.1 200 OK", "<h1>Hello!</h1>")
        }
        _ => ("HTTP/1.1 404 NOT FOUND", "<h1>Oops!</h1>"),
    };
    let length = contents.len();
    stream.write_all(
        format!("{status_line}\r\nContent-Length: {length}\r\n\r\n{contents}").as_bytes(),
    )
}

type Job = Box<dyn FnOnce() + Send + 'static>;

/// Some threads, and the jobs that wait for one: as many as come.
struct ThreadPool {
    sender: mpsc::Sender<Job>,
}

impl ThreadPool {
    fn new(size: usize) -> ThreadPool {
        let (sender, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..size {
            let receiver = receiver.clone();
            thread::spawn(move || {
                loop {
                    let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match job {
                        Ok(job) => job(),
                        Err(_) => break, // the pool is gone
                    }
                }
            });
        }
        ThreadPool { sender }
    }

    fn execute(&self, job: impl FnOnce() + Send + 'static) {
        let _ = self.sender.send(Box::new(job)); // fails only without threads
    }
}
