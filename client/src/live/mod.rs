//! `client live`: real servers side by side, attacked from a browser.
//!
//! A [`Room`] has a [`Column`] for each server. [`server`] serves its one page and its state;
//! `actions` lists the buttons, and `perform` does to the servers what they say; `probes` keeps
//! looking at each server; `votes` asks the room first. A [`Recording`] is what is saved of a run.

mod actions;
mod attacks;
mod column;
mod episodes;
pub mod guard;
mod newest;
mod page;
mod perform;
mod probes;
mod process;
mod recording;
mod requests;
mod room;
mod running;
mod saved_json;
mod saved_page;
pub mod server;
mod state;
mod usage;
mod votes;

pub use column::Column;
pub use recording::Recording;
pub use room::Room;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A panic while it was held leaves a value that can be used: each change of one is complete.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
