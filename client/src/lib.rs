//! The client of the course: what attacks the servers, and what judges them.
//!
//! - [`compare`] tries the claims that a room should see on all five stages, side by side; [`picture`] says what is drawn of
//!   that, and [`page`], [`table`], [`lines`] and [`data`] draw it for a browser, for a terminal and for other programs;
//! - [`doctor`] looks at a machine before a class.
//!
//! Nothing here links a stage: a server is a process that speaks HTTP, whoever wrote it.

pub mod compare;
pub mod data;
pub mod doctor;
pub mod lines;
pub mod output;
pub mod page;
pub mod picture;
pub mod table;
