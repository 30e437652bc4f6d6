//! A load generator: sends requests over some connections, each when its schedule says, and counts the outcomes.
//!
//! One loop does the work (`sender`), whatever the shape of the load; the `schedule` says when a request is due. Latency
//! counts from when a request was due, and the figures are of constant size, however many requests there were.
//!
//! Use it to send many requests to one server and to judge what came back: [`run()`] sends what a [`Plan`] says and returns
//! [`LoadStats`], [`diagnose`] says what they mean, an [`Expectation`] whether they are as required, [`Balances`] whether
//! the server has applied what it acknowledged, and a [`Report`] prints all of it as text or JSON.
//!
//! ```no_run
//! use load::{Plan, Shape, Until};
//! use std::time::Duration;
//!
//! # async fn example() -> std::io::Result<()> {
//! let addr = std::net::SocketAddr::from(([127, 0, 0, 1], 8080));
//! let plan = Plan {
//!     addresses: addr.into(),
//!     requests: [probe::http_client::get(addr, "/")].into(),
//!     keys: None,
//!     to_head: false,
//!     connections: 10,
//!     shape: Shape::Rate(100.0),
//!     until: Until::Count(500),
//!     timeout: Duration::from_secs(10),
//!     keep_alive: true,
//!     retries: load::Retries::default(),
//!     watch_queue: false,
//!     distinct_requests: 0,
//! };
//! let stats = load::run(plan, std::future::pending(), |_progress| {}).await?;
//! println!("{} served, 99 % within {:?}", stats.served.total(), stats.served.latency.percentile(99.0));
//! # Ok(())
//! # }
//! ```

mod diagnosis;
mod error_response;
mod expectation;
mod latency;
mod plan;
mod ramp;
mod report;
mod retry;
mod run;
mod schedule;
mod sender;
mod shared;
mod stats;
mod timeline;
mod verify;

pub use diagnosis::diagnose;
pub use error_response::ErrorResponse;
pub use expectation::{Assertion, Expectation};
pub use latency::Latency;
pub use plan::Plan;
pub use ramp::{Ramp, Step, Steps};
pub use report::Report;
pub use retry::{Resent, Retries, Retry, RetryBudget};
pub use run::{Progress, run};
pub use schedule::{Shape, Until};
pub use stats::{Connects, LoadStats, OutcomeStats};
pub use timeline::Second;
pub use verify::{Balances, Events, Reconciliation};
