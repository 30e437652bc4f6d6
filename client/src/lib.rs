//! The client of the course: what attacks the servers, and what judges them.
//!
//! What it does to a server is in the crates `probe`, `claims` and `load`. This library has what it
//! makes of that:
//!
//! - [`compare`] tries the claims that a room should see on all five stages, and shows them side by side;
//! - [`recorded`] reads a run of `client load`, and [`over_time`] draws it second by second;
//! - [`also`] names a server that stands beside them;
//! - [`live`] shows them side by side on a page that attacks them;
//! - [`doctor`] looks at a machine before a class;
//! - [`output`] writes a file as a whole or not at all.
//!
//! Nothing here links a stage: a server is a process that speaks HTTP, in any language.

pub mod also;
pub mod compare;
pub mod doctor;
pub mod live;
pub mod output;
pub mod over_time;
pub mod recorded;
