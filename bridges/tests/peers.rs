//! The claims on servers that were not made for them: what each keeps, and what it breaks.

use claims::{Books, CLAIMS, Finding, Verdict};
use probe::server::Server;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many servers run at a time: more would slow each other down.
const AT_A_TIME: usize = 8;

/// Tries every claim on a separate server; one that should be kept is tried twice, since the machine may be busy.
fn findings(start: impl Fn() -> Command, kept: &[&str]) -> BTreeMap<&'static str, Finding> {
    let start = || {
        Server::start(start())
            .unwrap_or_else(|error| panic!("the server does not start: {error:#}"))
    };
    Runtime::new().expect("a runtime starts").block_on(async {
        let (places, mut trials) = (Arc::new(Semaphore::new(AT_A_TIME)), JoinSet::new());
        for claim in CLAIMS {
            let (places, again) = (places.clone(), kept.contains(&claim.name));
            let server = start();
            trials.spawn(async move {
                let _place = places.acquire().await.expect("it is never closed");
                let finding = claim.try_on(server.addr()).await;
                match finding.verdict {
                    Verdict::Broken | Verdict::Unknown if again => {
                        (claim.name, claim.try_on(server.addr()).await)
                    }
                    _ => (claim.name, finding),
                }
            });
        }
        trials.join_all().await.into_iter().collect()
    })
}

/// Fails unless the server keeps these claims, breaks all others except those that may be either, and the figures contain
/// these parts; of parts with `|` between them, one.
#[track_caller]
fn keeps(start: impl Fn() -> Command, kept: &[&str], either: &[&str], figures: &[(&str, &str)]) {
    let findings = findings(start, kept);
    let mut wrong = Vec::new();
    for claim in CLAIMS {
        let Finding { verdict, figure, .. } = &findings[claim.name];
        println!("{verdict:?} {}: {figure}", claim.name);
        if !either.contains(&claim.name)
            && kept.contains(&claim.name) != (*verdict == Verdict::Kept)
        {
            wrong.push(format!("{}: {verdict:?}, {figure}", claim.name));
        }
    }
    for (name, part) in figures {
        if !part.split('|').any(|part| findings[name].figure.contains(part)) {
            wrong.push(format!("{name}: {} (not: {part})", findings[name].figure));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn bridge(binary: &'static str) -> Command {
    let mut command = Command::new(binary);
    command.stderr(Stdio::null());
    command
}

/// The Python script; `None`, with a message, if there is no Python.
fn python(args: &'static [&str]) -> Option<impl Fn() -> Command> {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: this machine has no python3");
        return None;
    }
    Some(move || {
        let mut command = Command::new("python3");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("echo.py");
        command.arg(script).args(args).stderr(Stdio::null());
        command
    })
}

/// Kept by every server that reads a request and responds to it.
const ANY_RESPONSE: &[&str] = &["half-close", "bare-lf", "client-abort"];

/// Kept by hyper, and so by every server on top of it.
const HYPER: &[&str] = &[
    "keep-alive",
    "connection-close",
    "http-1.0",
    "bare-lf",
    "pipeline",
    "chunked",
    "partial-reads",
    "expect-continue",
    "standard-headers",
    "client-abort",
    "slow-client",
    "slow-request",
    "many-idle",
    "slow-reader",
    "threads",
    "field-case",
    "concurrent",
];

/// Kept by axum's `Json` extractor with the type of the course.
const BOUNDARY: &[&str] = &["garbage", "statuses", "users", "amounts", "routes", "round-trip"];

/// hyper drops a request when its sender closes its side: whether the response comes first is a race, and so is how much
/// it reads of what it rejects.
const RACES: &[&str] = &["half-close", "sender-gone", "lingering-close"];

/// Kept by Python's server, with threads and without.
const PYTHON: &[&str] =
    &["echo", "nosniff", "partial-reads", "standard-headers", "field-case", "slow-reader"];

#[test]
fn pythons_http_server_is_a_stage_1() {
    let Some(start) = python(&[]) else { return };
    let kept = [ANY_RESPONSE, PYTHON, &["concurrent"]].concat();
    let figures = [
        ("slow-client", "no response in 2 s"),
        ("slow-request", "no response in 2 s"),
        ("many-idle", "no response in 2 s"),
        ("expect-continue", "no 100 Continue"),
        ("burst", "accepted 100, rejected none"),
    ];
    keeps(start, &kept, &[], &figures);
}

#[test]
fn pythons_threading_http_server_is_a_stage_2() {
    let Some(start) = python(&["--threads"]) else { return };
    let kept = [ANY_RESPONSE, PYTHON, &["slow-client", "slow-request", "many-idle", "concurrent"]]
        .concat();
    let figures = [
        ("slow-client", "answered in"),
        ("threads", "100 connections, 1"), // at least a hundred more threads
        ("garbage", "accepted 12 of 12"),
        ("smuggling", "0 of 11 rejected"),
        ("deadline", "a silent client (left open)"),
    ];
    keeps(start, &kept, &[], &figures);
}

#[test]
fn four_silent_clients_block_the_books_pool_of_four_threads() {
    let kept = [
        ANY_RESPONSE,
        &["unsupported", "slow-client", "slow-request", "slow-reader", "threads", "concurrent"],
    ]
    .concat();
    let figures = [("many-idle", "no response in 2 s"), ("standard-headers", "GET / (no date)")];
    keeps(|| bridge(env!("CARGO_BIN_EXE_rust-book")), &kept, &[], &figures);
}

#[test]
fn an_echo_of_axum_is_a_stage_2() {
    let kept = [HYPER, &["echo", "nosniff", "head"]].concat();
    let figures = [
        ("malformed", "no Host (answered 200 OK)"),
        ("smuggling", "a length and chunks (answered 200 OK)"),
        ("garbage", "accepted 12 of 12"),
        ("deadline", "10 of 10 still open"),
        ("burst", "accepted 100, rejected none"),
    ];
    keeps(|| bridge(env!("CARGO_BIN_EXE_axum-echo")), &kept, RACES, &figures);
}

#[test]
fn axums_extractor_is_a_boundary_but_not_a_deadline() {
    let kept = [HYPER, BOUNDARY].concat();
    let figures = [
        ("garbage", "rejected 12 of 12, accepted a valid event"),
        // whether the one that does not read is disconnected is a race
        (
            "deadline",
            "an idle client (left open), a silent client (left open), half a head (left open)|of 10 still open after 14 s",
        ),
        ("reads-not-blocked", "GET /balances returns 404"),
        ("burst", "accepted 100, rejected none"),
    ];
    keeps(|| bridge(env!("CARGO_BIN_EXE_axum-stage3")), &kept, RACES, &figures);
}

/// Kept by a queue with one worker, bounded or not.
const STATE: &[&str] = &[
    "reads-not-blocked",
    "no-lost-update",
    "many-users",
    "in-order",
    "balances-sorted",
    "overflow",
];

#[test]
fn axum_with_a_bounded_queue_is_a_stage_5() {
    let kept = [HYPER, BOUNDARY, STATE, &["stats-consistent", "retry-after", "burst", "none-lost"]];
    let figures = [
        ("no-lost-update", "55 acknowledged, 55 counted"),
        ("retry-after", "accepted 9 s later"),
        ("burst", ", rejected "),
        ("burst", " in "),
    ];
    keeps(|| bridge(env!("CARGO_BIN_EXE_axum-stage5")), &kept.concat(), RACES, &figures);
}

#[test]
fn axum_without_a_bound_accepts_every_event() {
    let start = || {
        let mut command = bridge(env!("CARGO_BIN_EXE_axum-stage5"));
        command.arg("--unbounded");
        command
    };
    let kept = [HYPER, BOUNDARY, STATE, &["stats-consistent"]].concat();
    // it loses no event, but the last one may be applied after the claim has stopped waiting
    let either = [RACES, &["none-lost"]].concat();
    let figures = [
        ("stats-consistent", "accepted 30, rejected 0"),
        ("retry-after", "rejected none"),
        ("burst", "accepted 100, rejected none"),
    ];
    keeps(start, &kept, &either, &figures);
}

/// What these claims find, one after another, on a server with a limit of two at a time.
fn two_at_a_time<const N: usize>(args: &[&str], names: [&str; N]) -> [(Verdict, String); N] {
    let mut command = bridge(env!("CARGO_BIN_EXE_axum-limit"));
    command.args(args);
    let server = Server::start(command).expect("the server starts");
    let (runtime, books) = (Runtime::new().expect("a runtime starts"), Books::default());
    names.map(|name| {
        let claim = claims::claim(name).expect("it is a claim");
        let finding = runtime.block_on(claim.try_in_check(server.addr(), &books, &mut None));
        (finding.verdict, finding.figure)
    })
}

#[test]
fn axums_concurrency_limit_layer_limits_each_connection_and_so_nothing() {
    let [burst, stats] = two_at_a_time(&[], ["burst", "stats-consistent"]);
    assert_eq!(burst, (Verdict::Broken, "accepted 100, rejected none".into()));
    assert_eq!(stats, (Verdict::Broken, "30 queued, capacity 2".into()));
}

/// One by one, events are never rejected here: `retry-after` gives up, and what it sent counts for `none-lost`.
#[test]
fn axums_global_concurrency_limit_layer_limits_the_server() {
    let names = ["burst", "stats-consistent", "retry-after", "none-lost"];
    let [burst, stats, retry, lost] = two_at_a_time(&["--global"], names);
    assert_eq!(burst.0, Verdict::Kept, "{}", burst.1);
    assert!(burst.1.starts_with("accepted 2, rejected 98 in "), "{}", burst.1);
    assert_eq!(stats.0, Verdict::Kept, "{}", stats.1);
    assert_eq!(retry.0, Verdict::Broken, "{}", retry.1);
    assert!(retry.1.ends_with("one by one in 3 s, rejected none"), "{}", retry.1);
    assert_eq!(lost.0, Verdict::Kept, "{}", lost.1);
}
