//! The command line.

use workshop::{Addr, clap};

/// What can be set when the server starts.
#[derive(clap::Parser)]
pub(crate) struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) addr: Addr,
}
