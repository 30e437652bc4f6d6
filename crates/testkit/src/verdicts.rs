//! Every claim on one stage: what it keeps, and what it must break.

use crate::start;
use claims::{Books, CLAIMS, Claim, Finding, Verdict, claims_of};
use probe::server::Server;
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
                let (server, books) = (start(binary, &[]), Books::default());
                (claim, try_on(&server, claim, &books, claim.expected(stage)).await)
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
async fn try_on(server: &Server, claim: &Claim, books: &Books, expected: Verdict) -> Finding {
    let mut tries = 1;
    loop {
        let finding = claim.try_in_check(server.addr(), books, &mut None).await;
        if finding.verdict == expected || expected == Verdict::Broken || tries == TRIES {
            return finding;
        }
        tries += 1;
    }
}

/// Tries all claims that the stage keeps one after another on one server, as `client check` does:
/// none leaves anything behind that breaks the next.
pub fn one_server_must_keep_its_claims_in_a_row(binary: &str, stage: u8, args: &[&str]) {
    server_must_keep_the_claims_of(stage, &start(binary, args));
}

/// The same for a server that runs.
pub fn server_must_keep_the_claims_of(stage: u8, server: &Server) {
    Runtime::new().expect("a runtime starts").block_on(async {
        let books = Books::default();
        for claim in claims_of(stage) {
            let finding = try_on(server, claim, &books, Verdict::Kept).await;
            assert_eq!(
                finding.verdict,
                Verdict::Kept,
                "{}: {}\n{:#?}",
                claim.sentence,
                finding.figure,
                finding.trace
            );
        }
    });
}
