//! The command line.

use std::path::PathBuf;
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
    /// How long the worker takes for one event, such as 0s, 100ms, 2s
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = workshop::duration)]
    pub(crate) work: Duration,
    /// How many events may wait for the worker, 1 or more
    #[arg(long, value_name = "N", default_value = "16", value_parser = workshop::count)]
    pub(crate) queue: usize,
    /// How many connections may be open, 1 or more; any further one gets 503 and is closed
    #[arg(long, value_name = "N", default_value = "1024", value_parser = workshop::count)]
    pub(crate) max_connections: usize,
    /// How many MiB the bodies over 16 KiB of all requests and responses may hold together, 1 or
    /// more; any further one gets 503
    #[arg(long, value_name = "MIB", default_value = "64", value_parser = workshop::count)]
    pub(crate) body_memory: usize,
    /// Where the events and the balances are stored
    #[arg(long, value_name = "FILE", default_value = "stage6.redb")]
    pub(crate) data: PathBuf,
    /// Simulates a slow disk: how much longer each sync takes
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = workshop::duration)]
    pub(crate) sync: Duration,
    /// How many writes may share a sync; 1: each event is synced alone
    #[arg(long, value_name = "N", default_value = "1024", value_parser = workshop::count)]
    pub(crate) group: usize,
    /// How many events later a key is forgotten, 1 or more
    #[arg(long, value_name = "N", default_value = "100000", value_parser = workshop::count)]
    pub(crate) remember: usize,
}
