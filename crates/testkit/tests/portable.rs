//! What bash 3.2, the bash of macOS, does not have or reads differently is in no script. And the
//! scripts call nothing beyond bash and coreutils that a machine may lack.

use std::fs;
use testkit::scripts::path;

/// What must not be in a line, and why.
const REFUSED: [(&str, &str); 23] = [
    ("mapfile", "since bash 4"),
    ("readarray", "since bash 4"),
    ("coproc", "since bash 4"),
    ("declare -A", "associative arrays: since bash 4"),
    ("local -A", "associative arrays: since bash 4"),
    ("declare -g", "since bash 4.2"),
    ("local -n", "references: since bash 4.3"),
    ("declare -n", "references: since bash 4.3"),
    ("wait -n", "since bash 4.3"),
    ("[ -v ", "since bash 4.2"),
    ("[[ -v ", "since bash 4.2"),
    ("&>>", "since bash 4"),
    ("|&", "since bash 4"),
    (";;&", "since bash 4"),
    (";&", "since bash 4"),
    ("@Q}", "since bash 4.4"),
    ("@P}", "since bash 4.4"),
    ("^^}", "upper case: since bash 4"),
    (",,}", "lower case: since bash 4"),
    ("$BASHPID", "since bash 4"),
    ("{BASHPID}", "since bash 4"),
    ("%(%", "printf's times: since bash 4.2"),
    ("=()", "under set -u, bash 3.2 takes an empty array for an unset variable"),
];

/// What GNU's programs have and those of macOS do not, and how to do without.
const GNU: [(&str, &str); 19] = [
    ("stat ", "GNU's -c is BSD's -f: read the size with wc -c"),
    ("date -d", "BSD's is -v"),
    ("date --", "BSD has no long options"),
    ("%N", "BSD's date has no nanoseconds"),
    ("sed -i", "BSD's wants a suffix: write a new file"),
    ("mktemp --", "BSD has no long options"),
    ("head -c -", "BSD counts from the start alone"),
    ("head -n -", "BSD counts from the start alone"),
    ("tail -n+", "BSD wants a space: tail -n +2"),
    ("seq ", "not POSIX: for ((i = 0; …))"),
    ("timeout ", "not on macOS: read -t, or a guard"),
    ("nproc", "not on macOS: getconf _NPROCESSORS_ONLN"),
    ("sort -V", "not in POSIX"),
    ("grep -P", "not on macOS"),
    ("cp -a ", "not in POSIX: cp -pR"),
    ("cp --", "BSD has no long options"),
    ("ls --", "BSD has no long options"),
    ("sleep infinity", "BSD's takes a number"),
    ("base64 -w", "not on macOS"),
];

/// Programs that differ from system to system, or that a small machine lacks.
const OTHERS: [&str; 6] = ["awk", "sed", "find", "xargs", "bc", "pgrep"];

/// The scripts, each with its name and its lines of code.
fn scripts() -> Vec<(String, Vec<String>)> {
    let entries = fs::read_dir(path("")).expect("the folder is there");
    let names =
        entries.map(|entry| entry.expect("a name").file_name().to_string_lossy().into_owned());
    let names: Vec<_> = names.filter(|name| name.ends_with(".sh")).collect();
    assert!(names.len() > 8, "{names:?}");
    let code = |name: &String| {
        let text = fs::read_to_string(path(name)).expect("a script can be read");
        let lines = text.lines().map(|line| match line.trim_start().starts_with('#') {
            true => String::new(),
            false => line.split(" # ").next().unwrap_or_default().to_owned(),
        });
        lines.collect()
    };
    names.into_iter().map(|name| (name.clone(), code(&name))).collect()
}

fn wrong_in(line: &str) -> Option<&'static str> {
    let refused = REFUSED.iter().find(|(part, _)| line.contains(part));
    // of an empty text it makes an unset variable: this needs a guard before it
    let printf =
        line.contains("printf -v") && line.contains("'%b'") && !line.contains("[ -z \"$1\" ] || ");
    refused
        .map(|(_, why)| *why)
        .or(printf.then_some("printf -v of an empty text unsets it in bash 3.2"))
}

#[test]
fn no_script_uses_what_bash_3_2_reads_differently() {
    for (name, lines) in scripts() {
        for (line, number) in lines.iter().zip(1..) {
            assert_eq!(wrong_in(line), None, "scripts/{name}:{number}: {line}");
        }
    }
}

/// As a command, not as a part of another word, and not where the line has a way around: `… 2>/dev/null || …`.
fn gnu_in(line: &str) -> Option<&'static str> {
    let is_called = |part: &str| {
        line.match_indices(part).any(|(at, _)| {
            let (text, before) = (line[..at].trim_end(), line[..at].chars().next_back());
            part.starts_with('%')
                || !text.ends_with('=') // compared with
                    && !before.is_some_and(|char| char.is_alphanumeric() || "-_$./=".contains(char))
        })
    };
    let found = GNU.iter().find(|(part, _)| is_called(part)).map(|(_, why)| *why);
    let real_path = line.contains("readlink -f") && !line.contains("2>/dev/null || ");
    found.or(real_path.then_some("readlink -f is missing before macOS 12.3: add a way around"))
}

#[test]
fn no_script_uses_what_the_programs_of_macos_lack() {
    for (name, lines) in scripts() {
        for (line, number) in lines.iter().zip(1..) {
            assert_eq!(gnu_in(line), None, "scripts/{name}:{number}: {line}");
        }
    }
    for line in ["x=$(stat -c %s file)", "date +%s%N", "timeout 3 nc", "a=$(readlink -f \"$0\")"] {
        assert!(gnu_in(line).is_some(), "{line}");
    }
    for line in [
        "outcome=timeout elapsed=0",
        "[ \"$outcome\" != timeout ]",
        "readlink -f \"$0\" 2>/dev/null || echo \"$0\"",
    ] {
        assert_eq!(gnu_in(line), None, "{line}");
    }
}

#[test]
fn what_bash_3_2_reads_differently_is_found() {
    for line in [
        "printf -v body '%b' \"$1\"",
        "local all=()",
        "mapfile -t lines <file",
        "wait -n",
        "cargo build &>>log",
        "echo \"${name@Q}\"",
        "declare -A seen",
    ] {
        assert!(wrong_in(line).is_some(), "{line}");
    }
    assert_eq!(wrong_in("[ -z \"$1\" ] || printf -v body '%b' \"$1\""), None);
}

#[test]
fn a_script_needs_bash_and_coreutils_alone() {
    for (name, lines) in scripts() {
        for (line, number) in lines.iter().zip(1..) {
            let other = line
                .split(|char: char| !(char.is_alphanumeric() || "-_./$".contains(char)))
                .find(|word| OTHERS.contains(word));
            assert_eq!(other, None, "scripts/{name}:{number}: {line}");
        }
    }
}

#[test]
fn every_script_continues_in_a_plain_bash() {
    let start = [
        "[ \"${plain-}\" = $$ ] ||",
        "    plain=$$ CDPATH='' TMOUT='' exec bash -p \"$(readlink -f \"$0\" 2>/dev/null || echo \"$0\")\" \"$@\"",
    ];
    for (name, lines) in scripts().into_iter().filter(|(name, _)| name != "bash-client.sh") {
        let code: Vec<_> = lines.iter().filter(|line| !line.is_empty()).take(2).collect();
        assert_eq!(code, start, "{name}");
    }
}
