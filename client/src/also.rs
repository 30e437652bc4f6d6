//! `--also`: a server that stands beside the stages.

use probe::started::StartCommand;
use probe::target::Target;
use std::str::FromStr;

/// A server that stands beside the stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Also {
    /// The head of its column.
    pub name: String,
    /// Where it is.
    pub place: Place,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It runs.
    At(Target),
    /// It is started, and ends with the command.
    By(StartCommand),
}

impl FromStr for Also {
    type Err = String;

    /// `NAME=HOST:PORT`, or `NAME=COMMAND` with `{port}` in the command.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = "give NAME=HOST:PORT, or NAME='COMMAND {port}'";
        let (name, place) = text.split_once('=').ok_or(form)?;
        let is_name = |name: &str| !name.is_empty() && !name.contains(char::is_control);
        let name = Some(name.trim()).filter(|name| is_name(name)).ok_or(form)?.to_owned();
        let place = match place.contains("{port}") {
            true => Place::By(place.parse()?),
            false => Place::At(place.parse()?),
        };
        Ok(Self { name, place })
    }
}
