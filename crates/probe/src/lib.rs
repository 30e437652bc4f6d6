//! One HTTP request and its outcome, and what is needed around it to look at a server from outside.
//!
//! - [`http_client`] sends a request and reports its outcome: served, shed, rejected, timed out or failed;
//! - [`hold`] opens connections that misbehave;
//! - [`server`] starts a server as a process, on a free port;
//! - [`started`] starts one that a user's command starts, in any language;
//! - [`children`] starts processes that end with this one, whatever ends it;
//! - [`pause`] stops processes for a while, which then continue, whatever ends this one;
//! - [`stages`] lists the stages of the course and builds them;
//! - [`addresses`] connects to the first address of a server that works;
//! - [`tools`] lists the programs that lessons call and that a machine may lack;
//! - [`target`], [`number`] and [`duration`] read and write what people type.
//!
//! Use it to send single requests to a server. To check what a server promises, use the crate `claims`; for many requests the
//! crate `load`. Nothing here links a server: it is a process, or an address.
//!
//! ```no_run
//! use probe::http_client::{ResponseClient, Outcome, get};
//! use std::time::Duration;
//! use tokio::time::Instant;
//!
//! # async fn example() {
//! let addr = ([127, 0, 0, 1], 8080).into();
//! let deadline = Instant::now() + Duration::from_secs(2);
//! let call = ResponseClient::new(addr).call(&get(addr, "/"), false, deadline).await;
//! match call.outcome {
//!     Outcome::Served(status) => println!("served: {status}"),
//!     Outcome::Failed(failure) => println!("{failure}; {}", failure.advice()),
//!     outcome => println!("{outcome:?}"),
//! }
//! # }
//! ```

pub mod addresses;
pub mod children;
pub mod duration;
pub mod hold;
pub mod http_client;
pub mod number;
pub mod pause;
pub mod server;
pub mod stages;
pub mod started;
pub mod target;
pub mod tools;
