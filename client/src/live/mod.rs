//! `client live`: real servers side by side, attacked from a browser.
//!
//! A [`Room`] has a [`Column`] for each server. [`server`] serves its one page, its state and its
//! actions; [`probes`] keeps looking at each server; [`attacks`] lists what can be done to one;
//! `votes` asks the room first. A [`Recording`] is what is saved of a run.

pub mod actions;
pub mod attacks;
pub mod column;
mod episodes;
pub mod guard;
mod page;
pub mod probes;
mod process;
mod recording;
mod requests;
pub mod room;
mod saved_json;
mod saved_page;
pub mod server;
mod state;
mod usage;
mod votes;

pub use column::Column;
pub use recording::Recording;
pub use room::Room;
