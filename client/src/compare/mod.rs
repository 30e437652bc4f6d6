//! All five stages, side by side, under every claim that a room should see.
//!
//! [`compare`] tries the claims, and a [`Matrix`] is what it found. [`chart`] says what is drawn of that and [`captions`]
//! says it in words; [`html`], [`table`], [`terminal_chart`] and [`json`] show it in a browser, in a terminal and to other
//! programs.

pub mod captions;
pub mod chart;
pub mod html;
pub mod json;
mod matrix;
mod run;
pub mod table;
pub mod terminal_chart;

pub use matrix::{Matrix, Row, WORK};
pub use run::{Progress, compare, workspace};
