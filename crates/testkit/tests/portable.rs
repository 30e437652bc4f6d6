//! What bash 3.2, the bash of macOS, does not have or reads differently is in no script, and nothing that the
//! programs of macOS lack. And the scripts call nothing beyond bash and coreutils that a machine may lack.

use std::fs;
use std::path::{Path, PathBuf};

/// What must not be in a line, and why; `~` is a part of a name or a number, or nothing.
const REFUSED: [(&str, &str); 52] = [
    ("mapfile", "since bash 4"),
    ("readarray", "since bash 4"),
    ("coproc", "since bash 4"),
    ("declare -~A", "associative arrays: since bash 4"),
    ("local -~A", "associative arrays: since bash 4"),
    ("typeset", "declare's other name: use declare or local"),
    ("declare -~g", "since bash 4.2"),
    ("declare -~n", "references: since bash 4.3"),
    ("local -~n", "references: since bash 4.3"),
    ("declare -~l", "lower case: since bash 4"),
    ("declare -~u", "upper case: since bash 4"),
    ("wait -", "-n and -p: since bash 4.3"),
    ("[ -v ", "since bash 4.2"),
    ("[[ -v ", "since bash 4.2"),
    ("test -v ", "since bash 4.2"),
    ("&>>", "since bash 4"),
    ("|&", "since bash 4"),
    (";;&", "since bash 4"),
    (";&", "since bash 4"),
    ("${~@~}", "quoting and other changes: since bash 4.4"),
    ("${~[@]@", "since bash 4.4"),
    ("${~^", "upper case: since bash 4"),
    ("${~,", "lower case: since bash 4"),
    ("${~[@]^", "upper case: since bash 4"),
    ("${~[@],", "lower case: since bash 4"),
    ("${~[-", "an index from the end: since bash 4.3"),
    ("${~:~:-", "a length from the end: since bash 4.2"),
    ("unset ~[-", "an index from the end: since bash 4.3"),
    ("$BASHPID", "since bash 4: ${BASHPID-}, which may be empty"),
    ("{BASHPID}", "since bash 4: ${BASHPID-}, which may be empty"),
    ("EPOCH", "since bash 5"),
    ("SRANDOM", "since bash 5.1"),
    ("exec {", "since bash 4.1: take a number"),
    (" {~}>", "since bash 4.1: take a number"),
    (" {~}<", "since bash 4.1: take a number"),
    ("{0~..", "zeros in front: since bash 4"),
    ("{~..~..", "steps: since bash 4"),
    ("%(", "printf's times: since bash 4.2"),
    ("printf -v ~[", "since bash 4.1"),
    ("\\u", "since bash 4.2"),
    ("\\U", "since bash 4.2"),
    (" -N ", "read's: since bash 4.1"),
    ("-t ~.", "read's fractions of a second: since bash 4"),
    ("read -~i", "since bash 4"),
    ("globstar", "since bash 4"),
    ("lastpipe", "since bash 4.2"),
    ("inherit_errexit", "since bash 4.4"),
    ("dirspell", "since bash 4"),
    ("ulimit -b", "since bash 4"),
    ("$(case ", "bash 3.2 takes the parenthesis of a pattern for the end"),
    ("<(case ", "bash 3.2 takes the parenthesis of a pattern for the end"),
    ("=()", "under set -u, bash 3.2 takes an empty array for an unset variable"),
];

/// What GNU's programs have and those of macOS do not, and how to do without.
const GNU: [(&str, &str); 37] = [
    ("stat ", "GNU's -c is BSD's -f: read the size with wc -c"),
    ("date -d", "BSD's is -v"),
    ("date -I", "BSD's is new: date +%F"),
    ("date -r", "of a file for GNU, of a number for BSD"),
    ("date --", "BSD has no long options"),
    ("%N", "BSD's date has no nanoseconds"),
    ("%~N", "BSD's date has no fractions of a second"),
    ("sed -~i", "BSD's wants a suffix: write a new file"),
    ("sed -~r", "sed -E"),
    ("mktemp --", "BSD has no long options"),
    ("mktemp -p", "not on macOS: a template with a path"),
    ("mktemp -~t", "a prefix for BSD, a template for GNU: a template with a path"),
    ("head -c -", "BSD counts from the start alone"),
    ("head -n -", "BSD counts from the start alone"),
    ("tail -n+", "BSD wants a space: tail -n +2"),
    ("tail --", "BSD has no long options"),
    ("seq ", "not POSIX: for ((i = 0; …))"),
    ("timeout ", "not on macOS: read -t, or a guard"),
    ("nproc", "not on macOS: getconf _NPROCESSORS_ONLN"),
    ("sort -V", "not in POSIX"),
    ("grep -~P", "not on macOS"),
    ("xargs -~r", "not in POSIX"),
    ("cp -~a ", "not in POSIX: cp -pR"),
    ("cp --", "BSD has no long options"),
    ("ls --", "BSD has no long options"),
    ("ln -~r", "not on macOS"),
    ("du -~b", "not on macOS: wc -c"),
    ("sleep infinity", "BSD's takes a number"),
    ("base64 -w", "not on macOS"),
    ("realpath", "missing before macOS 13"),
    ("sha256sum", "not on macOS: shasum -a 256"),
    ("md5sum", "not on macOS: md5"),
    ("setsid", "not on macOS: set -m"),
    ("truncate -", "not on macOS"),
    ("shuf", "not on macOS"),
    ("tac ", "not on macOS: tail -r"),
    ("ss -", "not on macOS: netstat -an"),
];

/// Programs that differ from system to system, or that a small machine lacks.
const OTHERS: [&str; 6] = ["awk", "sed", "find", "xargs", "bc", "pgrep"];

/// Those of `.github` and `.ci` that run on macOS, too: on a learner's machine, and in a release.
const ELSEWHERE: [&str; 3] = [".github/check", ".github/package", ".ci/book"];

/// The scripts, each with its name and its lines of code.
fn scripts() -> Vec<(String, Vec<String>)> {
    let folder = root().join("scripts");
    let entries = fs::read_dir(&folder).expect("the folder is there");
    let names =
        entries.map(|entry| entry.expect("a name").file_name().to_string_lossy().into_owned());
    let names: Vec<_> = names.filter(|name| name.ends_with(".sh")).collect();
    assert!(names.len() > 8, "{names:?}");
    names.into_iter().map(|name| (name.clone(), code(&folder.join(name)))).collect()
}

/// The scripts and those elsewhere.
fn all_scripts() -> Vec<(String, Vec<String>)> {
    let elsewhere = ELSEWHERE.map(|name| (name.to_owned(), code(&root().join(name))));
    scripts().into_iter().chain(elsewhere).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn code(script: &Path) -> Vec<String> {
    let text = fs::read_to_string(script).expect("a script can be read");
    let lines = text.lines().map(|line| match line.trim_start().starts_with('#') {
        true => String::new(),
        false => line.split(" # ").next().unwrap_or_default().to_owned(),
    });
    lines.collect()
}

/// Where the line has this, in which `~` is a part of a name or a number, or nothing.
fn places<'a>(line: &'a str, part: &'a str) -> impl Iterator<Item = usize> + 'a {
    fn begins(line: &str, part: &str) -> bool {
        let Some((before, after)) = part.split_once('~') else { return line.starts_with(part) };
        let Some(line) = line.strip_prefix(before) else { return false };
        let name = line.find(|char: char| !(char.is_alphanumeric() || char == '_'));
        (0..=name.unwrap_or(line.len()))
            .any(|at| line.get(at..).is_some_and(|line| begins(line, after)))
    }
    line.char_indices().map(|(at, _)| at).filter(|&at| begins(&line[at..], part))
}

fn wrong_in(line: &str) -> Option<&'static str> {
    let refused = REFUSED.iter().find(|(part, _)| places(line, part).next().is_some());
    // of an empty text it makes an unset variable: this needs a guard before it
    let printf =
        line.contains("printf -v") && line.contains("'%b'") && !line.contains("[ -z \"$1\" ] || ");
    refused
        .map(|(_, why)| *why)
        .or(printf.then_some("printf -v of an empty text unsets it in bash 3.2"))
}

/// The first line of each thing that bash 3.2 lacks, with why. What is below a test for a newer bash may use it.
fn wrong_among(lines: &[String]) -> Vec<String> {
    let (mut is_guarded, mut is_inside) = (false, false);
    let mut wrong = Vec::new();
    for (line, number) in lines.iter().zip(1..) {
        let (text, is_free) = (line.trim(), is_guarded);
        is_inside = (is_inside || text.ends_with("$(")) && !text.starts_with(')');
        is_guarded = text.contains("BASH_VERSINFO");
        let case = is_inside && text.starts_with("case ");
        let case = case
            .then_some("a case in $( ): bash 3.2 takes the parenthesis of a pattern for its end");
        if let Some(why) = wrong_in(line).filter(|_| !is_free).or(case) {
            wrong.push(format!("{number}: {text}: {why}"));
        }
    }
    wrong
}

#[test]
fn no_script_uses_what_bash_3_2_reads_differently() {
    for (name, lines) in all_scripts() {
        assert_eq!(wrong_among(&lines), Vec::<String>::new(), "{name}");
    }
}

/// As a command, not as a part of another word, and not where the line has a way around: `… 2>/dev/null || …`.
fn gnu_in(line: &str) -> Option<&'static str> {
    let is_called = |part: &str| {
        places(line, part).any(|at| {
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
    for (name, lines) in all_scripts() {
        for (line, number) in lines.iter().zip(1..) {
            assert_eq!(gnu_in(line), None, "{name}:{number}: {line}");
        }
    }
    for line in [
        "x=$(stat -c %s file)",
        "date +%s%N",
        "date -d yesterday",
        "date +%3N",
        "sed -i s/a/b/ file",
        "sed -ni /a/p file",
        "dir=$(mktemp -p /tmp)",
        "head -c -5 file",
        "for n in $(seq 1 9); do",
        "timeout 3 nc",
        "a=$(readlink -f \"$0\")",
        "cp -ra a b",
        "grep -oP a file",
        "sha256sum file",
    ] {
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
        "printf -v list[2] %s x",
        "printf '%(%H:%M)T'",
        "local all=()",
        "mapfile -t lines <file",
        "readarray lines <file",
        "coproc nc \"$host\" \"$port\"",
        "wait -n",
        "cargo build &>>log",
        "cargo build |& cat",
        "x) echo ;;&",
        "x) echo ;&",
        "echo \"${name@Q}\"",
        "echo \"${list[@]@Q}\"",
        "echo \"${name,,}\"",
        "echo \"${name^}\"",
        "echo \"${list[-1]}\"",
        "echo \"${name:0:-1}\"",
        "declare -A seen",
        "local -rA seen",
        "declare -g found",
        "local -n of=$1",
        "[[ -v name ]]",
        "exec {pipe}>file",
        "cat {pipe}<file",
        "kill \"$BASHPID\"",
        "now=$EPOCHREALTIME",
        "read -r -t 0.1 line",
        "read -r -N 5 line",
        "echo $'\\u2713'",
        "for n in {01..10}; do",
        "for n in {1..10..2}; do",
        "x=$(case $1 in a) echo ;; esac)",
    ] {
        assert!(wrong_in(line).is_some(), "{line}");
    }
    let nested = ["x=$(", "    case $1 in", "        a) echo b ;;", "    esac", ")", "case $x in"];
    assert_eq!(wrong_among(&nested.map(str::to_owned)).len(), 1);
    for line in [
        "[ -z \"$1\" ] || printf -v body '%b' \"$1\"",
        "guard \"${BASHPID-}\"",
        "set -- \"${1%%=*}\" \"${@:2}\"",
        "echo \"${name:-none}\" >&3",
        "(cd \"$copy\" && exec \"${nc[@]}\" <&5)",
        "make_fifos garbage{1..28}",
    ] {
        assert_eq!(wrong_in(line), None, "{line}");
    }
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
