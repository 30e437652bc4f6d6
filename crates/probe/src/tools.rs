//! The programs that a lesson calls and that not every machine has: all but Rust, curl, bash and
//! coreutils.

use std::path::PathBuf;

/// A program that some command of a lesson needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// The package of Debian that has it.
    pub package: &'static str,
    /// The lessons that need it, and what for.
    pub used_by: &'static str,
    /// What a command that needs it contains.
    pub call: &'static str,
}

/// All of them.
pub const TOOLS: [Tool; 4] = [
    Tool {
        name: "git",
        package: "git",
        used_by: "stages 1 to 4, bounds: the patches",
        call: "scripts/cure.sh ",
    },
    Tool { name: "ss", package: "iproute2", used_by: "stage 1: the backlog", call: "ss -" },
    Tool { name: "sed", package: "sed", used_by: "stage 3: the same boundary", call: "sed -" },
    Tool {
        name: "diff",
        package: "diffutils",
        used_by: "stage 3: the same boundary",
        call: "diff ",
    },
];

impl Tool {
    /// Whether this machine lacks it.
    pub fn is_missing(&self) -> bool {
        find(self.name).is_none()
    }
}

/// The first program that this command of a lesson needs and this machine lacks.
pub fn missing_for(command: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| calls(command, tool) && tool.is_missing())
}

/// As a separate word: `ss -`, not `less -`.
fn calls(command: &str, tool: &Tool) -> bool {
    command.match_indices(tool.call).any(|(at, _)| {
        let before = command[..at].chars().next_back();
        !before.is_some_and(|char| char.is_alphanumeric() || "-_./".contains(char))
    })
}

/// Where a program is, as a shell would find it.
pub fn find(program: &str) -> Option<PathBuf> {
    which::which(program).ok()
}

#[cfg(test)]
mod tests {
    use super::{TOOLS, calls};

    #[test]
    fn a_tool_is_found_where_it_is_called() {
        let needs = |command: &str| -> Vec<_> {
            TOOLS.iter().filter(|tool| calls(command, tool)).map(|tool| tool.name).collect()
        };
        assert_eq!(needs("sleep 2; ss -ltn src 127.0.0.1:8080; wait"), ["ss"]);
        assert_eq!(needs("scripts/cure.sh rwlock"), ["git"]);
        assert_eq!(needs("boundary() { sed -n p; }\ndiff <(a) <(b)"), ["sed", "diff"]);
        assert!(needs("curl -sS -d hello 127.0.0.1:8080 | less -R").is_empty());
    }
}
