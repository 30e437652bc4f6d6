//! Turns the traces of a claim into bars: one for each request, on a time axis that all stages
//! share.
//!
//! Pure functions of the traces, without HTML, terminal or network, so that tests can compare bars
//! exactly.

mod axis;
mod bar;
mod panel;
mod theory;

pub use axis::Axis;
pub use bar::{Bar, BarKind, Place, Segment};
pub use panel::{Chart, IMMEDIATE, Panel};
pub use theory::{LittlesLaw, SerialService};
