//! `client check` and `client claims`, on a server that keeps the claims of stage 2: a thread for each connection.

mod outside;

use claims::{CLAIMS, GARBAGE, Group};
use http1::{Response, StatusCode, header};
use outside::{http_server, run};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;

fn echo() -> SocketAddr {
    http_server(|_, request| Response::text(request.into_body())).0
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_claims_of_the_lesson_come_first() {
    let addr = echo().to_string();
    let printed = text(&run(&["check", "2", "--json", &addr]).stdout);
    let groups: Vec<_> = printed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON")["group"].clone())
        .collect();
    assert!(groups.contains(&"lesson".into()) && groups.contains(&"http".into()), "{printed}");
    assert!(groups.is_sorted_by_key(|group| *group == "http"), "{printed}");
}

#[test]
fn a_broken_claim_shows_what_was_found_and_how_to_reproduce_it() {
    let addr = echo().to_string();
    let only = ["--only", "keep-alive", "--only", "garbage", "--only", "reads-not-blocked"];
    let output = run(&[&["check", "5", "--addr", &addr], &only[..]].concat());
    let printed = text(&output.stdout);
    for part in [
        "✓ keep-alive",
        "✗ garbage            malformed input gets a 4xx, and a valid event is still accepted\n",
        "    found: accepted 12 of 12\n",
        &format!(
            "    reproduce: curl -i -d '[\"alice\", 5]' -H 'content-type: application/json' http://{addr}/events\n"
        ),
        "    found: GET /balances returns no figures\n",
        "\nstage 5: 0 of 2 claims\nHTTP: 1 of 1 claims\n",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert_eq!(output.status.code(), Some(1));
}

/// The figure of the claim `garbage`, and the output of the command that reproduces it.
fn check_garbage(addr: SocketAddr) -> (String, String) {
    let printed =
        text(&run(&["check", "3", "--json", "--only", "garbage", &addr.to_string()]).stdout);
    let line: Value = serde_json::from_str(&printed).expect("a line of JSON");
    let command = line["by_hand"].as_str().expect("a command");
    let shown = Command::new("bash").args(["-c", command]).output().expect("there is bash");
    (line["figure"].as_str().expect("a figure").to_owned(), text(&shown.stdout))
}

#[test]
fn the_command_for_accepted_garbage_reproduces_the_kind_that_was_accepted() {
    for accepted in &GARBAGE {
        let (addr, _) = http_server(move |_, request| {
            match request.header(header::CONTENT_TYPE) == Some(accepted.content_type)
                && request.body() == accepted.body
            {
                true => Response::text("accepted".into()),
                false => {
                    Response::problem(StatusCode::UNPROCESSABLE_ENTITY, "this is not an event")
                }
            }
        });
        let (figure, shown) = check_garbage(addr);
        let accepted = accepted.what;
        assert_eq!(
            (&*figure, shown.lines().next()),
            ("accepted 1 of 12", Some("HTTP/1.1 200 OK")),
            "{accepted}"
        );
    }
}

#[test]
fn a_server_that_rejects_every_event_does_not_keep_the_claim_garbage() {
    let (addr, _) =
        http_server(|_, _| Response::problem(StatusCode::NOT_FOUND, "there is no such path"));
    let (figure, shown) = check_garbage(addr);
    assert_eq!(figure, "rejected 12 of 12, but also a valid event: answered 404 Not Found");
    assert_eq!(shown.lines().next(), Some("HTTP/1.1 404 Not Found"));
}

#[test]
fn check_prints_the_same_as_json() {
    let addr = echo().to_string();
    let output = run(&[
        "check",
        "3",
        "--json",
        "--only",
        "routes",
        "--only",
        "keep-alive",
        &format!("http://{addr}/"),
    ]);
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let found: Vec<_> =
        lines.iter().map(|line| (line["name"].as_str(), line["kept"].as_bool())).collect();
    assert_eq!(found, [(Some("routes"), Some(false)), (Some("keep-alive"), Some(true))]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn check_without_a_server_is_one_line_and_exit_code_3() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = run(&["check", "1", &free]);
    let printed = text(&output.stderr);
    assert_eq!(
        (output.status.code(), printed.lines().count(), &output.stdout[..]),
        (Some(3), 1, &b""[..]),
        "{printed}"
    );
    assert!(printed.contains("no server listens there"), "{printed}");
}

#[test]
fn a_bad_command_line_is_exit_code_2_and_names_what_is_wrong() {
    for (args, named) in [
        (&["check"][..], "STAGE"),
        (&["check", "0"], "STAGE"),
        (&["check", "8"], "STAGE"),
        (&["check", "all"], "STAGE"),
        (&["check", "3", "--only", "nonsense"], "client claims"),
        (&["check", "3", "--only", "burst"], "burst"),
        (&["check", "4", "--only", "in-time"], "in-time"),
        (&["check", "3", "https://localhost"], "http://"),
        (&["check", "3", "localhost:8080", "--addr", "localhost:8080"], "--addr"),
        (&["claims", "3"], "3"),
    ] {
        let output = run(args);
        let error = text(&output.stderr);
        assert_eq!(
            (output.status.code(), &output.stdout[..]),
            (Some(2), &b""[..]),
            "{args:?}: {error}"
        );
        assert!(error.contains(named), "{args:?}: {error}");
    }
}

#[test]
fn claims_lists_every_claim_with_its_stages_and_its_command() {
    let printed = text(&run(&["claims"]).stdout);
    assert_eq!(printed.lines().count(), 2 * CLAIMS.len());
    assert!(
        printed.contains("-234567  slow-client        a silent client blocks no one else\n"),
        "{printed}"
    );
    assert!(
        printed.contains("                            scripts/flood.sh -n 1 -t 3 127.0.0.1:8080\n"),
        "{printed}"
    );
    let lines = text(&run(&["claims", "--json"]).stdout);
    let first: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (first["name"].as_str(), first["kept_by"].as_array().map(Vec::len)),
        (Some("echo"), Some(2))
    );
}

#[test]
fn a_bound_that_no_stage_has_is_tried_only_by_its_name() {
    let addr = echo().to_string();
    let output = run(&["check", "5", "--only", "in-time", "--only", "in-time", &addr]);
    let printed = text(&output.stdout);
    assert_eq!(printed.matches("is done within a second").count(), 1, "{printed}");
    assert!(printed.starts_with("? in-time "), "{printed}");
    assert!(printed.ends_with("\nbounds: 0 of 1 claims, 1 unknown\n"), "{printed}");
    assert_eq!(output.status.code(), Some(4));
    let listed = text(&run(&["claims"]).stdout);
    assert!(listed.contains("\n-------  in-time "), "{listed}");
    assert!(listed.contains(" (a patch in bounds/)\n"), "{listed}");
}

#[test]
fn the_commands_with_curl_show_the_servers_response() {
    let addr = echo();
    let by_curl =
        |command: &str| !["cargo ", "scripts/", "nc "].iter().any(|other| command.contains(other));
    let claims =
        CLAIMS.iter().filter(|claim| claim.kept_by.contains(&2) && by_curl(&claim.command(addr)));
    thread::scope(|scope| {
        for claim in claims {
            scope.spawn(move || {
                let command = claim.command(addr);
                let output =
                    Command::new("bash").args(["-c", &command]).stdin(Stdio::null()).output();
                let output = output.expect("there is bash");
                let seen = text(&output.stdout) + &text(&output.stderr);
                assert!(seen.contains("HTTP/1.1 "), "{command}: {seen}");
            });
        }
    });
}

#[test]
fn each_claim_has_a_unique_name_a_sentence_and_a_command_that_a_shell_can_read() {
    for (number, claim) in CLAIMS.iter().enumerate() {
        assert!(
            CLAIMS[..number].iter().all(|other| other.name != claim.name),
            "{} twice",
            claim.name
        );
        assert!(claim.sentence.len() > 20 && !claim.sentence.ends_with('.'), "{}", claim.sentence);
        assert_eq!(claim.kept_by.is_empty(), claim.group == Group::Bound, "{}", claim.name);
        assert!(claim.kept_by.is_sorted(), "{}", claim.name);
        let command = claim.command("127.0.0.1:8080");
        // crash.sh starts the server that it kills
        let has_addr = command.contains("127.0.0.1:8080") || command == "scripts/crash.sh 6";
        assert!(has_addr && !command.contains("{addr}"), "{command}");
        let read =
            Command::new("bash").args(["-n", "-c", &command]).status().expect("there is bash");
        assert!(read.success(), "{}: {command}", claim.name);
    }
    let compared = CLAIMS.iter().filter(|claim| claim.compared);
    assert!(
        (5..=8).contains(&compared.count()),
        "a table that is shown to a class has no more rows"
    );
}

#[test]
fn a_claim_is_also_found_by_its_former_name() {
    let addr = echo().to_string();
    let only = |name| run(&["check", "2", "--json", "--only", name, &addr]).stdout;
    let line: Value =
        serde_json::from_slice(&only("silent")).expect("a line of JSON for one claim");
    assert_eq!(line["name"], "slow-client");
    for claim in CLAIMS {
        let former = claim.former_name.unwrap_or(claim.name);
        assert_eq!(claims::claim(former).map(|claim| claim.name), Some(claim.name));
    }
}
