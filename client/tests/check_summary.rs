//! The whole of `client check`, on a server with a thread for each connection. It is alone in its process, whose threads
//! are counted.

mod outside;

use claims::{CLAIMS, Group};
use http1::Response;
use outside::{http_server, run, stdout};

/// The verdict of `threads` on a server in this process; where there is no /proc, it cannot be counted.
const BROKEN_BY_THREADS: &str = if cfg!(target_os = "linux") { "✗" } else { "?" };

#[test]
fn check_has_a_line_for_each_claim_and_counts_them() {
    let (addr, _) = http_server(|_, request| Response::text(request.into_body()));
    let addr = addr.to_string();
    let output = run(&["check", "2", &addr]);
    let printed = stdout(&output);
    let promised: Vec<_> = CLAIMS.iter().filter(|claim| claim.kept_by.contains(&2)).collect();
    for claim in &promised {
        let line = printed.lines().find(|line| line.contains(claim.sentence));
        let mark = if claim.name == "threads" { BROKEN_BY_THREADS } else { "✓" };
        assert!(
            line.is_some_and(|line| line.starts_with(&format!("{mark} {}", claim.name))),
            "{}: {printed}",
            claim.name
        );
    }
    let http = promised.iter().filter(|claim| claim.group == Group::Http).count();
    let lesson = promised.len() - http;
    let (kept, code) = if BROKEN_BY_THREADS == "✗" {
        (format!("{} of {lesson} claims", lesson - 1), 1)
    } else {
        (format!("{} of {lesson} claims, 1 unknown", lesson - 1), 4)
    };
    let summary = format!(
        "\nstage 2: {kept}\nHTTP: {http} of {http} claims (not decisive without --strict)\n"
    );
    assert!(printed.ends_with(&summary), "{printed}");
    assert_eq!((output.status.code(), printed.contains('\u{1b}')), (Some(code), false));
}
