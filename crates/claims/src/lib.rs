//! The sentences of the lessons, each with a way to try it on a live server.
//!
//! A claim uses only HTTP, so it can be tried on any server. Only a response
//! counts as served; a completed connect proves nothing, since the kernel accepts on the server's
//! behalf.
//!
//! Use it to check a server at an address, written in any language: [`CLAIMS`] lists the claims, [`claim()`] finds one by
//! its name, and [`Claim::try_on`] tries it.
//!
//! ```no_run
//! # async fn example() {
//! let silent = claims::claim("slow-client").expect("there is a claim of that name");
//! let finding = silent.try_on(([127, 0, 0, 1], 8080).into()).await;
//! println!("{}: {:?}, {}", silent.sentence, finding.verdict, finding.figure);
//! # }
//! ```

mod books;
mod boundary;
mod bounds;
mod claim;
mod concurrency;
mod deadlines;
mod event;
mod evidence;
mod first_response;
mod framing;
mod garbage;
mod keep_alive;
mod keys;
mod limits;
mod list;
mod overload;
mod queue_stats;
mod raw_connection;
mod rejections;
mod reproduce;
mod routing;
mod slow_clients;
mod state;
mod threads;
mod trial;

pub use books::Books;
pub use claim::{Claim, Finding, Group, Verdict};
pub use evidence::Evidence;
pub use first_response::{first_response, until_idle};
pub use garbage::{GARBAGE, Garbage};
pub use list::{CLAIMS, claim, claims_of};
pub use reproduce::in_powershell;
pub use trial::{QueueSample, TracedRequest};
