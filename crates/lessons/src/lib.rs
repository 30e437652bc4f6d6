//! The lessons as a program reads them: their commands are run, their outputs compared, their
//! quotations and links looked up. See `tests/`.

pub mod output;
pub mod page;
pub mod terminal;
