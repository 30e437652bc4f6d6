//! What each command accepts and prints.

mod arguments;
mod chart;
mod check;
mod claims;
mod compare;
mod doctor;
mod evidence;
mod hold;
mod junit;
mod live;
mod load;
mod open;
pub(crate) mod print;
mod reach;
mod signals;
mod start;

pub(crate) use chart::Chart;
pub(crate) use check::Check;
pub(crate) use claims::Claims;
pub(crate) use compare::Compare;
pub(crate) use doctor::Doctor;
pub(crate) use hold::Hold;
pub(crate) use live::Live;
pub(crate) use load::Load;
