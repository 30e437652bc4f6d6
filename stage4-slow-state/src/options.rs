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
    /// How long the work for one event takes, such as 0s, 100ms, 2s
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = workshop::duration)]
    pub(crate) work: Duration,
}
