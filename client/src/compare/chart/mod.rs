//! From the traces of a claim to what is drawn of them: a bar for each request, on one time axis for all stages.
//!
//! Nothing here knows HTML, a terminal or a network: known traces give known bars.

mod axis;
mod bar;
mod panel;
mod theory;

pub use axis::Axis;
pub use bar::{Bar, BarKind, Place, Segment};
pub use panel::{Chart, IMMEDIATE, Panel};
pub use theory::{LittlesLaw, SerialService};
