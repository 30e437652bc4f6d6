//! The stages, and other servers, side by side, under the claims that are marked `compared`.
//!
//! [`compare()`] runs the claims and returns a [`Matrix`] of findings. [`chart`] computes what to
//! draw of it, independent of any output format, and [`captions`] describes it in words. [`html`],
//! [`table`], [`terminal_chart`] and [`json`] are the output formats.

pub mod captions;
pub mod chart;
pub mod html;
pub mod json;
mod matrix;
mod nats;
mod run;
pub mod table;
pub mod terminal_chart;

pub use matrix::{Column, Matrix, Row, WORK};
pub use run::{Progress, Servers, compare, workspace};
