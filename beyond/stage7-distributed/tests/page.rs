//! The lesson is true: each of its commands is run and each of its outputs compared, and it names tests, options and
//! code that exist.

mod cluster;
#[path = "../../stage6-durable/tests/outside/mod.rs"]
mod outside;

use cluster::{BINARY, Cluster, introduces_itself_with, of_version};
use lessons::output;
use lessons::page::Page;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use testkit::Server;

fn read(path: &str) -> String {
    let text = std::fs::read_to_string(outside::root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn lesson() -> String {
    read("beyond/stage7-distributed/README.md")
}

/// What a reader types goes to the servers that the lesson has started, which have other addresses here.
const HABITS: &str = r#"
curl() { command curl -sS "$@"; }
cargo() {
    case "$1 $2" in
        'client load') shift 2; "$CLIENT" load "$@" "$FIRST" ;;
        'client check') shift 2; "$CLIENT" check "$@" ;;
        *) "$STAGE7" --addr 127.0.0.1:0 --nats "$OLD" "${@:2}" ;;
    esac
}
pkill() { [ "$*" = '-9 nats-server' ] && kill -9 $PROCESSES; }
# until the cluster is back and nothing is queued: a busy machine takes longer than the lesson
sleep() {
    local left=600
    until command curl -sS "$FIRST/stats" 2>&1 | grep -q '"queued":0' || [ $((left -= 1)) = 0 ]; do command sleep 0.1; done
}
"#;

/// Where the lesson is followed: what it has started stays for the commands that follow.
struct Terminal {
    client: String,
    /// An older NATS server.
    old: String,
    cluster: Cluster,
    fronts: Vec<Server>,
    /// The functions that the lesson has defined.
    defined: String,
}

impl Terminal {
    /// Runs a command, and compares; what went otherwise.
    fn follow(&mut self, command: &str, shown: &str) -> Result<(), String> {
        let words: Vec<_> = command.split_whitespace().collect();
        let printed = match words.as_slice() {
            ["scripts/cluster.sh", args @ ..] => {
                self.fronts.clear(); // they end before their cluster
                self.cluster = Cluster::start(args).expect("there was one before");
                self.cluster.as_printed()
            }
            ["cargo", "stage7", args @ ..] if shown.is_empty() => {
                let (name, args) = match args {
                    ["--name", name, rest @ ..] => (*name, rest),
                    ["--addr", "127.0.0.1:8081"] => ("events", &args[2..]), // any port is free here
                    args => ("events", args),
                };
                if !command.contains("--addr") {
                    self.fronts.clear(); // the port of the one before
                }
                self.fronts.push(self.cluster.server(name, args));
                String::new()
            }
            _ if command.contains("() {") => {
                self.defined += &format!("{command}\n");
                String::new()
            }
            _ => match self.run(command) {
                (printed, false) if shown.is_empty() => {
                    return Err(format!("$ {command}\nthis fails:\n{printed}"));
                }
                (printed, _) => printed,
            },
        };
        if shown.is_empty() {
            return Ok(()); // it shows nothing of what comes
        }
        let differs =
            |(_, line)| format!("$ {command}\nthis is shown: {line}\nand this came:\n{printed}");
        output::matches(shown, &printed).map_err(differs)
    }

    /// What it prints, and whether it ends with 0.
    fn run(&self, command: &str) -> (String, bool) {
        let addresses: Vec<_> = self.fronts.iter().map(|front| front.addr().to_string()).collect();
        let command = command
            .replace("127.0.0.1:8080", &addresses[0])
            .replace("127.0.0.1:8081", addresses.get(1).unwrap_or(&addresses[0]))
            .replace("crash.sh 7", "crash.sh \"$STAGE7\" -- --nats \"$NATS\" --name crash");
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("{HABITS}{}\n{{ {command}; }} 2>&1", self.defined)]);
        shell.current_dir(outside::root()).env("CLIENT", &self.client).env("STAGE7", BINARY);
        shell.env("NATS", &self.cluster.nats).env("OLD", &self.old).env("FIRST", &addresses[0]);
        shell.env("PROCESSES", self.cluster.processes().join(" "));
        let output =
            shell.env("RUST_LOG", "off").env("NC", "none").output().expect("bash can be run");
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
    }
}

#[test]
fn every_command_of_the_lesson_prints_what_the_lesson_shows() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let client = outside::client().to_string_lossy().into_owned();
    let old = introduces_itself_with(of_version("2.10.26", true), "PONG");
    let mut terminal = Terminal { client, old, cluster, fronts: vec![], defined: String::new() };
    let page = Page::parse(Path::new("README.md"), &lesson());
    let blocks = page.blocks.iter().filter(|block| block.language == "console");
    let (mut wrong, mut commands) = (Vec::new(), 0);
    for (command, shown) in blocks.flat_map(|block| commands_of(&block.text)) {
        wrong.extend(terminal.follow(&command, &shown).err());
        commands += 1;
    }
    assert!(commands > 12, "{commands}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lines after a `$`, each with what is shown below it.
fn commands_of(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push((command.into(), String::new())),
            (None, Some((_, shown))) => *shown += &format!("{line}\n"),
            (None, None) => panic!("the output of no command: {line}"),
        }
    }
    found
}

#[test]
fn every_test_that_the_lesson_names_exists() {
    let (text, package) = (lesson(), Path::new(env!("CARGO_MANIFEST_DIR")));
    let tests: String = std::fs::read_dir(package.join("tests"))
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    let (_, table) = text.split_once("| point | test |").expect("the table");
    let named: BTreeSet<_> = table.split('`').skip(1).step_by(2).collect();
    assert!(named.len() > 15, "{named:?}");
    for test in named {
        assert!(tests.contains(&format!("fn {test}()")), "there is no test {test}");
    }
}

#[test]
fn every_option_is_in_the_lesson() {
    let help = testkit::run(env!("CARGO_BIN_EXE_stage7-distributed"), &["--help"], &[]).stdout;
    let help = String::from_utf8(help).unwrap();
    let pages = lesson() + &read("stage5-backpressure/README.md");
    for option in help.split_whitespace().filter(|word| word.starts_with("--")) {
        let is_common = ["--addr", "--timeout", "--body-memory", "--help"].contains(&option);
        assert!(is_common || pages.contains(option.trim_end_matches(',')), "{option}: no page");
    }
}

#[test]
fn every_quotation_stands_in_the_code() {
    let text = lesson();
    let quotations = text.split("\n```rust").skip(1);
    for quotation in quotations {
        let (file, rest) = quotation.split_once('\n').expect("a first line");
        let (quoted, _) = rest.split_once("\n```").expect("the block ends");
        let file = match file.trim() {
            "" => "beyond/stage7-distributed/src/main.rs",
            named => named,
        };
        assert!(read(file).contains(quoted), "not in {file}: {quoted}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let text = lesson();
    let links = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    for link in links.filter(|link| !link.starts_with("http")) {
        let path = outside::root().join("beyond/stage7-distributed").join(link);
        assert!(path.exists(), "{link} leads nowhere");
    }
}
