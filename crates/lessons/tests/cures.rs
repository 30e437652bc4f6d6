//! The cures, wrong ones and bounds: each patch is known to `scripts/cure.sh`, a lesson tests it, and a bound leaves
//! everything else of stage 5 as it is.

use lessons::page::Page;
use probe::server::Server;
use probe::stages::STAGES;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Each bound, with what puts it out of reach: then it is a stage 5.
const BOUNDS: [(&str, [&str; 2]); 3] = [
    ("in-time", ["--within", "1h"]),
    ("reserved-places", ["--reserve", "0"]),
    ("fair-share", ["--share", "18"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/lessons is in the workspace")
        .into()
}

fn cure(args: &[&str]) -> Output {
    Command::new(root().join("scripts/cure.sh"))
        .args(args)
        .output()
        .expect("scripts/cure.sh can be run")
}

/// Whether this machine has what cure.sh needs; a message if not.
fn can_be_tried() -> bool {
    let missing = probe::tools::missing_for("scripts/cure.sh ");
    if let Some(tool) = missing {
        println!("not tried: {tool:?} is missing");
    }
    missing.is_none()
}

/// Starts stage 5 with a bound.
fn start(bound: &str, options: &[&str]) -> Server {
    static BINARY: Mutex<()> = Mutex::new(()); // all patches of a stage build the same one
    let _alone = BINARY.lock().unwrap_or_else(PoisonError::into_inner);
    let built = cure(&[bound, "--", "--help"]);
    assert!(built.status.success(), "{bound}: {}", String::from_utf8_lossy(&built.stderr));
    let mut script = Command::new(root().join("scripts/cure.sh"));
    script.args([bound, "--"]).args(options).env("RUST_LOG", "off").stderr(Stdio::null());
    Server::start(script).unwrap_or_else(|error| panic!("{bound} does not start: {error:#}"))
}

/// What curl prints.
fn curl(args: &[&str], url: String) -> String {
    let output = Command::new("curl").arg("-sS").args(args).arg(url).output();
    String::from_utf8(output.expect("there is curl").stdout).expect("JSON")
}

fn cures(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).expect("this folder is there");
    let names = entries
        .map(|entry| entry.expect("so are its entries").file_name().to_string_lossy().into_owned());
    let cures: Vec<_> =
        names.filter_map(|name| name.strip_suffix(".patch").map(String::from)).collect();
    assert!(!cures.is_empty());
    cures
}

/// The commands of a lesson.
fn commands(path: &str) -> Vec<String> {
    let page = Page::read(&root().join(path)).expect("the lesson is there");
    let commands = page.blocks.into_iter().filter(|block| block.language == "sh");
    commands.map(|block| block.text.trim().to_owned()).collect()
}

#[test]
fn each_cure_is_in_the_help_and_is_run_by_a_lesson() {
    let help = String::from_utf8(cure(&["--help"]).stdout).expect("help is text");
    let is_known = |name: &str| help.contains(&format!("\n  {name} "));
    let lessons = STAGES.map(|stage| commands(&format!("{stage}/README.md"))).concat();
    for name in cures("wrong-cures") {
        assert!(is_known(&name), "{name} is not in the help: {help}");
        let run = format!("scripts/cure.sh {name}");
        assert!(lessons.contains(&run), "no lesson runs {run}");
    }
    let mut bounds = cures("bounds");
    bounds.sort();
    let mut listed = BOUNDS.map(|(name, _)| name);
    listed.sort();
    assert_eq!(bounds, listed, "each is tried below");
    for name in bounds {
        assert!(is_known(&name), "{name} is not in the help: {help}");
        let (run, check) =
            (format!("scripts/cure.sh {name}"), format!("cargo client check 5 --only {name}"));
        let lesson = commands(&format!("bounds/{name}.md"));
        let is_start = |command: &String| {
            command
                .strip_prefix(&run)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(" -- "))
        };
        let started = lesson.iter().position(is_start);
        let started = started.unwrap_or_else(|| panic!("its lesson does not run {run}"));
        let (before, after) = lesson.split_at(started);
        let tries = |commands: &[String]| commands.iter().any(|command| command.contains(&check));
        assert!(tries(before) && tries(after), "its lesson tries {name} before and after");
    }
}

#[test]
fn without_its_bound_each_patch_is_a_stage_5() {
    if !can_be_tried() {
        return;
    }
    thread::scope(|scope| {
        for (name, options) in BOUNDS {
            scope.spawn(move || {
                let server = start(name, &[&options[..], &["--work", "100ms"]].concat());
                testkit::verdicts::server_must_keep_the_claims_of(5, &server);
            });
        }
    });
}

/// While the process is stopped its clock runs on: the event in hand takes three seconds, whatever `--work` says.
#[test]
fn the_bound_in_time_believes_what_it_measures() {
    if !can_be_tried() {
        return;
    }
    let server = start("in-time", &["--work", "200ms", "--within", "2s"]);
    let url = |path: &str| format!("http://{}{path}", server.addr());
    let body = r#"{"user": "alice", "amount": 1}"#;
    let post = |count: usize| {
        let send = || curl(&["-d", body, "-H", "content-type: application/json"], url("/events"));
        (0..count).map(|_| send()).filter(|response| !response.contains("503")).count()
    };
    let idle = || {
        while !curl(&[], url("/stats")).contains("\"queued\":0") {
            thread::sleep(Duration::from_millis(20));
        }
    };
    let before = post(9);
    assert!((8..=9).contains(&before), "nine take 1.8 s: accepted {before}");
    server.signal("STOP").expect("it runs");
    thread::sleep(Duration::from_secs(3));
    server.signal("CONT").expect("it is still there");
    let mut measured = false;
    while !measured {
        measured = !curl(&[], url("/stats")).contains("\"processed\":0");
    }
    assert_eq!(post(9), 0, "eight events of three seconds each are not done within two");
    idle(); // it has measured 200 ms again
    let after = post(9);
    assert!(after > 2, "accepted {after}");
}

#[test]
fn a_bad_command_line_is_refused_with_the_usage() {
    for (args, because) in [
        (&[][..], "which cure? give its name"),
        (&["--nonsense"], "unknown option --nonsense"),
        (&["no-such"], "there is no cure 'no-such'"),
        (&["../rwlock"], "there is no cure '../rwlock'"),
        (&["rwlock", "--work", "1s"], "the server's options come after --, not '--work'"),
    ] {
        let output = cure(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.ends_with(&format!("\ncure.sh: {because}\n")), "{args:?}: {errors}");
        assert!(errors.contains("\nusage: scripts/cure.sh "), "{args:?}: {errors}");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}
