//! `client live`: real servers side by side, attacked from a browser.
//!
//! A [`Room`] has a [`Column`] for each server. [`server`] serves its one page, its state and its
//! actions; [`probes`] keeps looking at each server; [`attacks`] lists what can be done to one.

pub mod actions;
pub mod attacks;
pub mod column;
pub mod guard;
mod page;
pub mod probes;
mod process;
mod requests;
pub mod room;
pub mod server;
mod usage;

pub use column::Column;
pub use room::Room;
