//! Every claim on one stage: what it keeps, and what it must break.

use crate::PATIENCE;
use claims::{Books, CLAIMS, Claim, Finding, Verdict, claims_of};
use probe::server::Server;
use probe::started::Started;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How often a claim that should be kept is tried: a busy machine can make a server look slow, but
/// not fast.
const TRIES: usize = 3;

/// How many servers run at a time: more would slow each other down.
const AT_A_TIME: usize = 8;

/// Tries each claim on a separate server: kept where the lessons say so, and broken everywhere
/// else.
pub fn each_claim_must_be_as_the_lessons_say(binary: &'static str, stage: u8) {
    Runtime::new().expect("a runtime starts").block_on(async {
        let (places, mut trials) = (Arc::new(Semaphore::new(AT_A_TIME)), JoinSet::new());
        for claim in CLAIMS {
            let places = places.clone();
            trials.spawn(async move {
                let _place = places.acquire().await.expect("it is never closed");
                let (server, books) = (start(binary, &[]).await, Books::default());
                let addr = server.addr();
                (claim, try_on(addr, &mut Some(server), claim, &books, claim.expected(stage)).await)
            });
        }
        let mut otherwise = Vec::new();
        while let Some(trial) = trials.join_next().await {
            let (claim, finding) = trial.expect("a trial does not panic");
            println!("{:?} {}: {}", finding.verdict, claim.name, finding.figure);
            if !is_as_expected(claim, stage, finding.verdict) {
                otherwise.push((claim.name, finding.figure));
            }
        }
        assert!(otherwise.is_empty(), "stage {stage} is not as the lessons say: {otherwise:?}");
    });
}

/// A stage without what it takes to tell, such as `GET /stats`, leaves a claim unknown instead of breaking it; but not one
/// that the comparison shows.
fn is_as_expected(claim: &Claim, stage: u8, verdict: Verdict) -> bool {
    let expected = claim.expected(stage);
    verdict == expected
        || expected == Verdict::Broken && verdict == Verdict::Unknown && !claim.compared
}

/// A claim that should be kept is tried again if it is not.
async fn try_on(
    addr: SocketAddr,
    server: &mut Option<Started>,
    claim: &Claim,
    books: &Books,
    expected: Verdict,
) -> Finding {
    let mut tries = 1;
    loop {
        let finding = claim.try_in_check(addr, books, server).await;
        if finding.verdict == expected || expected == Verdict::Broken || tries == TRIES {
            return finding;
        }
        tries += 1;
    }
}

/// Tries all claims that the stage keeps one after another on one server, as `client check` does:
/// none leaves anything behind that breaks the next.
pub fn one_server_must_keep_its_claims_in_a_row(binary: &str, stage: u8, args: &[&str]) {
    Runtime::new().expect("a runtime starts").block_on(async {
        let server = start(binary, args).await;
        must_keep_the_claims_of(stage, server.addr(), Some(server)).await;
    });
}

/// The same for a server that runs.
pub fn server_must_keep_the_claims_of(stage: u8, server: &Server) {
    let runtime = Runtime::new().expect("a runtime starts");
    runtime.block_on(must_keep_the_claims_of(stage, server.addr(), None));
}

async fn must_keep_the_claims_of(stage: u8, addr: SocketAddr, mut server: Option<Started>) {
    let books = Books::default();
    for claim in claims_of(stage) {
        let finding = try_on(addr, &mut server, claim, &books, Verdict::Kept).await;
        assert_eq!(
            finding.verdict,
            Verdict::Kept,
            "{}: {}\n{:#?}",
            claim.sentence,
            finding.figure,
            finding.trace
        );
    }
}

/// As `client check --start` does it: some claims kill the server.
async fn start(binary: &str, args: &[&str]) -> Started {
    let args: String = args.iter().map(|arg| format!(" '{arg}'")).collect();
    let command = format!("RUST_LOG=off exec '{binary}' --addr 127.0.0.1:{{port}}{args}");
    let command = command.parse().expect("it has a port");
    let log = tempfile::NamedTempFile::new().expect("a file"); // once it is open, it needs no name
    Started::start(command, log.path(), PATIENCE).await.expect("the server starts")
}
