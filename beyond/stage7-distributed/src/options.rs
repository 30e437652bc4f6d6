//! The command line.

use std::time::Duration;
use workshop::{Addr, clap};

/// What can be set when the server starts.
#[derive(clap::Parser)]
pub(crate) struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) addr: Addr,
    /// How long each wait for a client may last: until a request begins, until it is complete, and
    /// until the response is sent; such as 500ms, 2s, 1m
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = workshop::timeout)]
    pub(crate) timeout: Duration,
    /// How long a worker takes for one event, such as 0s, 100ms, 2s
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = workshop::duration)]
    pub(crate) work: Duration,
    /// How many events may wait for the workers, 1 or more; each partition has its share
    #[arg(long, value_name = "N", default_value = "16", value_parser = workshop::count)]
    pub(crate) queue: usize,
    /// How many connections may be open, 1 or more; any further one gets 503 and is closed
    #[arg(long, value_name = "N", default_value = "1024", value_parser = workshop::count)]
    pub(crate) max_connections: usize,
    /// How many MiB the bodies over 16 KiB of all requests and responses may hold together, 1 or
    /// more; any further one gets 503
    #[arg(long, value_name = "MIB", default_value = "64", value_parser = workshop::count)]
    pub(crate) body_memory: usize,
    /// The NATS servers, with commas between them; with a password: nats://USER:PASSWORD@HOST:PORT
    #[arg(
        long,
        value_name = "URLS",
        default_value = "127.0.0.1:4222,127.0.0.1:4223,127.0.0.1:4224",
        value_delimiter = ','
    )]
    pub(crate) nats: Vec<String>,
    /// What the stream is called; servers of the same name work together
    #[arg(long, value_name = "NAME", default_value = "events", value_parser = name)]
    pub(crate) name: String,
    /// Whether this process responds to clients, works on events, or both
    #[arg(long, value_name = "ROLE", default_value = "both")]
    pub(crate) role: Role,
    /// How many events this worker has in hand at a time, 1 or more
    #[arg(long, value_name = "N", default_value = "1", value_parser = workshop::count)]
    pub(crate) hands: usize,
    /// How many parts the queue has, 1 or more; the events of one part are applied one by one
    #[arg(long, value_name = "N", default_value = "4", value_parser = workshop::count)]
    pub(crate) partitions: usize,
    /// How many NATS servers store each event, 1, 3 or 5
    #[arg(long, value_name = "N", default_value = "3", value_parser = workshop::count)]
    pub(crate) replicas: usize,
    /// How long a worker may be silent until another one gets the event that it has in hand
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = workshop::timeout)]
    pub(crate) ack_wait: Duration,
}

impl Options {
    /// Its share of the queue, and one in hand.
    pub(crate) fn places_of_a_partition(&self) -> usize {
        self.queue.div_ceil(self.partitions).saturating_add(1)
    }
}

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// Responds to clients.
    Front,
    /// Works on events.
    Worker,
    /// Does both.
    Both,
}

/// The name of a stream and of its subjects: letters, digits, `-` and `_`.
fn name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=32).contains(&text.len()) && text.bytes().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err("use 1 to 32 letters, digits, - and _".to_owned())
}
