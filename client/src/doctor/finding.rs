//! What was found in one respect, and what to do about it.

/// How a machine does in one respect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Ok,
    /// A class can be held; it is better to know this beforehand.
    Warn,
    /// A lesson would fail.
    Fail,
}

/// What was found in one respect.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at, in a word or two.
    pub name: &'static str,
    /// How it does.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do about it, if anything is to be done.
    pub fix: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, health: Health::Ok, found: found.into(), fix: None }
    }

    pub(super) fn warn(
        name: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { name, health: Health::Warn, found: found.into(), fix: Some(fix.into()) }
    }

    pub(super) fn fail(
        name: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { name, health: Health::Fail, found: found.into(), fix: Some(fix.into()) }
    }
}
